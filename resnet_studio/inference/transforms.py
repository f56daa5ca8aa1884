"""Transforms that the user applies to an image before it enters the network, as one frozen value. Needs no torch.

`cropping.py` computes where the input lies in the photograph, `compute/transforms.py` applies the transforms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from typing import Annotated, Any

from msgspec import Meta

from resnet_studio import codec
from resnet_studio.codec import Form


@dataclass(frozen=True, slots=True)
class Occluder:
    """A gray square over the network's input."""

    x: float = 0.5
    """Of its center, from the left, as a fraction of the input's width."""
    y: float = 0.5
    """Of its center, from the top, as a fraction of the input's height."""
    side: float = 0.25
    """As a fraction of the input's shorter side."""

    def __post_init__(self) -> None:
        if not (0 <= self.x <= 1 and 0 <= self.y <= 1 and 0 < self.side <= 1):
            raise ValueError(f"occluder: center and side must be between 0 and 1, got {self.x}, {self.y}, {self.side}")


Numbers = Annotated[tuple[float, float, float], Meta(description="three numbers")]
OCCLUDER = Form(lambda occluder: list(astuple(occluder)), lambda values: Occluder(*codec.decode(Numbers, values)))
Shift = Annotated[float, Meta(ge=-4.0, le=4.0)]
Factor = Annotated[float, Meta(ge=0.0, le=3.0)]


@dataclass(frozen=True, slots=True)
class ImageTransforms:
    """Equal transforms give equal inputs. The defaults change nothing: bit for bit torchvision's preset."""

    x: Shift = 0.0
    """Shift of the crop to the right, in crop widths."""
    y: Shift = 0.0
    """Shift of the crop downwards, in crop heights."""
    zoom: Annotated[float, Meta(ge=0.25, le=16.0)] = 1.0
    """Magnification; below 1, a photograph that is too small is surrounded by gray."""
    rotation: Annotated[float, Meta(ge=-180.0, le=180.0)] = 0.0
    """Counterclockwise rotation of the image about the center of the crop, in degrees."""
    flipped: bool = False
    """Horizontal flip."""
    brightness: Factor = 1.0
    """Factor of every value; values above white are clipped."""
    contrast: Factor = 1.0
    """Factor of every value's distance from the mean of the grayscale image."""
    blur: Annotated[float, Meta(ge=0.0, le=16.0)] = 0.0
    """Standard deviation of a Gaussian blur, in pixels of the input."""
    noise: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    """Standard deviation of Gaussian noise for values of 0 … 1; the noise is always the same."""
    occluder: Annotated[Occluder, OCCLUDER] | None = None

    def __post_init__(self) -> None:
        codec.check(self)

    @property
    def moves_crop(self) -> bool:
        """Whether the input shows another part of the photograph than the default crop."""
        return (self.x, self.y, self.zoom, self.rotation) != (0, 0, 1, 0)


IDENTITY = ImageTransforms()
RANGES = codec.ranges(ImageTransforms, float)
"""Smallest and largest value of each transform."""


def with_value(transforms: ImageTransforms, name: str, value: float) -> ImageTransforms:
    """The transforms with another value for one of `RANGES`."""
    numbers: dict[str, Any] = {name: value}
    return replace(transforms, **numbers)


def transforms_to_dict(transforms: ImageTransforms) -> dict[str, Any]:
    """The fields that differ from `IDENTITY`, as JSON values."""
    return codec.to_json(transforms, omit_defaults=True)


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


def transform_texts(transforms: ImageTransforms) -> list[str]:
    """The inverse of `parse_transforms`."""
    found = []
    for name, value in transforms_to_dict(transforms).items():
        numbers = ",".join(map(repr, value)) if isinstance(value, list | tuple) else repr(value)
        found.append(name if value is True else f"{name}={numbers}")
    return found


def _numbers(name: str, text: str, count: int) -> list[float]:
    try:
        numbers = [float(number) for number in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        expected = "three numbers, as in occluder=0.5,0.5,0.2" if count == 3 else f"a number, as in {name}=2"
        raise ValueError(f"{name} takes {expected}, not {text!r}")
    return numbers
