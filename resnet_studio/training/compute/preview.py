"""What a training would see and what it would cost, told before it starts."""

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
from resnet_studio.networks.modules.network import build
from resnet_studio.plain import plain
from resnet_studio.progress import Progress
from resnet_studio.training.compute.augmentation import Normalizer
from resnet_studio.training.compute.data import Data, ImageSource, mixed
from resnet_studio.training.compute.loop import make_optimizer, train
from resnet_studio.training.compute.open_dataset import open_data
from resnet_studio.training.datasets import DataView, Estimate
from resnet_studio.training.recipe import Recipe, steps_per_epoch

MOST_CLASSES, A_CLASS, AUGMENTED, VARIANTS = 10, 8, 4, 6
"""Of what is shown: classes, images of each, images that are augmented, and how often each of these."""
FEW = 8
"""Images of a first, small step that tells whether a whole one can be waited for."""
LONGEST = 2.0
"""Seconds that a whole step may take to be timed itself."""


def data_view_steps(
    recipe: Recipe, image: int, root: Path, *, download: bool = False
) -> Generator[Progress, None, DataView]:
    """Open the recipe's data and pick what shows them; `image` is the side that a folder's images get."""
    data: Data = yield from open_data(recipe, image, root, download=download)
    places = sample_places(data.training.labels)
    samples = _pixels(data.training, places, recipe, seed=None)
    some = spread(len(places), AUGMENTED)
    augmented: tuple[tuple[Pixels, ...], ...] = ()
    if recipe.augmentation != "none":
        with torch.random.fork_rng(devices=[]):
            made = [
                _pixels(data.training, places[some], recipe, seed=mixed(recipe.seed, one)) for one in range(VARIANTS)
            ]
        augmented = tuple(zip(*made, strict=True))
    counts = [np.bincount(split.labels, minlength=len(data.classes)).tolist() for split in (data.training, data.test)]
    return DataView(
        name=recipe.data, classes=tuple(map(plain, data.classes)),
        training_counts=tuple(counts[0]), test_counts=tuple(counts[1]),
        test_of=data.test_of, size=data.size, mean=data.mean, deviation=data.deviation, held=data.training.held,
        samples=samples, labels=tuple(data.training.labels[places].tolist()), augmented=augmented,
        augmented_of=tuple(some), notes=data.notes,
    )  # fmt: skip


def sample_places(labels: Tensor) -> Tensor:
    """The first images of each of the first classes."""
    found = [(labels == label).nonzero()[:A_CLASS, 0] for label in torch.unique(labels)[:MOST_CLASSES].tolist()]
    return torch.cat(found)


def spread(count: int, most: int) -> list[int]:
    """Up to `most` of `count` numbers, evenly over all."""
    return sorted({round(number) for number in np.linspace(0, count - 1, min(most, count)).tolist()})


def _pixels(images: ImageSource, places: Tensor, recipe: Recipe, seed: int | None) -> tuple[Pixels, ...]:
    augmentation = "none" if seed is None else recipe.augmentation
    pixels = torch.cat([some for some, _ in images.batches([(seed, places)], augmentation)])
    channels = pixels if pixels.shape[1] == 3 else pixels[:, :1].expand(-1, 3, -1, -1)
    return tuple(np.ascontiguousarray(one) for one in channels.permute(0, 2, 3, 1).numpy())


def estimate_steps(
    recipe: Recipe, architecture: Architecture, training_images: int
) -> Generator[Progress, None, Estimate]:
    """Time a few steps of a fitted architecture on noise. Where a step would not fit into memory, none is tried."""
    per_epoch = steps_per_epoch(training_images, recipe.batch_size)
    needed = memory.to_train(architecture, min(recipe.batch_size, training_images), recipe.optimizer)
    available = memory_of(recipe.device)
    seconds = math.nan
    if available is None or needed < memory.SHARE * available:
        yield Progress(0, 2, "timing a step")
        seconds = _seconds(recipe, architecture, FEW)
        whole = min(recipe.batch_size, training_images)
        yield Progress(1, 2, "timing a step")
        guess = seconds * whole / FEW
        seconds = _seconds(recipe, architecture, whole) if guess < LONGEST else guess
    return Estimate(seconds, per_epoch, recipe.in_steps(recipe.length, per_epoch), needed, available)


def _seconds(recipe: Recipe, architecture: Architecture, batch: int) -> float:
    """The faster of two steps, after one that warms up."""
    devices.check(recipe.device)
    device = torch.device(recipe.device)
    network = build(architecture, recipe.seed).to(memory_format=torch.channels_last).to(device)
    shape = (batch, architecture.channels, architecture.image, architecture.image)
    images = torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0)).to(device)
    labels = torch.zeros(batch, dtype=torch.long, device=device)
    scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "fp16")
    plain = Normalizer(torch.zeros(1, device=device), torch.ones(1, device=device))
    took = []
    steps = train(network, make_optimizer(network, recipe), scaler, [(images, labels)] * 3, plain, recipe, 3, 0)
    began = time.perf_counter()
    for step in steps:
        float(step.loss)  # a GPU has finished only when its number is here
        took.append(time.perf_counter() - began)
        began = time.perf_counter()
    return min(took[1:])


def memory_of(device: str) -> int | None:
    """Bytes of memory that a device has; None where it can't be told."""
    if device.startswith("cuda"):
        return int(torch.cuda.get_device_properties(device).total_memory)
    return memory.machine_memory()
