"""What a hand does to an image before the network gets it, as one frozen value. Needs no torch.

`cropping.py` says where the input then lies in the photograph, `compute/transforms.py` makes the picture.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Occluder:
    """A grey square laid over the network's input. All in shares of the input's side."""

    x: float = 0.5
    """Of its middle, from the left."""
    y: float = 0.5
    side: float = 0.25

    def __post_init__(self) -> None:
        if not (0 <= self.x <= 1 and 0 <= self.y <= 1 and 0 < self.side <= 1):
            raise ValueError(f"occluder: middle and side lie between 0 and 1, got {self.x}, {self.y}, {self.side}")


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
"""Least and greatest value of each handle."""


@dataclass(frozen=True, slots=True)
class ImageTransforms:
    """Equal handles make equal pictures. The defaults change nothing: bit for bit torchvision's preset."""

    x: float = 0.0
    """How far the crop lies right of where it would, in crops."""
    y: float = 0.0
    """How far below."""
    zoom: float = 1.0
    """How many times larger things appear; below 1 there is grey around a photograph that is too small."""
    rotation: float = 0.0
    """Degrees by which the picture is turned against the clock, about the middle of the crop."""
    flipped: bool = False
    """Left and right exchanged."""
    brightness: float = 1.0
    """Factor of every value; what gets brighter than white is white."""
    contrast: float = 1.0
    """Factor of every value's distance from the mean of the grey picture."""
    blur: float = 0.0
    """Deviation of a Gaussian blur, in pixels of the input."""
    noise: float = 0.0
    """Deviation of Gaussian noise, values being 0 … 1; always the same noise."""
    occluder: Occluder | None = None

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(
                    f"{name}: a number between {low:g} and {high:g} is needed, got {getattr(self, name):,}"
                )

    @property
    def frames(self) -> bool:
        """Whether another part of the photograph is shown than the usual crop."""
        return (self.x, self.y, self.zoom, self.rotation) != (0, 0, 1, 0)


IDENTITY = ImageTransforms()


def with_number(handles: ImageTransforms, name: str, value: float) -> ImageTransforms:
    """Another value for one of the handles in `RANGES`."""
    numbers: dict[str, Any] = {name: value}
    return replace(handles, **numbers)


def changed(handles: ImageTransforms) -> dict[str, Any]:
    """The fields that are not as they are without a hand, as JSON values."""
    values = {one.name: getattr(handles, one.name) for one in fields(handles) if one.name != "occluder"}
    different = {name: value for name, value in values.items() if value != getattr(IDENTITY, name)}
    if handles.occluder:
        different["occluder"] = [handles.occluder.x, handles.occluder.y, handles.occluder.side]
    return different


def from_changed(values: dict[str, Any]) -> ImageTransforms:
    """The inverse of `changed`. `ValueError` or `TypeError` for what no handle takes."""
    values = dict(values)
    occluder = values.pop("occluder", None)
    flipped = bool(values.pop("flipped", False))
    numbers = {name: float(value) for name, value in values.items()}
    return ImageTransforms(**numbers, flipped=flipped, occluder=Occluder(*map(float, occluder)) if occluder else None)


def from_words(words: Iterable[str]) -> ImageTransforms:
    """Handles from a command line: "zoom=2", "flipped", "occluder=0.5,0.5,0.2". `ValueError` names what is wrong."""
    handles = IDENTITY
    for word in words:
        name, _, value = word.partition("=")
        if name == "flipped" and not value:
            handles = replace(handles, flipped=True)
        elif name == "occluder":
            handles = replace(handles, occluder=Occluder(*_numbers(name, value, 3)))
        elif name in RANGES:
            handles = with_number(handles, name, *_numbers(name, value, 1))
        else:
            known = ", ".join([*RANGES, "flipped", "occluder"])
            raise ValueError(f"no handle is called {name!r}; there are {known}")
    return handles


def _numbers(name: str, text: str, count: int) -> list[float]:
    try:
        numbers = [float(number) for number in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        takes = "three numbers, as in occluder=0.5,0.5,0.2" if count == 3 else f"a number, as in {name}=2"
        raise ValueError(f"{name} takes {takes}, not {text!r}")
    return numbers
