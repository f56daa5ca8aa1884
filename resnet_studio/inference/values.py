"""What goes into a look at an image and what comes out: values that cross to the window. Needs no torch.

An image is named by a string: a path, or `sample:NAME` for one that ships with scikit-learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]
"""Height × width × 3 (RGB), 0 … 255."""
SAMPLES = ("sample:china", "sample:flower", *(f"sample:digit-{digit}" for digit in range(10)))


def image_title(reference: str) -> str:
    """What an image is called in a sentence: "china", "digit 3", "IMG_0412.jpg"."""
    sample = reference.removeprefix("sample:")
    return Path(reference).name if sample == reference else sample.replace("-", " ")


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

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the image as it was opened."""
        return self.reduced_from or (self.pixels.shape[1], self.pixels.shape[0])


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How an image becomes the network's input: shorter side to `resize`, centre `crop`, (x − mean) / std."""

    resize: int
    crop: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class RandomWeights:
    """Kaiming initialisation from a seed, batch norm calibrated on the sample photographs. Untrained."""

    seed: int = 0


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A `.pth` or `.safetensors` file with a state_dict."""

    path: Path
    head: bool = True
    """False leaves the last layer out, as it may be made for other classes: it stays random."""


WeightsSource: TypeAlias = RandomWeights | WeightsFile


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


@dataclass(frozen=True, slots=True)
class Device:
    """Where a network runs. `name` is torch's ("cpu", "cuda:0", "mps"), `label` what the window shows."""

    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Prediction:
    label: str
    probability: float


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
class Look:
    """One image through one network."""

    predictions: tuple[Prediction, ...]
    """The five most probable classes."""
    seen: Pixels
    """The network's real input, turned back into pixels: crop × crop × 3."""
    crop: tuple[float, float, float, float]
    """Where that input lies in the photograph: left, top, width, height in the photograph's pixels."""
    weights: WeightsInfo
    device: str
    layers: tuple[LayerMaps, ...]
    seconds: float
    """Of the forward pass alone."""
