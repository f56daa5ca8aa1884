"""Which pixels of the input a value of a layer depends on: its receptive field, from the plan alone.

A window of k values at stride s, padding p and dilation d begins at s·i − p for the i-th output, so a span of outputs
first … last needs the inputs s·first − p … s·last − p + d (k − 1). Walked back to the input, that is the field.

The gate of squeeze-and-excitation depends on all pixels, if little on each. As papers do, `receptive_field` follows the
windows alone; `pixels_read` has the whole image behind the first gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.layers import Layer
from resnet_studio.networks.plan import layers_by_name

Span: TypeAlias = tuple[int, int]
"""First and last index of a range."""
HEIGHT, WIDTH = 1, 2
"""Where a shape has the size of an axis."""


@dataclass(frozen=True, slots=True)
class Box:
    """Pixels of the input from `left` up to `right` and from `top` up to `bottom`; it may reach beyond the image."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


@lru_cache(maxsize=1024)
def receptive_field(architecture: Architecture, layer: str, row: int, column: int) -> Box:
    """The receptive field of the value at a row and a column of a layer, a block or a stage, as papers count it.

    It may be larger than the image: what padding adds counts as pixels beyond its edges. Behind a global pool or a
    linear layer it is the whole image. `ValueError` for a layer that the network lacks or never calls.
    """
    steps = _layers_up_to(architecture, layer)
    if any(_is_global(one) for one in steps):
        height, width = architecture.image_size
        return Box(0, 0, width, height)
    top, bottom = _trace_back(steps, (row, row), HEIGHT)
    left, right = _trace_back(steps, (column, column), WIDTH)
    return Box(left, top, right + 1, bottom + 1)


@lru_cache(maxsize=1024)
def pixels_read(architecture: Architecture, layer: str, row: int, column: int) -> Box:
    """The pixels of the image that the value really depends on: the field without padding, at any layer on the way,
    and without what no window reaches (AlexNet on 70 pixels never reads the last five). `ValueError` as `field`."""
    steps = _layers_up_to(architecture, layer)
    top, bottom = _trace_back(steps, (row, row), HEIGHT, within=True)
    left, right = _trace_back(steps, (column, column), WIDTH, within=True)
    return Box(left, top, right + 1, bottom + 1)


def _layers_up_to(architecture: Architecture, name: str) -> list[Layer]:
    """The layers that a value of that name has passed, first to last.

    Where paths join, the first counts: it is F(x), and a shortcut sees no pixel that F(x) does not see.
    """
    layers = layers_by_name(architecture)
    ends = [layers[name]] if name in layers else [
        layer for layer in layers.values() if layer.block and f"{layer.block}.".startswith(f"{name}.")
    ]  # fmt: skip
    if not ends:
        raise ValueError(f"layer {name!r} does not exist or is never called")
    passed = [ends[-1]]
    while passed[-1].inputs:
        passed.append(layers[passed[-1].inputs[0]])
    return passed[::-1]


def _trace_back(steps: Sequence[Layer], span: Span, axis: int, *, within: bool = False) -> Span:
    """The span of the input that a span of the last layer's output depends on, along one axis; `within` every layer's
    own input, as padding has nothing behind it."""
    first, last = span
    for layer in reversed(steps):
        if within and _is_global(layer):
            first, last = 0, layer.input[axis] - 1
        elif layer.kind == "average pool" and not layer.kernel:  # adaptive: equal shares of its input, rounded outwards
            n_in, n_out = layer.input[axis], layer.output[axis]
            first, last = first * n_in // n_out, -(-(last + 1) * n_in // n_out) - 1
        elif layer.kernel:
            first = layer.stride * first - layer.padding
            last = layer.stride * last - layer.padding + layer.dilation * (layer.kernel - 1)
        elif layer.kind == "scale" and within:
            first, last = 0, layer.input[axis] - 1
        if within:
            first, last = max(0, first), min(last, layer.input[axis] - 1)
    return first, last


def _is_global(layer: Layer) -> bool:
    pools = layer.kind in ("linear", "average pool", "dropout") and not layer.kernel
    return pools and layer.output[1:] == (1, 1)
