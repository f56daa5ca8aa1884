"""What goes into a look at an image and what comes out: values that cross to the window. Needs no torch.

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

Point: TypeAlias = tuple[float, float]
Pixels: TypeAlias = NDArray[np.uint8]
"""Height × width × 3 (RGB), 0 … 255."""
SAMPLES = ("sample:china", "sample:flower", *(f"sample:digit-{digit}" for digit in range(10)))


def image_title(reference: str) -> str:
    """What an image is called in a sentence: "china", "digit 3", "digits test 17", "IMG_0412.jpg"."""
    kind, _, rest = reference.partition(":")
    if kind == "sample":
        return rest.replace("-", " ")
    if kind == "data" and rest.count(":") > 1:
        data, split, index = rest.rsplit(":", 2)
        return f"{Path(data).name} {split} {index}"
    return Path(reference).name


def class_title(label: str, number: int) -> str:
    """A class with its number: "tench (class 0)", or "class 745" where it has no other name."""
    plain = f"class {number}"
    return plain if label == plain else f"{label} ({plain})"


@dataclass(frozen=True, slots=True, eq=False)
class Photograph:
    """An image as it was opened: upright, RGB, 8 bits a channel."""

    name: str
    pixels: Pixels
    sha256: str
    """Of the file's bytes, or of the pixels where there is no file."""
    notes: tuple[str, ...] = ()
    """What was done to it: "first of 12 frames", "16-bit values scaled by their range"."""
    reduced_from: tuple[int, int] | None = None
    """Width and height before the pixels were made fewer for the window; None where they are as opened."""
    truth: str = ""
    """The class that it is known to show."""

    @property
    def title(self) -> str:
        """What to call it, with the class of an image of a data set: "digits test 17: 3"."""
        told = f": {self.truth}" if self.truth and self.name.startswith("data:") else ""
        return image_title(self.name) + told

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the image as it was opened."""
        return self.reduced_from or (self.pixels.shape[1], self.pixels.shape[0])


@dataclass(frozen=True, slots=True)
class UnreadableImage:
    """An image that can't be opened."""

    name: str
    """Its reference, as a photograph's."""
    reason: str


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How an image becomes the network's input: shorter side to `resize`, centre `crop`, (x − mean) / std."""

    resize: int
    crop: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    middle: bool = False
    """Whether the largest square in the middle is resized by Pillow, as training does; else it is torchvision's
    preset, which resizes first and then cuts out whole pixels."""
    mean_image: bytes = field(default=b"", repr=False)
    """The mean of each pixel where that is subtracted instead of `mean`: float32, channels × crop × crop."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A square on a photograph, in its pixels, turned about its middle."""

    x: float
    """Of its middle."""
    y: float
    width: float
    height: float
    """Width and height are equal but for what rounding to whole resized pixels does."""
    rotation: float = 0.0
    """Degrees by which the picture turns against the clock, so the frame turns with the clock on the photograph."""
    flipped: bool = False

    @property
    def corners(self) -> tuple[Point, Point, Point, Point]:
        """Upper left, upper right, lower right and lower left of the input, on the photograph."""
        return (self.at(0, 0), self.at(1, 0), self.at(1, 1), self.at(0, 1))

    def at(self, across: float, down: float) -> Point:
        """The photograph's point under a point of the input; `across` and `down` are shares of the input's side."""
        across = 1 - across if self.flipped else across
        right, below = (across - 0.5) * self.width, (down - 0.5) * self.height
        sine, cosine = math.sin(math.radians(self.rotation)), math.cos(math.radians(self.rotation))
        return self.x + right * cosine - below * sine, self.y + right * sine + below * cosine


@dataclass(frozen=True, slots=True)
class RandomWeights:
    """Kaiming initialisation from a seed, batch norm calibrated on the sample photographs. Untrained."""

    seed: int = 0


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A `.pth`, `.ckpt` or `.safetensors` file with a state_dict."""

    path: Path
    head: bool = True
    """False leaves the last layer out, as it may be made for other classes: it stays random."""
    prefix: str = ""
    """What the names of the wanted tensors begin with in the file, where it holds several networks: "encoder_q."."""


@dataclass(frozen=True, slots=True)
class PublishedWeights:
    """Weights that torchvision publishes, by its own names, fetched once into torch's cache."""

    model: str
    """"resnet50"."""
    name: str
    """"IMAGENET1K_V2"."""


WeightsSource: TypeAlias = RandomWeights | WeightsFile | PublishedWeights


@dataclass(frozen=True, slots=True)
class ForwardSpec:
    """What is looked at: an image as hands have changed it, through a network with its weights, on a device."""

    image: str
    """A reference."""
    architecture: Architecture
    weights: WeightsSource = RandomWeights()
    device: str = "cpu"
    """torch's name, with " half" behind it for half precision: "cuda:0", "cuda:0 half"."""
    handles: ImageTransforms = IDENTITY


@dataclass(frozen=True, slots=True)
class WeightsInfo:
    """What belongs to a set of weights, for the label beside every result."""

    source: str
    """"random, seed 0" or the file's name."""
    trained: bool
    preprocessing: Preprocessing
    labels: tuple[str, ...]
    """A name for every class; "class 17" where nobody gave one."""
    sha256: str = ""
    notes: tuple[str, ...] = ()
    """What a user should know: "half precision converted", "NaN in layer1.0.conv1.weight"."""
    doubts: tuple[str, ...] = ()
    """Those of the notes that are reasons not to believe the predictions."""
    likelier: Architecture | None = None
    """A network with the same shapes that the weights were likelier made for."""


HALF = " half"
"""Behind a device's name: networks run in half precision there. Not on the CPU, which is slower with it."""


@dataclass(frozen=True, slots=True)
class Device:
    """Where a network runs. `name` is torch's ("cpu", "cuda:0", "mps"), maybe with `HALF`, `label` for the window."""

    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Prediction:
    label: str
    probability: float
    number: int = -1
    """Of the class; -1 where it does not matter."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerMaps:
    """One captured layer: all of its feature maps, float32, channels × height × width."""

    name: str
    values: NDArray[np.float32]
    mean: float
    std: float
    zeros: float
    """Share of values that are exactly zero, 0 … 1."""


@dataclass(frozen=True, slots=True, eq=False)
class ForwardResult:
    """One image through one network."""

    subject: ForwardSpec
    """What it is a look at."""
    image_sha256: str
    frame: Frame
    """Where the input lies on the photograph."""
    seen: Pixels
    """The network's real input, turned back into pixels: crop × crop × 3."""
    weights: WeightsInfo
    layers: tuple[LayerMaps, ...]
    seconds: float
    """Of the forward pass alone."""
    predictions: tuple[Prediction, ...] | None = None
    """The five most probable classes; none where the output is not a number; None where nobody asked for them."""
    brief: bool = False
    """One of many while a hand moves: more is to come at once."""
