"""Feature maps as numbers and as images. Needs only numpy, so that window and command line draw the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from resnet_studio.inference.colormaps import COLORMAP_FILES, Colormap
from resnet_studio.inference.values import LayerMaps, Pixels

Contrast = Literal["channel", "layer", "fixed"]
Sort = Literal["index", "mean", "maximum", "variance", "difference"]
Values: TypeAlias = NDArray[np.float32]
"""A layer's maps: channels × height × width."""
Indices: TypeAlias = NDArray[np.uint8]
"""Indices into a colormap's table: `GAP`, `NAN`, and the values from `LOWEST` to 255."""
GAP, NAN, LOWEST = 0, 1, 2
GAP_COLOR, NAN_COLOR = (128, 128, 128), (0, 255, 255)


@dataclass(frozen=True, slots=True)
class MapStyle:
    """How feature maps are drawn. Equal styles of equal values give equal images."""

    contrast: Contrast = "channel"
    """Whose range is mapped to the colors: each channel's, the whole layer's, or `limits`."""
    colours: Colormap = "viridis"
    limits: tuple[float, float] | None = None
    """The values of the first and the last color if the contrast is fixed."""
    sort: Sort = "index"
    """The order of the channels: by index, or in descending order of the statistic (see `channel_order`)."""


@dataclass(frozen=True, slots=True)
class Place:
    """The position of one value in a layer's maps."""

    channel: int
    row: int
    column: int


@dataclass(frozen=True, slots=True)
class MosaicGeometry:
    """The layout of `channels` maps of height × width in a grid of rows × columns, `gap` pixels apart."""

    channels: int
    height: int
    width: int
    columns: int
    gap: int = 1
    order: tuple[int, ...] = ()
    """The channel at each position; empty if they are in order of their index."""

    @property
    def rows(self) -> int:
        return math.ceil(self.channels / self.columns)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the whole mosaic in pixels."""
        return self.rows * (self.height + self.gap) - self.gap, self.columns * (self.width + self.gap) - self.gap

    def channel(self, position: int) -> int:
        """The channel at a position, counted row by row."""
        return self.order[position] if self.order else position

    def position(self, channel: int) -> int:
        """The position of a channel, counted row by row."""
        return self.order.index(channel) if self.order else channel

    def cell(self, position: int) -> tuple[int, int]:
        """x and y of the upper left pixel of the map at a position."""
        row, column = divmod(position, self.columns)
        return column * (self.width + self.gap), row * (self.height + self.gap)

    def corner(self, channel: int) -> tuple[int, int]:
        """x and y of the upper left pixel of a channel's map."""
        return self.cell(self.position(channel))

    def pixel(self, place: Place) -> tuple[int, int]:
        """x and y of a value."""
        x, y = self.corner(place.channel)
        return x + place.column, y + place.row

    def at(self, x: float, y: float) -> Place | None:
        """The value under a point; None in a gap, outside of the mosaic, or past the last channel."""
        column, inner_column = divmod(math.floor(x), self.width + self.gap)
        row, inner_row = divmod(math.floor(y), self.height + self.gap)
        position = row * self.columns + column
        inside = 0 <= column < self.columns and row >= 0 and position < self.channels
        if not inside or inner_column >= self.width or inner_row >= self.height:
            return None
        return Place(self.channel(position), inner_row, inner_column)


def layer_maps(name: str, values: NDArray[Any]) -> LayerMaps:
    """A captured layer with its statistics over the finite values (NaN if there are none).

    `values` is one image's output: channels × height × width, with or without a leading 1, or the output of a
    linear layer, whose features count as maps of one pixel.
    """
    maps = np.ascontiguousarray(values[0] if values.ndim in (2, 4) else values, np.float32)
    if maps.ndim == 1:
        maps = maps[:, None, None]
    if maps.ndim != 3:
        raise ValueError(f"{name} has no feature maps: its output has shape {values.shape}")
    finite = maps[np.isfinite(maps)]
    mean, std = (
        (float(finite.mean(dtype=np.float64)), float(finite.std(dtype=np.float64))) if finite.size else (math.nan,) * 2
    )
    return LayerMaps(name, maps, mean, std, zeros=1 - int(np.count_nonzero(maps)) / max(1, maps.size))


def channel_order(values: Values, sort: Sort, reference: Values | None = None) -> NDArray[np.intp]:
    """The channels in descending order of mean, maximum, variance or difference; ties by index.

    The difference is the mean absolute difference to the same layer's values in a reference result.
    NaN comes last.
    """
    channels = len(values)
    if sort == "index":
        return np.arange(channels)
    if sort == "difference":
        if reference is None or reference.shape != values.shape:
            raise ValueError("difference: no reference with the same shape")
        values = np.abs(values - reference)
    flat = values.reshape(channels, -1)
    scores = flat.max(1) if sort == "maximum" else flat.var(1) if sort == "variance" else flat.mean(1)
    return np.argsort(-np.nan_to_num(scores, nan=-np.inf, posinf=np.inf, neginf=-np.inf), kind="stable")


def mosaic(
    values: Values,
    style: MapStyle,
    columns: int | None = None,
    gap: int = 1,
    order: NDArray[np.intp] | None = None,
) -> tuple[Indices, MosaicGeometry]:
    """All maps of a layer (channels × height × width) in one image, row by row; nearly square without `columns`.

    The style's range of finite values is mapped to the colormap. A constant map gets the lowest color (the middle one
    of a diverging colormap), infinities its ends. `order` is the channel at each position; without it, it follows
    from `style.sort`, which can't be "difference" then, as that needs a reference.
    """
    channels, height, width = values.shape
    if columns is None:
        columns = math.ceil(math.sqrt(channels * (height + gap) / (width + gap)))
    if order is None and style.sort != "index":
        order = channel_order(values, style.sort)
    laid_out = () if order is None else tuple(order.tolist())
    geometry = MosaicGeometry(channels, height, width, max(1, min(columns, channels)), gap, laid_out)
    return tile_grid(to_indices(values, style), geometry), geometry


def tile_grid(tiles: NDArray[np.uint8], geometry: MosaicGeometry, fill: int | Sequence[int] = GAP) -> NDArray[np.uint8]:
    """Tiles (N × height × width, with or without a last axis of colors) in one image; gaps and unused cells are filled.

    Without the last axis, tiles and `fill` are gray levels or indices into a colormap.
    """
    rows, columns = geometry.rows, geometry.columns
    height, width, colors = geometry.height + geometry.gap, geometry.width + geometry.gap, tiles.shape[3:]
    cells = np.full((rows * columns, height, width, *colors), fill, np.uint8)
    ordered = tiles[list(geometry.order)] if geometry.order else tiles
    cells[: geometry.channels, : geometry.height, : geometry.width] = ordered
    grid = cells.reshape(rows, columns, height, width, *colors).swapaxes(1, 2)
    image = grid.reshape(rows * height, columns * width, *colors)
    return np.ascontiguousarray(image[: geometry.shape[0], : geometry.shape[1]])


def value_range(values: Values, style: MapStyle) -> tuple[Values, Values]:
    """The values of the first and the last color: per channel (channels × 1 × 1), or for all (1 × 1 × 1)."""
    if style.contrast == "fixed":
        ends = style.limits or (0.0, 1.0)
        low, high = (np.full((1, 1, 1), end, np.float32) for end in ends)
    else:
        axes = (1, 2) if style.contrast == "channel" else None
        finite = values if np.isfinite(values).all() else np.where(np.isfinite(values), values, np.nan)
        low, high = (np.nan_to_num(ends.reduce(finite, axis=axes, keepdims=True)) for ends in (np.fmin, np.fmax))
    if style.colours == "diverging":
        high = np.maximum(np.abs(low), np.abs(high))
        low = -high
    return low, high


def to_indices(values: Values, style: MapStyle) -> Indices:
    """Each value's index in the colormap; channels × height × width in and out."""
    finite = bool(np.isfinite(values).all())
    low, high = value_range(values, style)
    low, high = low / np.float32(2), high / np.float32(2)  # halved, as the range of large values may exceed float32
    span = high - low
    fractions = values / 2
    fractions -= low
    fractions /= np.where(span > 0, span, 1)
    if style.colours == "diverging":
        fractions += np.where(span > 0, np.float32(0), np.float32(0.5))
    fractions[np.isnan(fractions)] = 0
    np.clip(fractions, 0, 1, out=fractions)
    fractions *= 255 - LOWEST
    indices = np.rint(fractions, out=fractions).astype(np.uint8)
    indices += LOWEST
    if not finite:
        indices[np.isnan(values)] = NAN
    return indices


def apply_colormap(indices: Indices, name: Colormap) -> Pixels:
    """The colors of the indices: height × width × 3 (RGB)."""
    return lookup_table(name)[indices]


@lru_cache
def lookup_table(name: Colormap) -> Pixels:
    """256 × 3 (RGB): the color of gaps, the color of NaN, then the colormap from low to high."""
    ramp = (
        np.linspace(0, 255, 256)[:, None].repeat(3, axis=1)
        if name == "grey"
        else 255 * _from_pyqtgraph(COLORMAP_FILES[name])
    )
    steps = np.linspace(0, len(ramp) - 1, 256 - LOWEST)
    colors = np.stack([np.interp(steps, np.arange(len(ramp)), part) for part in ramp.T], axis=1)
    table = np.concatenate([[GAP_COLOR, NAN_COLOR], np.rint(colors)]).astype(np.uint8)
    table.setflags(write=False)
    return table


def _from_pyqtgraph(name: str) -> NDArray[np.float64]:
    """N × 3, 0 … 1, from pyqtgraph's data files; the package itself is not imported, as that would import Qt."""
    package = find_spec("pyqtgraph")
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError("pyqtgraph, which provides the colormaps, is not installed: reinstall the project")
    path = Path(package.submodule_search_locations[0], "colors", "maps", f"{name}.csv")
    return np.loadtxt(path, delimiter=",", comments=";", dtype=np.float64)
