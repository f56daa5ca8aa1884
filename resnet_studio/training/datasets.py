"""The data sets with a name, and the values about data and snapshots that go to the window. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from resnet_studio.formatting import dimensions
from resnet_studio.networks.architecture import Architecture, Baseline
from resnet_studio.networks.image_size import ImageSize
from resnet_studio.networks.own_module import OwnModule
from resnet_studio.plain import plain

if TYPE_CHECKING:
    from resnet_studio.inference.values import Pixels  # imports numpy, which the command line should not wait for


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set with a name."""

    name: str
    title: str
    channels: int
    image: int
    classes: int
    download_megabytes: int = 0
    """Size of the download; 0 if the data set comes with the program."""


DATASETS = {
    dataset.name: dataset
    for dataset in (
        Dataset("digits", "Digits (scikit-learn)", 1, 8, 10),
        Dataset("mnist", "MNIST", 1, 28, 10, 12),
        Dataset("fashion-mnist", "Fashion-MNIST", 1, 28, 10, 31),
        Dataset("cifar10", "CIFAR-10", 3, 32, 10, 170),
        Dataset("cifar100", "CIFAR-100", 3, 32, 100, 169),
    )
}

OWN_CODE = "a run must be repeatable from its folder alone, and the code of {} is not part of that"


class DataError(ValueError):
    """A data set can't be opened or used. The message names it and says why and what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class DataView:
    """What a training would see of its data, for the preview and the command line."""

    name: str
    classes: tuple[str, ...]
    training_counts: tuple[int, ...]
    """Images of each class."""
    test_counts: tuple[int, ...]
    test_of: str
    """Where the test images come from: "360 images held out, the same share of each class"."""
    size: tuple[int, int, int]
    """Channels, height and width of the network's input."""
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    """Standard deviation of each channel of the training set. Mean and deviation are of values in 0 … 1."""
    held: str
    """Where the images are kept, in words."""
    samples: tuple[Pixels, ...]
    """Some training images, class by class, before augmentation."""
    labels: tuple[int, ...]
    """The class of each sample."""
    augmented: tuple[tuple[Pixels, ...], ...]
    """Several augmented variants of some samples; empty if the recipe has no augmentation."""
    augmented_indices: tuple[int, ...] = ()
    """Indices of these samples."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Estimate:
    """The cost of a training, estimated from a few timed steps before it starts."""

    seconds_per_step: float
    steps_per_epoch: int
    steps: int
    bytes: int
    """Predicted peak memory of a step: weights, gradients, optimizer state and the activations of a batch."""
    available: int | None
    """Memory of the device; None if unknown."""
    process: int = 0
    """Memory of the process itself on the same device."""
    largest_batch: int | None = None
    """The largest batch that is predicted to fit, at most all images; None if the device's memory is unknown."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The activations of the probe images at one step of a training."""

    step: int
    images: tuple[Pixels, ...]
    layers: dict[str, tuple[Pixels, ...]]
    """For each layer and image, a grayscale mosaic of the channels with one pixel per value."""
    shapes: dict[str, tuple[int, int, int]]
    """Channels, height and width of each layer's output."""
    top: tuple[tuple[tuple[str, float], ...], ...]
    """For each image the five most probable classes, with their probabilities."""
    truth: tuple[str, ...]
    """The true class of each image."""
    filters: Pixels
    """The kernels of the first convolution side by side, each scaled to its own range: in color for three input
    channels, else the first channel in grayscale."""


def fit_architecture(
    architecture: Architecture, channels: int, image: ImageSize | None, classes: int
) -> tuple[Architecture, tuple[str, ...]]:
    """Adapt an architecture to its data and list the changes, such as "channels 3 → 1". `image` None keeps its size.

    `ArchitectureError` if the network can't take such data, as a baseline with images that are too small;
    `DataError` for a baseline and grayscale images, and for a network of the user's own.
    """
    if isinstance(architecture, OwnModule):
        raise DataError(OWN_CODE.format(architecture.name))
    needed = {"channels": channels, "image": image or architecture.image, "classes": classes}
    if isinstance(architecture, Baseline):
        if channels != architecture.channels:
            raise DataError(f"{architecture.name} needs images with 3 channels; these have {channels}")
        del needed["channels"]
    changes = {name: value for name, value in needed.items() if value != getattr(architecture, name)}
    before = {name: getattr(architecture, name) for name in changes}
    described = tuple(f"{name} {_text(before[name])} → {_text(value)}" for name, value in changes.items())
    return replace(architecture, **changes), described  # type: ignore[arg-type]


def _text(value: ImageSize) -> str:
    return dimensions(value) if isinstance(value, tuple) else f"{value:,}"


def is_folder(data: str) -> bool:
    """Whether a recipe's data are the user's own folder and not a data set with a name."""
    return data not in DATASETS


def data_title(data: str) -> str:
    """What to call the data: "CIFAR-10", or the folder's name."""
    return plain(Path(data).name or data) if is_folder(data) else DATASETS[data].title
