"""What a training would see and what it would cost, before it starts."""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from resnet_studio.inference.compute import devices
from resnet_studio.inference.values import Pixels
from resnet_studio.networks import memory
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.image_size import ImageSize
from resnet_studio.networks.modules.network import build
from resnet_studio.plain import plain
from resnet_studio.progress import Progress
from resnet_studio.training.compute.augmentation import Normalizer
from resnet_studio.training.compute.data import Data, ImageSource, mix_seed
from resnet_studio.training.compute.loop import make_optimizer, train
from resnet_studio.training.compute.open_dataset import open_data
from resnet_studio.training.datasets import DataView, Estimate
from resnet_studio.training.recipe import Recipe, steps_per_epoch

MAX_CLASSES, PER_CLASS, AUGMENTED, VARIANTS = 10, 8, 4, 6
"""Limits of the preview: classes, images per class, augmented images, and variants of each of these."""
TRIAL_BATCH = 8
"""Images in a first, small step, from which the time of a full step is estimated."""
MAX_STEP_SECONDS = 2.0
"""A full step is timed only if it is expected to take less than this many seconds."""


def data_view_steps(
    recipe: Recipe, image: ImageSize, root: Path, *, download: bool = False
) -> Generator[Progress, None, DataView]:
    """Open the recipe's data and pick sample images. A folder's images get the size `image`."""
    data: Data = yield from open_data(recipe, image, root, download=download)
    indices = sample_indices(data.training.labels)
    samples = _pixels(data.training, indices, recipe, seed=None)
    augmented_indices = evenly_spaced(len(indices), AUGMENTED)
    augmented: tuple[tuple[Pixels, ...], ...] = ()
    if recipe.augmentation != "none":
        with torch.random.fork_rng(devices=[]):
            variants = [
                _pixels(data.training, indices[augmented_indices], recipe, seed=mix_seed(recipe.seed, variant))
                for variant in range(VARIANTS)
            ]
        augmented = tuple(zip(*variants, strict=True))
    counts = [np.bincount(split.labels, minlength=len(data.classes)).tolist() for split in (data.training, data.test)]
    return DataView(
        name=recipe.data, classes=tuple(map(plain, data.classes)),
        training_counts=tuple(counts[0]), test_counts=tuple(counts[1]),
        test_of=data.test_source, size=data.size, mean=data.mean, deviation=data.std, held=data.training.storage,
        samples=samples, labels=tuple(data.training.labels[indices].tolist()), augmented=augmented,
        augmented_indices=tuple(augmented_indices), notes=data.notes,
    )  # fmt: skip


def sample_indices(labels: Tensor) -> Tensor:
    """Indices of the first images of each of the first classes."""
    found = [(labels == label).nonzero()[:PER_CLASS, 0] for label in torch.unique(labels)[:MAX_CLASSES].tolist()]
    return torch.cat(found)


def evenly_spaced(count: int, limit: int) -> list[int]:
    """Up to `limit` of the numbers 0 … count − 1, evenly spaced."""
    return sorted({round(number) for number in np.linspace(0, count - 1, min(limit, count)).tolist()})


def _pixels(images: ImageSource, indices: Tensor, recipe: Recipe, seed: int | None) -> tuple[Pixels, ...]:
    augmentation = "none" if seed is None else recipe.augmentation
    pixels = torch.cat([batch for batch, _ in images.batches([(seed, indices)], augmentation)])
    channels = pixels if pixels.shape[1] == 3 else pixels[:, :1].expand(-1, 3, -1, -1)
    return tuple(np.ascontiguousarray(image) for image in channels.permute(0, 2, 3, 1).numpy())


def estimate_steps(
    recipe: Recipe, architecture: Architecture, training_images: int
) -> Generator[Progress, None, Estimate]:
    """Time a few steps of a fitted architecture on random images. Nothing is timed if it would not fit in memory."""
    per_epoch = steps_per_epoch(training_images, recipe.batch_size)
    choices = recipe.optimizer, recipe.precision, recipe.device
    needed = memory.predicted_training(architecture, min(recipe.batch_size, training_images), *choices)
    available, process = device_memory(recipe.device), memory.process_bytes(recipe.device)
    spare = math.inf if available is None else memory.SHARE * available - process
    seconds = math.nan
    if needed < spare:
        yield Progress(0, 2, "timing a step")
        seconds = _time_step(recipe, architecture, TRIAL_BATCH)
        full_batch = min(recipe.batch_size, training_images)
        yield Progress(1, 2, "timing a step")
        guess = seconds * full_batch / TRIAL_BATCH
        seconds = _time_step(recipe, architecture, full_batch) if guess < MAX_STEP_SECONDS else guess
    largest = None
    if available is not None:
        largest = min(training_images, memory.largest_batch(architecture, int(spare), *choices))
    steps = recipe.in_steps(recipe.length, per_epoch)
    return Estimate(seconds, per_epoch, steps, needed, available, process, largest)


def _time_step(recipe: Recipe, architecture: Architecture, batch: int) -> float:
    """Seconds of the faster of two steps, after one for warm-up."""
    devices.check(recipe.device)
    device = torch.device(recipe.device)
    network = build(architecture, recipe.seed).to(memory_format=torch.channels_last).to(device)
    shape = batch, *architecture.input_shape
    images = torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0)).to(device)
    labels = torch.zeros(batch, dtype=torch.long, device=device)
    scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "fp16")
    identity = Normalizer(torch.zeros(1, device=device), torch.ones(1, device=device))
    seconds = []
    steps = train(network, make_optimizer(network, recipe), scaler, [(images, labels)] * 3, identity, recipe, 3, 0)
    began = time.perf_counter()
    for step in steps:
        float(step.loss)  # reading the number waits for the GPU
        seconds.append(time.perf_counter() - began)
        began = time.perf_counter()
    return min(seconds[1:])


def device_memory(device: str) -> int | None:
    """Total memory of a device in bytes; None if unknown."""
    if device.startswith("cuda"):
        return int(torch.cuda.get_device_properties(device).total_memory)
    return memory.machine_memory()
