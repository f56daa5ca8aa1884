"""Inputs and results of a forward pass, as values that are sent between engine and window. Needs no torch.

An image is named by a string, its reference: a path, `sample:NAME` for one that ships with scikit-learn, or
`data:NAME:SPLIT:INDEX` for one of a data set.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from resnet_studio.inference.transforms import IDENTITY, ImageTransforms
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.image_size import ImageSize, height_width

Point: TypeAlias = tuple[float, float]
Pixels: TypeAlias = NDArray[np.uint8]
"""Height × width × 3 (RGB), 0 … 255."""
SAMPLES = ("sample:china", "sample:flower", *(f"sample:digit-{digit}" for digit in range(10)))


def image_title(reference: str) -> str:
    """An image's title in a sentence: "china", "digit 3", "digits test 17", "IMG_0412.jpg"."""
    kind, _, rest = reference.partition(":")
    if kind == "sample":
        return rest.replace("-", " ")
    if kind == "data" and rest.count(":") > 1:
        data, split, index = rest.rsplit(":", 2)
        return f"{Path(data).name} {split} {index}"
    return Path(reference).name


def weights_title(weights: WeightsSource) -> str:
    """Where weights come from, in a list: "random, seed 0", "step-0000330 of digits" for a run's checkpoint."""
    if isinstance(weights, RandomWeights):
        return f"random, seed {weights.seed}"
    if isinstance(weights, PublishedWeights):
        return f"torchvision's {weights.model}, {weights.name}"
    path = weights.path
    is_checkpoint = path.parent.name.startswith("step-") and len(path.parts) > 3
    name = f"{path.parent.name} of {path.parts[-4]}" if is_checkpoint else path.name
    return name if weights.head else f"{name} without the head"


def class_title(label: str, number: int) -> str:
    """A class with its number: "tench (class 0)", or "class 745" if it has no name."""
    plain = f"class {number}"
    return plain if label == plain else f"{label} ({plain})"


@dataclass(frozen=True, slots=True, eq=False)
class Photograph:
    """An opened image: upright, RGB, 8 bits per channel."""

    name: str
    pixels: Pixels
    sha256: str
    """Of the file's bytes, or of the pixels if there is no file."""
    notes: tuple[str, ...] = ()
    """What was done to it: "first of 12 frames", "16-bit values scaled by their range"."""
    reduced_from: tuple[int, int] | None = None
    """Width and height before the image was downscaled for the window; None if it was not."""
    truth: str = ""
    """The true class, if it is known."""

    @property
    def title(self) -> str:
        """The title, with the true class for an image of a data set: "digits test 17: 3"."""
        label = f": {self.truth}" if self.truth and self.name.startswith("data:") else ""
        return image_title(self.name) + label

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the image when it was opened."""
        return self.reduced_from or (self.pixels.shape[1], self.pixels.shape[0])


@dataclass(frozen=True, slots=True)
class UnreadableImage:
    """An image that can't be opened."""

    name: str
    """Its reference."""
    reason: str


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How an image becomes the network's input: resized so that it just covers `resize`, center `crop`,
    (x − mean) / std."""

    resize: ImageSize
    """For a square its side, which the image's shorter side gets."""
    crop: ImageSize
    mean: tuple[float, ...]
    std: tuple[float, ...]
    middle: bool = False
    """Whether the largest centered part of the crop's aspect ratio is resized by Pillow, as in training; else it is
    torchvision's preset, which resizes first and then crops whole pixels."""
    mean_image: bytes = field(default=b"", repr=False)
    """The mean of each pixel, if that is subtracted instead of `mean`: float32, channels × height × width."""

    @property
    def resize_size(self) -> tuple[int, int]:
        """Height and width that the resized image covers."""
        return height_width(self.resize)

    @property
    def crop_size(self) -> tuple[int, int]:
        """Height and width of the network's input."""
        return height_width(self.crop)


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle on a photograph, in its pixels, rotated about its center."""

    x: float
    """Of its center."""
    y: float
    width: float
    height: float
    rotation: float = 0.0
    """Counterclockwise rotation of the image in degrees; the frame rotates clockwise on the photograph."""
    flipped: bool = False

    @property
    def corners(self) -> tuple[Point, Point, Point, Point]:
        """Upper left, upper right, lower right and lower left of the input, on the photograph."""
        return (self.at(0, 0), self.at(1, 0), self.at(1, 1), self.at(0, 1))

    def at(self, across: float, down: float) -> Point:
        """The photograph's point under a point of the input, given as fractions of the input's width and height."""
        across = 1 - across if self.flipped else across
        right, below = (across - 0.5) * self.width, (down - 0.5) * self.height
        sine, cosine = math.sin(math.radians(self.rotation)), math.cos(math.radians(self.rotation))
        return self.x + right * cosine - below * sine, self.y + right * sine + below * cosine


@dataclass(frozen=True, slots=True)
class RandomWeights:
    """Kaiming initialization from a seed, batch norm calibrated on the sample photographs. Untrained."""

    seed: int = 0


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A `.pth`, `.ckpt` or `.safetensors` file with a state_dict."""

    path: Path
    head: bool = True
    """False leaves out the last layer, which may have been made for other classes: it stays random."""
    prefix: str = ""
    """The prefix of the tensors to load if the file holds several networks: "encoder_q."."""
    head_layer: str = ""
    """The file's layer to use as the head, if it has a head of several layers: "fc.2"."""


@dataclass(frozen=True, slots=True)
class PublishedWeights:
    """Weights that torchvision publishes, under its own names, downloaded once into torch's cache."""

    model: str
    """"resnet50"."""
    name: str
    """"IMAGENET1K_V2"."""


WeightsSource: TypeAlias = RandomWeights | WeightsFile | PublishedWeights


@dataclass(frozen=True, slots=True)
class ForwardSpec:
    """The input of a forward pass: an image with transforms, a network with its weights, and a device."""

    image: str
    """A reference."""
    architecture: Architecture
    weights: WeightsSource = RandomWeights()
    device: str = "cpu"
    """torch's name, followed by " half" for half precision: "cuda:0", "cuda:0 half"."""
    transforms: ImageTransforms = IDENTITY


@dataclass(frozen=True, slots=True)
class WeightsInfo:
    """Information about a set of weights that belongs to every result."""

    source: str
    """"random, seed 0" or the file's name."""
    trained: bool
    preprocessing: Preprocessing
    labels: tuple[str, ...]
    """A name for every class; "class 17" if it has none."""
    sha256: str = ""
    notes: tuple[str, ...] = ()
    """What the user should know: "half precision converted", "NaN in layer1.0.conv1.weight"."""
    caveats: tuple[str, ...] = ()
    """Those notes that are reasons not to trust the predictions."""
    likely_architecture: Architecture | None = None
    """A network with the same shapes for which the weights were more likely made."""


HALF_SUFFIX = " half"
"""Suffix of a device's name for half precision. Not offered on the CPU, where half precision is slower."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device. `name` is torch's ("cpu", "cuda:0", "mps"), maybe with `HALF_SUFFIX`; `label` is for the window."""

    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Prediction:
    label: str
    probability: float
    number: int = -1
    """Of the class; -1 if it does not matter."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerMaps:
    """One captured layer: all of its feature maps, float32, channels × height × width."""

    name: str
    values: NDArray[np.float32]
    mean: float
    std: float
    zeros: float
    """Fraction of values that are exactly zero, 0 … 1."""


@dataclass(frozen=True, slots=True, eq=False)
class ForwardResult:
    """The result of a forward pass of one image through one network."""

    spec: ForwardSpec
    """The spec that was run."""
    image_sha256: str
    frame: Frame
    """Where the input lies on the photograph."""
    model_input: Pixels
    """The network's actual input, converted back to pixels: height × width × 3."""
    weights: WeightsInfo
    layers: tuple[LayerMaps, ...]
    seconds: float
    """Of the forward pass alone."""
    predictions: tuple[Prediction, ...] | None = None
    """The five most probable classes; empty if the output is not finite; None if they were not requested."""
    preview: bool = False
    """Whether it is one of many while the user drags; a full-quality result will follow."""

    def maps(self, layer: str | None) -> LayerMaps | None:
        """A layer's maps, if the result has them."""
        return next((maps for maps in self.layers if maps.name == layer), None)
