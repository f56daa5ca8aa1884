"""How much memory a network needs, estimated before any of it is allocated. Needs no torch."""

from __future__ import annotations

import os
import platform
from bisect import bisect_right
from collections import Counter
from decimal import ROUND_DOWN, ROUND_UP
from functools import cache
from itertools import pairwise
from pathlib import Path

from resnet_studio.formatting import about_memory
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.heap import Peak
from resnet_studio.networks.live_tensors import WORD, inference_peak, mapping_batches, training_peak
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import title

SHARE = 0.8
"""Part of the machine's memory that one network may take."""
STATES = {"sgd": 1, "adamw": 2}
"""Values that an optimizer keeps for each weight."""
ERROR = 0.15
"""How far a prediction may be off, as a share of it: on the CPU, for the presets. `docs/decisions.md` has the cases."""
HELD, HOLES = 1.22, 0.72
"""What glibc's heap takes in a training: in the bytes of the small tensors that are alive at the worst moment, and in
those of the others of a forward pass. What these leave are holes: PyTorch's tensors are aligned to 64 bytes, for which
glibc wants a larger block than one that a tensor of the same size has left. Fitted to measured peaks."""
KEPT_IN_INFERENCE = 1.5
"""What it takes in inference, in the bytes of the small tensors that are alive at a time. That depends on their sizes:
measured, 0.5 to 4.2, so predictions of inference are off by up to a half where small tensors are most of it."""
MAX_BATCH = 65_536
PROCESS_BYTES = 720_000_000
"""What a process takes that has imported torch and trained a small network: the process's own share."""
CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
"""Memory limit of a container on Linux (cgroup v2), in bytes."""


def machine_memory() -> int | None:
    """Bytes of memory in this machine, or that its container may use; None if the system doesn't tell."""
    if not hasattr(os, "sysconf"):
        return None
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(physical, int(CONTAINER_LIMIT.read_text()))
    except (OSError, ValueError):  # no container, or one without a limit: "max"
        return physical


def predicted_inference(architecture: Architecture, batch: int = 1, device: str = "cpu") -> int:
    """Bytes at the peak of a forward pass over a batch, without the process's own share: weights and activations."""
    peak = inference_peak(architecture, batch)
    return _in_process(peak, int(KEPT_IN_INFERENCE * peak.small), device)


def predicted_training(
    architecture: Architecture, batch: int, optimizer: str = "sgd", precision: str = "fp32", device: str = "cpu"
) -> int:  # fmt: skip
    """Bytes at the peak of a training's step over a batch, without the process's own share.

    Weights, gradients, the optimizer's values (one a weight for "sgd" with momentum, two for "adamw"), and what the
    backward pass needs of each layer. `networks/live_tensors.py` says how it is counted, `bounds` how far off it is.
    """
    peak = training_peak(architecture, batch, STATES[optimizer], _word(precision))
    return _in_process(peak, int(HELD * peak.small + HOLES * max(0, peak.made - peak.small)), device)


def largest_batch(
    architecture: Architecture, budget: int, optimizer: str = "sgd", precision: str = "fp32", device: str = "cpu"
) -> int:  # fmt: skip
    """The largest batch, up to `MAX_BATCH`, whose training is predicted to take at most `budget` bytes, without the
    process's own share; 0 if one image is too many.

    A larger batch takes more, except where another of its tensors becomes so large that glibc keeps none of it.
    """

    def needs(batch: int) -> int:
        return predicted_training(architecture, batch, optimizer, precision, device)

    ends = [batch for batch in mapping_batches(architecture, _word(precision)) if 1 < batch <= MAX_BATCH]
    for first, end in reversed([*pairwise([1, *ends, MAX_BATCH + 1])]):
        if needs(first) <= budget:
            return first - 1 + bisect_right(range(first, end), budget, key=needs)
    return 0


def _word(precision: str) -> int:
    """Bytes of an activation."""
    return WORD if precision == "fp32" else WORD // 2


def _in_process(peak: Peak, heap: int, device: str) -> int:
    """Bytes of the tensors; where glibc's heap serves the small ones, those of the heap in their place.

    The heap never returns what it once had, so its peak adds to that of the large tensors, whenever each of them is.
    """
    if device != "cpu" or not has_glibc():
        return peak.tensors
    return max(peak.tensors, peak.mapped + heap)


@cache
def has_glibc() -> bool:
    """Whether memory comes from the GNU C library, as on most Linux systems."""
    return platform.libc_ver()[0] == "glibc"


def process_bytes(device: str) -> int:
    """The process's own share on a device. What a GPU's driver takes there is not known."""
    return PROCESS_BYTES if device == "cpu" else 0


def to_run(architecture: Architecture) -> int:
    """Bytes to look at an image, without the process's own share: some steps of it take two images at a time."""
    return predicted_inference(architecture, 2)


def bounds(needed: int) -> tuple[int, int]:
    """Lower and upper bound of what a step takes, given its prediction."""
    return int((1 - ERROR) * needed), int((1 + ERROR) * needed)


def to_count(architecture: Architecture) -> int:
    """Bytes for the largest part that is traced by itself: its weights, and ten activations."""
    weights: Counter[str] = Counter()
    for layer in plan(architecture):
        weights[layer.block] += 4 * layer.parameters
    return max(weights.values()) + 10 * max(layer.activation_bytes for layer in plan(architecture))


def too_large(architecture: Architecture, needed: int, purpose: str) -> str:
    """Why the machine can't do it; empty if it can. `purpose` is "to run" or "to count its FLOPs"."""
    machine = machine_memory()
    if machine is None or needed <= SHARE * machine:
        return ""
    # Rounded away from each other, so that the message never says that 25 GB are more than 25 GB.
    needs, spares = about_memory(needed, ROUND_UP), about_memory(int(SHARE * machine), ROUND_DOWN)
    return (
        f"{title(architecture)} needs {needs} {purpose}; this machine has {about_memory(machine)}, of which a network "
        f"may use {spares}. Choose a smaller width or image"
    )


def check(architecture: Architecture, needed: int, purpose: str) -> None:
    """Raise `MemoryError` with the sentence of `too_large` if there is one."""
    if sentence := too_large(architecture, needed, purpose):
        raise MemoryError(sentence)
