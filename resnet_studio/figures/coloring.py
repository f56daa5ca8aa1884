"""What the boxes of a figure are colored by: a number for each layer, with its scale. Needs neither torch nor Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from resnet_studio.analysis.units import LABELS, FlopUnit, exact, in_unit, short
from resnet_studio.figures.elements import gate_layers
from resnet_studio.formatting import short_time
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import plan
from resnet_studio.networks.receptive_field import field_sides

Values: TypeAlias = Mapping[str, float]
"""A number for each layer that has one, by the layer's name."""
ColorKey = Literal["stage", "flops", "parameters", "time", "receptive-field"]
TITLES: dict[ColorKey, str] = {
    "stage": "Stage",
    "flops": "FLOPs",
    "parameters": "Parameters",
    "time": "Measured time",
    "receptive-field": "Receptive field",
}


@dataclass(frozen=True, slots=True, eq=False)
class Coloring:
    """Numbers by which boxes are colored, on one scale from 0 to the largest of them."""

    title: str
    """What the numbers are, with their unit."""
    values: tuple[Values, ...]
    """For each architecture of the figure."""
    text: Callable[[float], str]
    """How a number is written."""
    of_equal_blocks: Literal["equal", "different", "growing"] = "equal"
    """How the numbers of equal blocks in a row are. Of growing ones a box has the largest, of others the sum of its
    layers."""

    def value(self, column: int, names: Iterable[str]) -> float | None:
        """The number of a box that stands for these layers; None if none of them has one."""
        known = self.values[column]
        found = [known[name] for name in names if name in known]
        return (max(found) if self.of_equal_blocks == "growing" else sum(found)) if found else None


def flops(architectures: Sequence[Architecture], unit: FlopUnit = "flops") -> Coloring:
    """Colors by the multiply-adds of convolutions and linear layers."""
    values = tuple({layer.name: float(in_unit(layer.macs, unit)) for layer in plan(one)} for one in architectures)
    return Coloring(LABELS[unit], values, lambda value: short(round(value)))


def parameters(architectures: Sequence[Architecture]) -> Coloring:
    """Colors by the number of parameters."""
    values = tuple({layer.name: float(layer.parameters) for layer in plan(one)} for one in architectures)
    return Coloring("Parameters", values, lambda value: short(round(value)))


def receptive_fields(architectures: Sequence[Architecture]) -> Coloring:
    """Colors by the side of the receptive field, as papers count it: the larger one where an image is no square."""
    values = tuple(_fields(one) for one in architectures)
    return Coloring("Receptive field (pixels)", values, lambda value: exact(round(value)), "growing")


def times(seconds: Sequence[Values]) -> Coloring:
    """Colors by measured times, in seconds, for each architecture of the figure."""
    return Coloring("Time", tuple(seconds), short_time, "different")


def coloring(key: ColorKey, architectures: Sequence[Architecture], unit: FlopUnit = "flops") -> Coloring | None:
    """What a key says that follows from the architectures alone; None for the stages' colors. `ValueError` for the
    measured time, which `times` takes."""
    match key:
        case "stage":
            return None
        case "flops":
            return flops(architectures, unit)
        case "parameters":
            return parameters(architectures)
        case "receptive-field":
            return receptive_fields(architectures)
    raise ValueError("colors by measured time need the times of each architecture's layers")


@lru_cache(maxsize=16)
def _fields(architecture: Architecture) -> Values:
    """The larger side of each layer's receptive field; gates, which depend on all of the image, have none."""
    gates = gate_layers(architecture)
    return {name: float(max(sides)) for name, sides in field_sides(architecture).items() if name not in gates}
