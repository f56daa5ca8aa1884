"""Memory: requests that can't fit, and a thousand images in a row."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count, islice
from pathlib import Path

import torch

from resnet_studio.inference.compute.forward import forward_steps
from resnet_studio.inference.errors import DeviceError
from resnet_studio.inference.transforms import ImageTransforms
from resnet_studio.inference.values import ForwardResult, ForwardSpec
from resnet_studio.networks import memory
from resnet_studio.networks.architecture import Residual
from resnet_studio.progress import finish
from resnet_studio.selftest.compute.networks import PHOTOGRAPHS, spec
from resnet_studio.selftest.compute.runs import digits_recipe, train
from resnet_studio.selftest.compute.target import MEGABYTE, Target
from resnet_studio.selftest.report import Check, at_most, holds, skipped

SPARE_BYTES, TRAINING_SPARE_BYTES = 160_000_000, 40_000_000
"""What a GPU may still allocate while it runs out of memory: enough for the weights (of ResNet-50, of ResNet-20 with
its data), not for the activations."""
LOOKS, EARLY_LOOKS = 1000, 200
GROWTH_BOUND = 2.0
"""Percent by which the process's memory may grow from `EARLY_LOOKS` on."""
KEPT_BOUND = 1.0
"""Megabytes that a request that did not fit may leave on the device."""
STATUS = Path("/proc/self/statm")
LARGEST = Residual(blocks=(3, 8, 36, 3), width=2048, image=4096)
"""The largest network that can be described: 460 GB."""
ADVICE = "Close other programs; if it stays, start the program again after a message about memory"


def request_checks(target: Target) -> Iterator[Check]:
    """A forward pass that can't fit ends with a message, gives its memory back, and the next one works."""
    good = spec(target, "resnet18")
    before, allocated = finish(forward_steps(good, ())), None
    if target.is_cuda:
        target.free_memory()
        allocated = target.allocated()
        with little_memory(target):
            message = _refusal(spec(target, "resnet50"))
    elif memory.too_large(LARGEST, memory.to_run(LARGEST), "to run"):
        message = _refusal(ForwardSpec(PHOTOGRAPHS[0], LARGEST, device=target.name))
    else:
        yield skipped("request that can't fit", "this machine has memory for every network that can be described")
        return
    yield _message_check("request that can't fit", message)
    if allocated is not None:
        yield _given_back(target, "memory after it", allocated)
    after = finish(forward_steps(good, ()))
    yield holds("next request", after.predictions == before.predictions, detail="predicts as before", advice=ADVICE)


def training_checks(target: Target) -> Iterator[Check]:
    """A training that can't fit ends with a message, gives its memory back, and the next one works."""
    if not target.is_cuda:
        yield skipped("training that can't fit", "only a GPU's memory can be limited for a while")
        return
    recipe = digits_recipe(target)
    train(target, "fits", recipe)  # first, as cuBLAS keeps the memory that it takes in its first backward pass
    target.free_memory()
    allocated = target.allocated()
    assert allocated is not None
    message = ""
    try:
        with little_memory(target, TRAINING_SPARE_BYTES):
            train(target, "too-large", replace(recipe, batch_size=1024))
    except MemoryError as error:
        message = str(error)
    yield _message_check("training that can't fit", message)
    yield _given_back(target, "memory after the training", allocated)
    yield holds("next training", train(target, "fits-again", recipe).how == "finished", advice=ADVICE)


def growth_checks(target: Target) -> Iterator[Check]:
    """Memory of the process and of the device while the window's user looks at a thousand images."""
    given = spec(target, "resnet56-cifar" if target.is_cpu else "resnet18")
    early: list[int | None] = []
    looks = _looks(given)
    for number in (EARLY_LOOKS, LOOKS - EARLY_LOOKS):
        for _ in islice(looks, number):
            pass
        early += [target.allocated(), resident_bytes()]
    device_before, process_before, device_after, process_after = early
    if device_before is not None and device_after is not None:
        grown = (device_after - device_before) / MEGABYTE
        detail = f"{device_after / MEGABYTE:.0f} MB in use"
        yield at_most(
            f"device memory grown over {LOOKS:,} images", grown, KEPT_BOUND, "MB", detail=detail, advice=ADVICE
        )
    name = f"process memory grown over {LOOKS:,} images"
    if process_before and process_after:
        grown = 100 * (process_after / process_before - 1)
        detail = f"{process_before / MEGABYTE:.0f} MB after {EARLY_LOOKS}, {process_after / MEGABYTE:.0f} MB at the end"
        yield at_most(name, grown, GROWTH_BOUND, "%", detail=detail, advice=ADVICE)
    else:
        yield skipped(name, "the system does not tell")


@contextmanager
def little_memory(target: Target, spare: int = SPARE_BYTES) -> Iterator[None]:
    """Let PyTorch allocate only `spare` bytes more on a GPU than it has now."""
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(target.device).total_memory
    limit = (torch.cuda.memory_reserved(target.device) + spare) / total
    torch.cuda.set_per_process_memory_fraction(limit, target.device)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, target.device)


def resident_bytes() -> int | None:
    """Memory of this process; None where the system does not tell."""
    try:
        return int(STATUS.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def _looks(given: ForwardSpec) -> Iterator[ForwardResult]:
    """What a user does: drags the crop, and rests at every tenth image."""
    layers = ("layer1.0", "layer2.0", "layer3.0")
    for number in count():
        moved = replace(given, transforms=ImageTransforms(zoom=1 + (number % 100) / 100))
        rests = number % 10 == 9
        yield finish(forward_steps(moved, layers[number // 10 % 3 :][:1], predictions=rests, preview=not rests))


def _refusal(given: ForwardSpec) -> str:
    """The message with which a request ends that can't fit; empty if it did not end so."""
    try:
        finish(forward_steps(given, ()))
    except (DeviceError, MemoryError) as error:
        return str(error)
    return ""


def _message_check(name: str, message: str) -> Check:
    return holds(name, bool(message), detail=message or "it ended without a message", advice=ADVICE)


def _given_back(target: Target, name: str, before: int) -> Check:
    kept = ((target.allocated() or 0) - before) / MEGABYTE
    return at_most(name, kept, KEPT_BOUND, "MB", detail="not given back", advice=ADVICE)
