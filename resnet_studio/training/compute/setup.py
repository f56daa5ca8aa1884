"""What a run does before its first step: device, threads and data, and the events about them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from resnet_studio.inference.compute import devices
from resnet_studio.networks.architecture import Architecture, to_json
from resnet_studio.networks.image_size import ImageSize
from resnet_studio.networks.plan import plan
from resnet_studio.progress import Progress, finish
from resnet_studio.training.compute.data import Data
from resnet_studio.training.compute.distributed import Workers
from resnet_studio.training.compute.open_dataset import open_data
from resnet_studio.training.recipe import Recipe, RecipeError, steps_per_epoch
from resnet_studio.training.runs.events import Noted, Prepared, Working
from resnet_studio.training.runs.writer import EventSink


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Set torch's number of CPU threads for the duration of a block; 0 leaves it as it is."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def resolve_device(name: str, workers: Workers) -> torch.device:
    """The recipe's device. "cuda" without a number is each worker's own GPU. `DeviceError` if it doesn't exist."""
    if name == "cuda":
        name = f"cuda:{workers.local_rank}"
    devices.check(name)
    return torch.device(name)


def device_failure(device: torch.device, recipe: Recipe, error: RuntimeError | MemoryError) -> Exception | None:
    """An error that explains a device failure or full memory; None if that isn't the cause of `error`."""
    text = str(error)
    out_of_memory = "DefaultCPUAllocator" in text or "out of memory" in text.lower()
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or out_of_memory:
        where = "this machine" if device.type == "cpu" else str(device)
        return MemoryError(
            f"{where} does not have enough free memory for batches of {recipe.batch_size:,} images. Reduce batch size, "
            "image size or width, or close other programs"
        )
    return devices.explain_failure(str(device), error)


def check_batch_norm(architecture: Architecture, recipe: Recipe, images: int, workers: Workers) -> None:
    """`RecipeError` if batch norm would get one value per channel in some layer, whose variance is 0."""
    maps = [layer for layer in plan(architecture) if layer.kind == "batch norm" and layer.called]
    if not maps:
        return
    smallest = min(maps, key=lambda layer: layer.output[1] * layer.output[2])
    _, height, width = smallest.output
    batch = min(recipe.batch_size, images)
    share = batch // workers.world_size
    if share * height * width < 2:
        per_worker = f" for each of {workers.world_size} workers" if workers.world_size > 1 else ""
        raise RecipeError(
            "batch_size",
            f"with {share}{per_worker}, batch norm gets only one value per channel in {smallest.name} "
            f"({height}×{width}), so its variance is zero. Use 2 or more, or larger images",
        )


def prepared_event(architecture: Architecture, changes: tuple[str, ...], data: Data, recipe: Recipe) -> Prepared:
    """The event that describes the data and the network."""
    per_epoch = steps_per_epoch(len(data.training), recipe.batch_size)
    counts = sum(torch.bincount(split.labels, minlength=len(data.classes)) for split in (data.training, data.test))
    return Prepared(
        time=time.time(), architecture=to_json(architecture), changes=changes, classes=data.classes,
        training_images=len(data.training), test_images=len(data.test), test_of=data.test_source,
        steps_per_epoch=per_epoch, steps=recipe.in_steps(recipe.length, per_epoch), held=data.training.storage,
        mean=data.mean, deviation=data.std, images_of_class=tuple(torch.as_tensor(counts).tolist()),
        digest=data.digest,
    )  # fmt: skip


def open_data_reporting(
    recipe: Recipe, image: ImageSize, root: Path, sink: EventSink, *, download: bool
) -> Data:  # fmt: skip
    """Open the recipe's data, emitting progress and notes as events."""

    def report(progress: Progress) -> None:
        sink.emit(Working(time.time(), progress.what, progress.done / max(1, progress.of)))

    data = finish(open_data(recipe, image, root, download=download), report)
    for note in data.notes:
        sink.emit(Noted(time.time(), note))
    return data
