"""Transforms that the user applies to an image before it enters the network, as one frozen value. Needs no torch.

`cropping.py` computes where the input lies in the photograph, `compute/transforms.py` applies the transforms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Occluder:
    """A gray square over the network's input. All values are fractions of the input's side."""

    x: float = 0.5
    """Of its center, from the left."""
    y: float = 0.5
    side: float = 0.25

    def __post_init__(self) -> None:
        if not (0 <= self.x <= 1 and 0 <= self.y <= 1 and 0 < self.side <= 1):
            raise ValueError(f"occluder: center and side must be between 0 and 1, got {self.x}, {self.y}, {self.side}")


RANGES: dict[str, tuple[float, float]] = {
    "x": (-4.0, 4.0),
    "y": (-4.0, 4.0),
    "zoom": (0.25, 16.0),
    "rotation": (-180.0, 180.0),
    "brightness": (0.0, 3.0),
    "contrast": (0.0, 3.0),
    "blur": (0.0, 16.0),
    "noise": (0.0, 1.0),
}
"""Smallest and largest value of each transform."""


@dataclass(frozen=True, slots=True)
class ImageTransforms:
    """Equal transforms give equal inputs. The defaults change nothing: bit for bit torchvision's preset."""

    x: float = 0.0
    """Shift of the crop to the right, in crop widths."""
    y: float = 0.0
    """Shift of the crop downwards, in crop heights."""
    zoom: float = 1.0
    """Magnification; below 1, a photograph that is too small is surrounded by gray."""
    rotation: float = 0.0
    """Counterclockwise rotation of the image about the center of the crop, in degrees."""
    flipped: bool = False
    """Horizontal flip."""
    brightness: float = 1.0
    """Factor of every value; values above white are clipped."""
    contrast: float = 1.0
    """Factor of every value's distance from the mean of the grayscale image."""
    blur: float = 0.0
    """Standard deviation of a Gaussian blur, in pixels of the input."""
    noise: float = 0.0
    """Standard deviation of Gaussian noise for values of 0 … 1; the noise is always the same."""
    occluder: Occluder | None = None

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name}: must be between {low:g} and {high:g}, got {getattr(self, name):,}")

    @property
    def moves_crop(self) -> bool:
        """Whether the input shows another part of the photograph than the default crop."""
        return (self.x, self.y, self.zoom, self.rotation) != (0, 0, 1, 0)


IDENTITY = ImageTransforms()


def with_value(transforms: ImageTransforms, name: str, value: float) -> ImageTransforms:
    """The transforms with another value for one of `RANGES`."""
    numbers: dict[str, Any] = {name: value}
    return replace(transforms, **numbers)


def transforms_to_dict(transforms: ImageTransforms) -> dict[str, Any]:
    """The fields that differ from `IDENTITY`, as JSON values."""
    values = {field.name: getattr(transforms, field.name) for field in fields(transforms) if field.name != "occluder"}
    different = {name: value for name, value in values.items() if value != getattr(IDENTITY, name)}
    if transforms.occluder:
        different["occluder"] = [transforms.occluder.x, transforms.occluder.y, transforms.occluder.side]
    return different


def transforms_from_dict(values: dict[str, Any]) -> ImageTransforms:
    """The inverse of `transforms_to_dict`. `ValueError` or `TypeError` for invalid values."""
    values = dict(values)
    occluder = values.pop("occluder", None)
    flipped = bool(values.pop("flipped", False))
    numbers = {name: float(value) for name, value in values.items()}
    return ImageTransforms(**numbers, flipped=flipped, occluder=Occluder(*map(float, occluder)) if occluder else None)


def parse_transforms(arguments: Iterable[str]) -> ImageTransforms:
    """Transforms from a command line: "zoom=2", "flipped", "occluder=0.5,0.5,0.2". `ValueError` names what is wrong."""
    transforms = IDENTITY
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name == "flipped" and not value:
            transforms = replace(transforms, flipped=True)
        elif name == "occluder":
            transforms = replace(transforms, occluder=Occluder(*_numbers(name, value, 3)))
        elif name in RANGES:
            transforms = with_value(transforms, name, *_numbers(name, value, 1))
        else:
            known = ", ".join([*RANGES, "flipped", "occluder"])
            raise ValueError(f"unknown transform {name!r}. Available: {known}")
    return transforms


def _numbers(name: str, text: str, count: int) -> list[float]:
    try:
        numbers = [float(number) for number in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        expected = "three numbers, as in occluder=0.5,0.5,0.2" if count == 3 else f"a number, as in {name}=2"
        raise ValueError(f"{name} takes {expected}, not {text!r}")
    return numbers
