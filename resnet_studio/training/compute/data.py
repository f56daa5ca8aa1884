"""An opened data set: its images, their mean and standard deviation, and which images each step takes.

Small data sets stay on the device as uint8 and are augmented in batches. Large ones are read ahead by other processes
(`folders.py`, `readers.py`).
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor

from resnet_studio.inference.weights.provenance import LARGEST_MEAN_IMAGE
from resnet_studio.training.compute.augmentation import Normalizer, augment_batch
from resnet_studio.training.datasets import DataError
from resnet_studio.training.recipe import Augmentation, Recipe, steps_per_epoch

SPLIT_SEED, HOLDOUT_DIVISOR = 0, 5
"""A data set without test images tests on one image in five, always the same ones, whatever the recipe's seed."""
CHUNK_VALUES = 4_000_000
"""Values per chunk when computing mean and standard deviation; each takes eight bytes, several times over."""


Batch: TypeAlias = tuple[int | None, Tensor]
"""The seed of a batch's random numbers (None if it has none), and the indices of its images."""

Batches: TypeAlias = Generator[tuple[Tensor, Tensor], None, None]


class ImageSource(Protocol):
    """Images with their classes, in memory or read when needed."""

    @property
    def labels(self) -> Tensor:
        """Classes of all images, on the CPU."""

    @property
    def storage(self) -> str:
        """Where the images are kept, in words."""

    @property
    def size(self) -> tuple[int, int, int]:
        """Channels, height and width of the images in a batch."""

    def __len__(self) -> int: ...

    def batches(self, order: Iterable[Batch], augmentation: Augmentation) -> Batches:
        """uint8 images (N×C×H×W) and classes of each batch, on the device.

        torch's generators are seeded anew for each batch that has a seed.
        """

    def subset(self, indices: Tensor) -> ImageSource:
        """The images at some indices, kept in the same way."""

    def to(self, device: torch.device) -> ImageSource:
        """The same images with batches on another device."""

    def statistics_sample(self) -> tuple[Tensor, str]:
        """Pixels for computing mean and standard deviation, and a note if these are not all images."""


@dataclass(frozen=True, slots=True, eq=False)
class InMemoryImages:
    """Images on the device, uint8, all of one size."""

    pixels: Tensor
    labels: Tensor
    storage: str = "stored on the device as uint8, augmented in batches"

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def size(self) -> tuple[int, int, int]:
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width

    def batches(self, order: Iterable[Batch], augmentation: Augmentation) -> Batches:
        augment = augment_batch(augmentation)
        labels = self.labels.to(self.pixels.device)
        for seed, indices in order:
            if seed is not None:
                seed_torch(seed, self.pixels.device)
            chosen = indices.to(self.pixels.device)
            yield augment(self.pixels[chosen]), labels[chosen]

    def subset(self, indices: Tensor) -> InMemoryImages:
        """The images at some indices."""
        return InMemoryImages(self.pixels[indices.to(self.pixels.device)], self.labels[indices], self.storage)

    def to(self, device: torch.device) -> InMemoryImages:
        """The same images on another device."""
        return InMemoryImages(self.pixels.to(device), self.labels, self.storage)

    def statistics_sample(self) -> tuple[Tensor, str]:
        """All images."""
        return self.pixels, ""


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """A data set, opened and split."""

    classes: tuple[str, ...]
    training: ImageSource
    test: ImageSource
    test_source: str
    """Where the test images come from, in words."""
    normalize: Normalizer
    mean: tuple[float, ...]
    std: tuple[float, ...]
    """Standard deviation of the training images' channels. Mean and deviation are of values in 0 … 1."""
    notes: tuple[str, ...] = ()
    digest: str = ""
    """Digest of a folder's files, by `fingerprint.py`."""

    @property
    def divisors(self) -> tuple[float, ...]:
        """The divisor of each channel."""
        return tuple(self.normalize.std.expand(len(self.mean), 1, 1).flatten().tolist())

    @property
    def mean_image(self) -> bytes:
        """The image that is subtracted, as bytes: float32, C×H×W. Empty if it is one mean per channel."""
        mean = self.normalize.mean
        return b"" if mean.shape[1:] == (1, 1) else mean.numpy().astype("<f4").tobytes()

    @property
    def size(self) -> tuple[int, int, int]:
        """Channels, height and width of the network's input."""
        return self.training.size


def training_order(images: int, recipe: Recipe, first: int, worker: int = 0, workers: int = 1) -> Iterator[Batch]:
    """The batches of all steps from `first` on, endlessly. Each epoch has a new order that depends on seed and epoch.

    All randomness in a step follows from seed and step, so a run can resume at any step. Workers split each batch
    into consecutive parts.
    """
    size = recipe.batch_size
    every = steps_per_epoch(images, recipe.batch_size)
    step = first
    while True:
        epoch, batch = divmod(step, every)
        if batch == 0 or step == first:
            order = torch.randperm(images, generator=torch.Generator().manual_seed(mix_seed(recipe.seed, epoch)))
        batch_indices = order[batch * size : (batch + 1) * size]
        yield mix_seed(recipe.seed, step, 1 + worker), torch.tensor_split(batch_indices, workers)[worker]
        step += 1


def evaluation_order(images: int, recipe: Recipe, worker: int = 0, workers: int = 1) -> Iterator[Batch]:
    """All images, or a worker's share of them, in batches of the training's size, which are known to fit in memory."""
    size = -(-recipe.batch_size // workers)
    return ((None, indices) for indices in torch.split(torch.arange(images)[worker::workers], size) if len(indices))


def mix_seed(*numbers: int) -> int:
    """Hash some numbers into one seed with numpy, so that consecutive numbers give unrelated seeds."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]) >> 1


def seed_torch(seed: int, device: torch.device) -> None:
    """Seed torch on the CPU and a kind of device. `torch.manual_seed` does the same but takes thirty times as long."""
    torch.default_generator.manual_seed(seed)
    if device.type != "cpu":
        module = torch.get_device_module(device)
        getattr(module, "manual_seed_all", module.manual_seed)(seed)  # `device` need not be the current one


def restored_random_state(device: torch.device) -> AbstractContextManager[None]:
    """Leave torch's random state as it was after the block: the CPU's, and a CUDA device's."""
    return torch.random.fork_rng([device] if device.type == "cuda" else [], device_type="cuda")


def statistics(pixels: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of uint8 images, scaled to 0 … 1, computed in float64."""
    total = squares = torch.zeros(pixels.shape[1], dtype=torch.float64)
    for chunk in _chunks(pixels):
        values = chunk.cpu().double() / 255
        total = total + values.sum((0, 2, 3))
        squares = squares + values.square().sum((0, 2, 3))
    count = len(pixels) * pixels.shape[2] * pixels.shape[3]
    mean = total / count
    std = (squares / count - mean.square()).clamp(min=0).sqrt()
    return tuple(mean.tolist()), tuple(std.tolist())


def make_normalizer(recipe: Recipe, pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Normalizer:
    """The normalizer for the training images: per channel, or with a mean per pixel as in the paper."""
    if recipe.normalise == "pixel":
        if 4 * pixels[0].numel() > LARGEST_MEAN_IMAGE:
            side = math.isqrt(LARGEST_MEAN_IMAGE // (4 * pixels.shape[1]))
            raise DataError(
                f"per-pixel normalization supports images up to {side}×{side}, not "
                f"{pixels.shape[-2]}×{pixels.shape[-1]}. Use normalise=channel or smaller images"
            )
        total = torch.zeros(pixels.shape[1:], dtype=torch.float64)
        for chunk in _chunks(pixels):
            total += chunk.cpu().double().sum(0)
        return Normalizer((total / (255 * len(pixels))).float(), torch.ones(1))
    spread = torch.tensor([value or 1.0 for value in std])  # a constant channel is divided by 1
    return Normalizer(torch.tensor(mean).view(-1, 1, 1), spread.view(-1, 1, 1))


def _chunks(pixels: Tensor) -> Sequence[Tensor]:
    return torch.split(pixels, max(1, CHUNK_VALUES // pixels[0].numel()))
