"""What a run needs before its first step: device, threads, data, and what it tells of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from resnet_studio.inference.compute import devices
from resnet_studio.networks.architecture import Architecture, to_json
from resnet_studio.networks.plan import plan
from resnet_studio.training.compute.data import Data
from resnet_studio.training.compute.distributed import Workers
from resnet_studio.training.compute.open_dataset import open_data
from resnet_studio.training.recipe import Recipe, RecipeError, steps_per_epoch
from resnet_studio.training.runs.events import Noted, Prepared, Working
from resnet_studio.training.runs.writer import EventSink


@contextmanager
def computing_with(threads: int) -> Iterator[None]:
    """Have torch compute with so many threads on the CPU meanwhile; 0 leaves it as it is."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def the_device(name: str, workers: Workers) -> torch.device:
    """The recipe's device; "cuda" alone is each worker's own GPU. `DeviceError` if it is not on this machine."""
    if name == "cuda":
        name = f"cuda:{workers.local}"
    devices.check(name)
    return torch.device(name)


def failure(device: torch.device, recipe: Recipe, error: RuntimeError | MemoryError) -> Exception | None:
    """What to tell of a device that failed or whose memory is full; None if that isn't the cause."""
    text = str(error)
    full = "DefaultCPUAllocator" in text or "out of memory" in text.lower()
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or full:
        where = "this machine" if device.type == "cpu" else str(device)
        return MemoryError(
            f"{where} has too little memory free for steps of {recipe.batch_size:,} images. Choose a smaller batch "
            "size, image or width, or close other programs"
        )
    return devices.failure(str(device), error)


def check_batch_norm(architecture: Architecture, recipe: Recipe, images: int, workers: Workers) -> None:
    """`RecipeError` where batch norm would have one value of a channel, which has no deviation, in some step."""
    maps = [layer for layer in plan(architecture) if layer.kind == "batch norm" and layer.called]
    if not maps:
        return
    smallest = min(maps, key=lambda layer: layer.output[1] * layer.output[2])
    _, height, width = smallest.output
    batch = min(recipe.batch_size, images)
    if batch // workers.count * height * width < 2:
        each = f" for each of {workers.count} workers" if workers.count > 1 else ""
        raise RecipeError(
            "batch_size",
            f"with {batch // workers.count}{each}, batch norm has one value of each channel in {smallest.name} "
            f"({height}×{width}), from which there is nothing to learn. Take 2 or more, or larger images",
        )


def prepared(architecture: Architecture, changes: tuple[str, ...], data: Data, recipe: Recipe) -> Prepared:
    """What is trained on what, as an event."""
    per_epoch = steps_per_epoch(len(data.training), recipe.batch_size)
    counts = sum(torch.bincount(split.labels, minlength=len(data.classes)) for split in (data.training, data.test))
    return Prepared(
        time=time.time(), architecture=to_json(architecture), changes=changes, classes=data.classes,
        training_images=len(data.training), test_images=len(data.test), test_of=data.test_of,
        steps_per_epoch=per_epoch, steps=recipe.in_steps(recipe.length, per_epoch), held=data.training.held,
        mean=data.mean, deviation=data.deviation, images_of_class=tuple(torch.as_tensor(counts).tolist()),
        digest=data.digest,
    )  # fmt: skip


def opened(recipe: Recipe, image: int, root: Path, journal: EventSink, *, download: bool) -> Data:
    """The recipe's data; what is done meanwhile, and what is to be known of them, is told."""
    steps = open_data(recipe, image, root, download=download)
    while True:
        try:
            progress = next(steps)
        except StopIteration as end:
            data: Data = end.value
            break
        journal.tell(Working(time.time(), progress.what, progress.done / max(1, progress.of)))
    for note in data.notes:
        journal.tell(Noted(time.time(), note))
    return data
