"""The weights of one layer as numbers and as pictures. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from resnet_studio.inference.feature_maps import LOWEST, Indices, MapStyle, spread
from resnet_studio.inference.values import Pixels, WeightsInfo, WeightsSource
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import Layer, called_layers

Values: TypeAlias = NDArray[np.float32]
SIDE_PATH = ".downsample"
"""In the names of layers that lie on a block's shortcut."""


@dataclass(frozen=True, slots=True, eq=False)
class Kernels:
    """The weights of a convolution or a linear layer, and what is true of each of its filters."""

    architecture: Architecture
    source: WeightsSource
    layer: str
    linear: bool
    values: Values
    """Filters × input channels × height × width, 1 × 1 for a linear layer; of a very large one not every input."""
    inputs: int
    """Channels that each filter has."""
    every: int
    """Which of them are in `values`: each, or every so-manyth."""
    norms: NDArray[np.float64]
    """Of each whole filter: the root of the sum of its squares (L2)."""
    means: NDArray[np.float64]
    deviations: NDArray[np.float64]
    weights: WeightsInfo

    @property
    def colour(self) -> bool:
        """Whether the filters see red, green and blue."""
        return self.inputs == 3 and not self.linear

    @property
    def matrix(self) -> bool:
        """Whether a filter has one weight an input channel, so that all of them are one picture."""
        return self.values.shape[2:] == (1, 1) and not self.colour

    @property
    def largest(self) -> float:
        """The greatest finite distance of a weight from zero."""
        return float(np.max(np.abs(self.values), where=np.isfinite(self.values), initial=0.0))


def weighted(architecture: Architecture, name: str) -> str:
    """The layer whose weights belong to a layer or a block: its own, or the last on the way to its output.

    What lies on the main path of a block belongs to a convolution there, not to its shortcut's.
    """
    found = ""
    for layer in _up_to(architecture, name):
        if layer.kind in ("conv", "linear") and (SIDE_PATH not in layer.name or SIDE_PATH in name):
            found = layer.name
    return found


def _up_to(architecture: Architecture, name: str) -> tuple[Layer, ...]:
    """The layers that are called, to the last that is the named one or lies in the named block."""
    layers = called_layers(architecture)
    last = next((number for number, layer in enumerate(layers) if name in (layer.name, layer.block)), -1)
    while last + 1 < len(layers) and layers[last].block == layers[last + 1].block == name:
        last += 1
    return layers[: last + 1]


def tiles_of_input(kernels: Kernels, channel: int) -> Values:
    """What every filter has for one input channel: filters × height × width."""
    return np.ascontiguousarray(kernels.values[:, channel])


def tiles_of_filter(kernels: Kernels, number: int) -> Values:
    """What one filter has for every input channel: input channels × height × width."""
    return np.ascontiguousarray(kernels.values[number])


def rows(kernels: Kernels) -> Values:
    """A matrix as tiles: filters × 1 × input channels."""
    return kernels.values.reshape(len(kernels.values), 1, -1)


def drawing_of(kernels: Kernels, *, alone: bool) -> MapStyle:
    """Diverging colours with zero in their middle; the whole layer's range, or each tile's `alone`."""
    if alone:
        return MapStyle("channel", "diverging")
    return MapStyle("fixed", "diverging", (-kernels.largest, kernels.largest))


def spread_tiles(kernels: Kernels, tiles: Values, *, alone: bool) -> Indices:
    """Places of the weights in the diverging colour map; a layer of zeros lies in its middle."""
    if not kernels.largest:
        return np.full(tiles.shape, (255 + LOWEST) // 2, np.uint8)
    return spread(tiles, drawing_of(kernels, alone=alone))


def coloured(kernels: Kernels, *, alone: bool) -> Pixels:
    """First-layer filters as colour pictures, filters × height × width × 3: grey is zero.

    The weight that is farthest from zero, in a filter if `alone` or else in the layer, is as bright or as dark as can
    be; what is not a number is drawn as zero.
    """
    values = np.nan_to_num(kernels.values, nan=0.0, posinf=0.0, neginf=0.0)
    largest = np.abs(values).max(axis=(1, 2, 3) if alone else None, keepdims=True)
    shares = values / np.where(largest > 0, largest, 1)
    return np.rint(127.5 + 127.5 * shares).astype(np.uint8).transpose(0, 2, 3, 1)


def grid(tiles: NDArray[np.uint8], columns: int, gap: int, fill: int | Sequence[int]) -> NDArray[np.uint8]:
    """Tiles (N × height × width, with or without a last axis of colours) side by side, `gap` pixels of `fill` apart."""
    count, height, width = tiles.shape[:3]
    lines = -(-count // columns)
    cells = np.full((lines * columns, height + gap, width + gap, *tiles.shape[3:]), fill, np.uint8)
    cells[:count, :height, :width] = tiles
    joined = cells.reshape(lines, columns, *cells.shape[1:]).swapaxes(1, 2)
    whole = joined.reshape(lines * (height + gap), columns * (width + gap), *tiles.shape[3:])
    return np.ascontiguousarray(whole[: whole.shape[0] - gap, : whole.shape[1] - gap])
