"""How much memory a network needs, estimated before any of it is allocated. Needs no torch."""

from __future__ import annotations

import os
from collections import Counter
from decimal import ROUND_DOWN, ROUND_UP
from functools import lru_cache
from pathlib import Path

from resnet_studio.formatting import about_memory
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import title

SHARE = 0.8
"""Part of the machine's memory that one network may take."""
LEAST, MOST = 0.5, 2.1
"""What a step was measured to take at its peak, as a share of `to_train`: on the CPU, without the memory of the
process itself. `docs/decisions.md` has the cases."""
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


@lru_cache(maxsize=64)
def to_run(architecture: Architecture) -> int:
    """Bytes for all weights and, around the largest layer, four activations of two images at a time."""
    layers = plan(architecture)
    return 4 * sum(layer.parameters for layer in layers) + 8 * max(layer.activation_bytes for layer in layers)


def to_train(architecture: Architecture, batch_size: int, optimizer: str = "sgd") -> int:
    """Bytes at the peak of a training step: weights, gradients, the optimizer's one or two values a weight ("adamw"),
    and every layer's output of a batch, which the backward pass needs. An estimate: see `bounds`."""
    layers = plan(architecture)
    copies = 4 if optimizer == "adamw" else 3
    return 4 * copies * sum(layer.parameters for layer in layers) + batch_size * sum(
        layer.activation_bytes for layer in layers
    )


def bounds(needed: int) -> tuple[int, int]:
    """Lower and upper bound of the bytes that a step takes, given the estimate of `to_train`."""
    return int(LEAST * needed), int(MOST * needed)


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
