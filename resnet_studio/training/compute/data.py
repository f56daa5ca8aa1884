"""Opening a data set: its images, a fixed split, the mean and deviation, and the batches of a step.

Small sets are held on the device as uint8 and augmented in batches, large ones are read ahead by other
processes (`readers.py`).
What imports slowly (torchvision, scikit-learn) is imported by the sets that need it.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor

from resnet_studio.inference.weights.provenance import LARGEST_MEAN_IMAGE
from resnet_studio.training.compute.augmentation import Normalizer, augment_batch
from resnet_studio.training.datasets import DataError
from resnet_studio.training.recipe import Augmentation, Recipe, steps_per_epoch

SPLIT_SEED, TESTED = 0, 5
"""Of a set without test images one image in five is tested on, always the same ones, whatever the recipe's seed."""
COUNTED_AT_ONCE = 4_000_000
"""Values of which mean and deviation are taken at a time; each needs eight bytes, more than once."""


Batch: TypeAlias = tuple[int | None, Tensor]
"""The seed of what is random in a batch (None where nothing is), and the places of its images."""


Batches: TypeAlias = Generator[tuple[Tensor, Tensor], None, None]


class ImageSource(Protocol):
    """Some images with their classes, in whatever way they are kept."""

    @property
    def labels(self) -> Tensor:
        """Classes of all images, on the CPU."""

    @property
    def held(self) -> str:
        """How they are kept, in words."""

    @property
    def size(self) -> tuple[int, int, int]:
        """Channels, height and width of what `batches` gives."""

    def __len__(self) -> int: ...

    def batches(self, order: Iterable[Batch], augmentation: Augmentation) -> Batches:
        """uint8 images (N×C×H×W) and classes of each batch, on the device.

        torch's random state is set anew for each batch that has a seed.
        """

    def part(self, places: Tensor) -> ImageSource:
        """Some of the images, kept in the same way."""

    def to(self, device: torch.device) -> ImageSource:
        """The same images, given on another device."""

    def some(self) -> tuple[Tensor, str]:
        """The pixels whose mean and deviation stand for all, and a note where these are not all."""


@dataclass(frozen=True, slots=True, eq=False)
class InMemoryImages:
    """Images on the device, uint8, all of one size."""

    pixels: Tensor
    labels: Tensor
    held: str = "on the device as uint8, augmented in batches"

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def size(self) -> tuple[int, int, int]:
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width

    def batches(self, order: Iterable[Batch], augmentation: Augmentation) -> Batches:
        augment = augment_batch(augmentation)
        labels = self.labels.to(self.pixels.device)
        for seed, places in order:
            if seed is not None:
                sow(seed, self.pixels.device)
            chosen = places.to(self.pixels.device)
            yield augment(self.pixels[chosen]), labels[chosen]

    def part(self, places: Tensor) -> InMemoryImages:
        """Some of the images."""
        return InMemoryImages(self.pixels[places.to(self.pixels.device)], self.labels[places], self.held)

    def to(self, device: torch.device) -> InMemoryImages:
        """The same images on another device."""
        return InMemoryImages(self.pixels.to(device), self.labels, self.held)

    def some(self) -> tuple[Tensor, str]:
        """All of them."""
        return self.pixels, ""


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """A data set, opened and split."""

    classes: tuple[str, ...]
    training: ImageSource
    test: ImageSource
    test_of: str
    """Where the test images come from, in words."""
    normalise: Normalizer
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    """Of the training images' channels, of values 0 … 1."""
    notes: tuple[str, ...] = ()
    digest: str = ""
    """Of a folder's files, by `fingerprint.py`."""

    @property
    def divisors(self) -> tuple[float, ...]:
        """What each channel is divided by."""
        return tuple(self.normalise.deviation.expand(len(self.mean), 1, 1).flatten().tolist())

    @property
    def mean_image(self) -> bytes:
        """What is subtracted from each pixel, float32, C×H×W; empty where it is the mean of its channel."""
        mean = self.normalise.mean
        return b"" if mean.shape[1:] == (1, 1) else mean.numpy().astype("<f4").tobytes()

    @property
    def size(self) -> tuple[int, int, int]:
        """Channels, height and width of the network's input."""
        return self.training.size


def training_order(images: int, recipe: Recipe, first: int, worker: int = 0, workers: int = 1) -> Iterator[Batch]:
    """Which images each step from `first` on takes, without end: a new order every epoch, of seed and epoch alone.

    Everything random in a step follows from seed and step, so a run can be taken up at any step. Several workers
    share each batch: each takes a part of it, one after another.
    """
    size = recipe.batch_size
    every = steps_per_epoch(images, recipe.batch_size)
    step = first
    while True:
        epoch, batch = divmod(step, every)
        if batch == 0 or step == first:
            order = torch.randperm(images, generator=torch.Generator().manual_seed(mixed(recipe.seed, epoch)))
        together = order[batch * size : (batch + 1) * size]
        yield mixed(recipe.seed, step, 1 + worker), torch.tensor_split(together, workers)[worker]
        step += 1


def measuring_order(images: int, recipe: Recipe, worker: int = 0, workers: int = 1) -> Iterator[Batch]:
    """All images, or a worker's share of them, in batches as large as those it trains on, which fit into memory."""
    size = -(-recipe.batch_size // workers)
    return ((None, places) for places in torch.split(torch.arange(images)[worker::workers], size) if len(places))


def mixed(*numbers: int) -> int:
    """A seed of some numbers: numpy's hash, so that neighbours have nothing in common."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]) >> 1


def sow(seed: int, device: torch.device) -> None:
    """Set torch's random state on the CPU and on a device: `torch.manual_seed`, which takes thirty times as long."""
    torch.default_generator.manual_seed(seed)
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(seed)


def statistics(pixels: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of each channel of uint8 images, of values 0 … 1, in float64."""
    total = squares = torch.zeros(pixels.shape[1], dtype=torch.float64)
    for some in _portions(pixels):
        values = some.cpu().double() / 255
        total = total + values.sum((0, 2, 3))
        squares = squares + values.square().sum((0, 2, 3))
    count = len(pixels) * pixels.shape[2] * pixels.shape[3]
    mean = total / count
    deviation = (squares / count - mean.square()).clamp(min=0).sqrt()
    return tuple(mean.tolist()), tuple(deviation.tolist())


def normaliser(recipe: Recipe, pixels: Tensor, mean: Sequence[float], deviation: Sequence[float]) -> Normalizer:
    """For the training images: by channel, or (the paper) by the mean of each pixel."""
    if recipe.normalise == "pixel":
        if 4 * pixels[0].numel() > LARGEST_MEAN_IMAGE:
            side = math.isqrt(LARGEST_MEAN_IMAGE // (4 * pixels.shape[1]))
            raise DataError(
                f"the mean of each pixel is kept with the weights for images up to {side} pixels a side, not "
                f"{pixels.shape[-1]}. Choose normalise=channel or a smaller image"
            )
        total = torch.zeros(pixels.shape[1:], dtype=torch.float64)
        for some in _portions(pixels):
            total += some.cpu().double().sum(0)
        return Normalizer((total / (255 * len(pixels))).float(), torch.ones(1))
    spread = torch.tensor([one or 1.0 for one in deviation])  # a channel that never changes is left as it is
    return Normalizer(torch.tensor(mean).view(-1, 1, 1), spread.view(-1, 1, 1))


def _portions(pixels: Tensor) -> Sequence[Tensor]:
    return torch.split(pixels, max(1, COUNTED_AT_ONCE // pixels[0].numel()))
