"""What a self-test of a device checks, in order and in words. Needs no torch."""

from __future__ import annotations

CHECKLIST: dict[str, tuple[str, ...]] = {
    "device": ("versions and precisions",),
    "forward": (
        "ResNet-50 against the CPU", "ResNet-18 against the CPU", "ResNet-56 against the CPU", "predictions",
        "attributions",
    ),
    "speed": ("images a second", "the live path", "launch overhead", "torch.compile"),
    "memory": ("a request that can't fit", "a training that can't fit", "a thousand images in a row"),
    "training": (
        "precisions and optimizers", "skipped steps", "resuming", "speed against a bare loop", "torchrun",
        "data from JPEGs",
    ),
}  # fmt: skip
"""The checks of each group. `compute/run.py` has the function of each."""
THOROUGH = {
    "ResNet-18 against the CPU", "ResNet-56 against the CPU", "torch.compile", "torchrun", "data from JPEGs",
}  # fmt: skip
"""What takes longest, and is left out of a quick test."""


def planned(*, quick: bool) -> tuple[tuple[str, str], ...]:
    """The group and the title of each check, in order."""
    return tuple(
        (group, title) for group, titles in CHECKLIST.items() for title in titles if not (quick and title in THOROUGH)
    )
