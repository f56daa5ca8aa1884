"""Statistics of a layer's channels, over one image or many. Needs only numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from resnet_studio.inference.feature_maps import Values
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import called_layers, layers_by_name

PerChannel: TypeAlias = NDArray[np.float64]
"""One value per channel."""


@dataclass(frozen=True, slots=True, eq=False)
class ChannelStatistics:
    """Per channel, over the finite values of all images; NaN if a channel has none."""

    images: int
    counts: PerChannel
    """Number of finite values."""
    minimum: PerChannel
    maximum: PerChannel
    mean: PerChannel
    squared_deviations: PerChannel
    """Sum of squared deviations from the mean."""
    nonzero: PerChannel
    """Number of values, finite or not, that are not zero."""
    values: int
    """Number of values per channel, finite or not."""
    active_images: NDArray[np.int64]
    """Number of images in which the channel had a value other than zero."""

    @property
    def channels(self) -> int:
        return len(self.counts)

    @property
    def variance(self) -> PerChannel:
        """Population variance."""
        squared = np.where(self.counts > 0, self.squared_deviations, math.nan)
        result: PerChannel = squared / np.maximum(self.counts, 1)
        return result

    @property
    def std(self) -> PerChannel:
        root: PerChannel = np.sqrt(self.variance)
        return root

    @property
    def zeros(self) -> PerChannel:
        """Share of values that are exactly zero, 0 … 1."""
        return 1 - self.nonzero / max(1, self.values)

    def inactive(self, *, after_relu: bool) -> NDArray[np.bool_]:
        """Channels without information: dead (never above zero) after a ReLU, constant elsewhere."""
        inactive: NDArray[np.bool_] = self.maximum <= 0 if after_relu else self.maximum == self.minimum
        return inactive

    def pooled(self) -> ChannelStatistics:
        """Statistics of the whole layer as a single channel; `active_images` is the largest of any channel."""
        count, mean, squared_deviations = _combined(self.counts, self.mean, self.squared_deviations)
        minimum, maximum = np.fmin.reduce(self.minimum), np.fmax.reduce(self.maximum)
        return ChannelStatistics(
            self.images, np.array([count]), np.array([minimum]), np.array([maximum]), np.array([mean]),
            np.array([squared_deviations]), np.array([self.nonzero.sum()]), self.values * self.channels,
            np.array([self.active_images.max(initial=0)]),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SkippedImage:
    """An image that could not be opened, and why."""

    image: str
    cause: str


@dataclass(frozen=True, slots=True, eq=False)
class LayerStatistics:
    """Statistics of one layer over many images."""

    layer: str
    statistics: ChannelStatistics | None
    """None if no image could be opened."""
    skipped: tuple[SkippedImage, ...]
    """Images that could not be opened."""


def statistics(values: Values) -> ChannelStatistics:
    """Statistics of one image's maps, channels × height × width."""
    flat = values.reshape(len(values), -1)
    nonzero = np.count_nonzero(flat, axis=1).astype(np.float64)
    exact = flat.astype(np.float64)
    finite = np.isfinite(flat)
    if not finite.all():
        exact[~finite] = math.nan
    counts = finite.sum(1, dtype=np.float64)
    minimum, maximum = (reduction.reduce(exact, axis=1) for reduction in (np.fmin, np.fmax))
    exact[~finite] = 0
    mean = np.divide(exact.sum(1), counts, out=np.full(len(flat), math.nan), where=counts > 0)
    exact -= mean[:, None]
    exact[~finite] = 0
    squared_deviations = np.einsum("cn,cn->c", exact, exact)
    return ChannelStatistics(
        1, counts, minimum, maximum, mean, squared_deviations, nonzero, flat.shape[1], (nonzero > 0).astype(np.int64)
    )


def merged(first: ChannelStatistics, second: ChannelStatistics) -> ChannelStatistics:
    """Statistics over the images of both, as if computed at once: Chan's algorithm in float64."""
    pairs = ((getattr(first, name), getattr(second, name)) for name in ("counts", "mean", "squared_deviations"))
    counts, mean, squared_deviations = _combined(*(np.stack(pair) for pair in pairs))
    return ChannelStatistics(
        first.images + second.images,
        counts,
        np.fmin(first.minimum, second.minimum),
        np.fmax(first.maximum, second.maximum),
        mean,
        squared_deviations,
        first.nonzero + second.nonzero,
        first.values + second.values,
        first.active_images + second.active_images,
    )


def _combined(
    counts: PerChannel, means: PerChannel, squared_deviations: PerChannel
) -> tuple[PerChannel, PerChannel, PerChannel]:
    """Count, mean and sum of squared deviations of all parts together; the parts lie along the first axis."""
    finite_means = np.where(counts > 0, means, 0.0)
    total = counts.sum(0)
    mean = np.divide((counts * finite_means).sum(0), total, out=np.full(np.shape(total), math.nan), where=total > 0)
    between = counts * (finite_means - np.nan_to_num(mean)) ** 2
    return total, mean, np.asarray((squared_deviations + between).sum(0))


def follows_relu(architecture: Architecture, name: str) -> bool:
    """Whether a layer's or block's output comes from a ReLU, possibly pooled, so that no value is negative."""
    layers = layers_by_name(architecture)
    of_block = (layer for layer in reversed(called_layers(architecture)) if layer.block == name)
    layer = layers.get(name) or next(of_block, None)
    while layer and layer.inputs and layer.kind in ("max pool", "average pool", "dropout"):
        layer = layers.get(layer.inputs[0])
    return layer is not None and layer.kind in ("relu", "relu6")
