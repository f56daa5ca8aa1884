"""The weights of one layer as numbers and as images. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resnet_studio.inference.feature_maps import LOWEST, Indices, MapStyle, Values, to_indices
from resnet_studio.inference.values import Pixels, WeightsInfo, WeightsSource
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.layers import Layer
from resnet_studio.networks.plan import called_layers


@dataclass(frozen=True, slots=True, eq=False)
class Kernels:
    """The weights of a convolution or a linear layer, with statistics of each filter."""

    architecture: Architecture
    source: WeightsSource
    layer: str
    is_linear: bool
    values: Values
    """Filters × input channels × height × width (1 × 1 for a linear layer); very large layers skip input channels."""
    in_channels: int
    """Number of input channels of each filter, including those that `values` skips."""
    input_step: int
    """`values` has every `input_step`-th input channel."""
    norms: NDArray[np.float64]
    """L2 norm of each filter over all input channels, as are `means` and `stds`."""
    means: NDArray[np.float64]
    stds: NDArray[np.float64]
    weights: WeightsInfo

    @property
    def is_rgb(self) -> bool:
        """Whether the filters' input is RGB."""
        return self.in_channels == 3 and not self.is_linear

    @property
    def is_matrix(self) -> bool:
        """Whether a filter has one weight per input channel, so that the layer is drawn as one matrix."""
        return self.values.shape[2:] == (1, 1) and not self.is_rgb

    @property
    def max_abs(self) -> float:
        """The largest finite absolute weight."""
        return float(np.max(np.abs(self.values), where=np.isfinite(self.values), initial=0.0))


def weight_layer(architecture: Architecture, name: str) -> str:
    """The layer whose weights are shown for a layer or a block: itself, or the last one with weights before its output.

    For layers on the main path of a block it is a convolution of that path, not of the shortcut or a gate.
    """
    layers = _layers_until(architecture, name)
    on_main_path = not layers or layers[-1].on_main_path
    found = (
        layer for layer in reversed(layers)
        if layer.kind in ("conv", "linear") and (layer.on_main_path or not on_main_path)
    )  # fmt: skip
    return next((layer.name for layer in found), "")


def _layers_until(architecture: Architecture, name: str) -> tuple[Layer, ...]:
    """The called layers up to the named one, or up to the last of the named block."""
    layers = called_layers(architecture)
    last = next((index for index, layer in enumerate(layers) if name in (layer.name, layer.block)), -1)
    while last + 1 < len(layers) and layers[last].block == layers[last + 1].block == name:
        last += 1
    return layers[: last + 1]


def tiles_of_input(kernels: Kernels, channel: int) -> Values:
    """Each filter's kernel for one input channel: filters × height × width."""
    return np.ascontiguousarray(kernels.values[:, channel])


def tiles_of_filter(kernels: Kernels, number: int) -> Values:
    """One filter's kernel for each input channel: input channels × height × width."""
    return np.ascontiguousarray(kernels.values[number])


def matrix_tiles(kernels: Kernels) -> Values:
    """The layer as a matrix, one tile per filter: filters × 1 × input channels."""
    return kernels.values.reshape(len(kernels.values), 1, -1)


def kernel_style(kernels: Kernels, *, per_tile: bool) -> MapStyle:
    """A diverging colormap with zero in the middle, over the range of the layer or of each tile."""
    if per_tile:
        return MapStyle("channel", "diverging")
    return MapStyle("fixed", "diverging", (-kernels.max_abs, kernels.max_abs))


def tile_indices(kernels: Kernels, tiles: Values, *, per_tile: bool) -> Indices:
    """Indices of the weights in the diverging colormap; a layer of zeros gets the middle color."""
    if not kernels.max_abs:
        return np.full(tiles.shape, (255 + LOWEST) // 2, np.uint8)
    return to_indices(tiles, kernel_style(kernels, per_tile=per_tile))


def rgb_filters(kernels: Kernels, *, per_tile: bool) -> Pixels:
    """First-layer filters as RGB images, filters × height × width × 3; zero is gray.

    The largest absolute weight, of each filter if `per_tile` or else of the layer, is mapped to 0 or 255. Values that
    are not finite are drawn as zero.
    """
    values = np.nan_to_num(kernels.values, nan=0.0, posinf=0.0, neginf=0.0)
    max_abs = np.abs(values).max(axis=(1, 2, 3) if per_tile else None, keepdims=True)
    fractions = values / np.where(max_abs > 0, max_abs, 1)
    return np.rint(127.5 + 127.5 * fractions).astype(np.uint8).transpose(0, 2, 3, 1)
