"""The data sets by name, and what the window shows of one: values that cross to it. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from resnet_studio.networks.architecture import Architecture, Baseline
from resnet_studio.plain import plain

if TYPE_CHECKING:
    from resnet_studio.inference.values import Pixels  # with numpy, which the command line does not wait for


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set that is known by name."""

    name: str
    title: str
    channels: int
    image: int
    classes: int
    megabytes: int = 0
    """To be downloaded; 0 where it comes with the program."""


SOURCES = {
    source.name: source
    for source in (
        Dataset("digits", "Digits (scikit-learn)", 1, 8, 10),
        Dataset("mnist", "MNIST", 1, 28, 10, 12),
        Dataset("fashion-mnist", "Fashion-MNIST", 1, 28, 10, 31),
        Dataset("cifar10", "CIFAR-10", 3, 32, 10, 170),
        Dataset("cifar100", "CIFAR-100", 3, 32, 100, 169),
    )
}


class DataError(ValueError):
    """A data set can't be had or used. The text names it, says why and what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class DataView:
    """What a training would see."""

    name: str
    classes: tuple[str, ...]
    training_counts: tuple[int, ...]
    """Images of each class."""
    test_counts: tuple[int, ...]
    test_of: str
    """Where the test images come from: "360 images held out, the same share of each class"."""
    size: tuple[int, int, int]
    """Channels, height and width of what the network is given."""
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    """Of the training set's channels, of values 0 … 1."""
    held: str
    samples: tuple[Pixels, ...]
    """Some training images, class after class, as they are (before augmentation)."""
    labels: tuple[int, ...]
    """The class of each sample."""
    augmented: tuple[tuple[Pixels, ...], ...]
    """What augmentation makes of some samples, several times each; none without augmentation."""
    augmented_of: tuple[int, ...] = ()
    """Which samples these are."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Estimate:
    """A few timed steps, told before a run starts."""

    seconds_per_step: float
    steps_per_epoch: int
    steps: int
    bytes: int
    """Memory that a step needs at its peak: weights, gradients, optimiser, activations of a batch."""
    available: int | None
    """Memory of the device; None where it can't be told."""


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """What the probe images looked like inside a network at one moment of its training."""

    step: int
    images: tuple[Pixels, ...]
    layers: dict[str, tuple[Pixels, ...]]
    """By a layer's name, for each image a mosaic of its channels in grey, one pixel a value."""
    shapes: dict[str, tuple[int, int, int]]
    """Channels, height and width of each layer's output."""
    top: tuple[tuple[tuple[str, float], ...], ...]
    """For each image the five most probable classes, with their probabilities."""
    truth: tuple[str, ...]
    """The right class of each image."""
    filters: Pixels
    """The kernels of the first convolution side by side, each in its own range; in colour where there are three
    channels, else the first channel's in grey."""


def fitted(
    architecture: Architecture, channels: int, image: int | None, classes: int
) -> tuple[Architecture, tuple[str, ...]]:
    """The architecture for such data, and what was changed: "channels 3 → 1". `image` None keeps its own size.

    `ArchitectureError` where a network can't take such data, as a baseline of small images; `DataError` for a
    baseline and grey images.
    """
    wanted = {"channels": channels, "image": image or architecture.image, "classes": classes}
    if isinstance(architecture, Baseline):
        if channels != architecture.channels:
            raise DataError(f"{architecture.name} takes images of 3 channels; these have {channels}")
        del wanted["channels"]
    changes = {name: value for name, value in wanted.items() if value != getattr(architecture, name)}
    told = tuple(f"{name} {getattr(architecture, name):,} → {value:,}" for name, value in changes.items())
    return replace(architecture, **changes), told  # type: ignore[arg-type]


def is_folder(data: str) -> bool:
    """Whether a recipe's data are a folder of the user's, not a set known by name."""
    return data not in SOURCES


def data_title(data: str) -> str:
    """What to call the data: "CIFAR-10", or the folder's name."""
    return plain(Path(data).name or data) if is_folder(data) else SOURCES[data].title
