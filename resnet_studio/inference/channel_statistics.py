"""What the channels of a layer amount to, over one image or many. Needs numpy alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from resnet_studio.inference.feature_maps import Values
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import plan

Numbers: TypeAlias = NDArray[np.float64]
"""One for each channel."""


@dataclass(frozen=True, slots=True, eq=False)
class ChannelStatistics:
    """Of each channel, over the finite values of all images; NaN where a channel has none."""

    images: int
    counts: Numbers
    """How many finite values it has had."""
    least: Numbers
    greatest: Numbers
    mean: Numbers
    squares: Numbers
    """Sum of the squared distances from the mean."""
    nonzero: Numbers
    """How many values, finite or not, are other than zero."""
    values: int
    """How many values a channel has had, finite or not."""
    alive: NDArray[np.int64]
    """In how many images it has had a value other than zero."""

    @property
    def channels(self) -> int:
        return len(self.counts)

    @property
    def variance(self) -> Numbers:
        """Of all values, not estimated from a sample of them."""
        known = np.where(self.counts > 0, self.squares, math.nan)
        result: Numbers = known / np.maximum(self.counts, 1)
        return result

    @property
    def deviation(self) -> Numbers:
        root: Numbers = np.sqrt(self.variance)
        return root

    @property
    def zeros(self) -> Numbers:
        """Share of values that are exactly zero, 0 … 1."""
        return 1 - self.nonzero / max(1, self.values)

    def silent(self, *, rectified: bool) -> NDArray[np.bool_]:
        """Channels that tell nothing: dead, never above zero after a ReLU; constant where there is none before."""
        quiet: NDArray[np.bool_] = self.greatest <= 0 if rectified else self.greatest == self.least
        return quiet

    def whole(self) -> ChannelStatistics:
        """The same of the layer, as of a single channel; alive where any channel was in most images."""
        one = _of_parts(self.counts, self.mean, self.squares)
        least, greatest = np.fmin.reduce(self.least), np.fmax.reduce(self.greatest)
        return ChannelStatistics(
            self.images, np.array([one[0]]), np.array([least]), np.array([greatest]), np.array([one[1]]),
            np.array([one[2]]), np.array([self.nonzero.sum()]), self.values * self.channels,
            np.array([self.alive.max(initial=0)]),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SkippedImage:
    """An image that could not be opened, and why."""

    image: str
    cause: str


@dataclass(frozen=True, slots=True, eq=False)
class LayerStatistics:
    """One layer over many images."""

    layer: str
    statistics: ChannelStatistics | None
    """None where not one image could be opened."""
    damaged: tuple[SkippedImage, ...]
    """Images that were passed over."""


def statistics(values: Values) -> ChannelStatistics:
    """Of one image: channels × height × width."""
    flat = values.reshape(len(values), -1)
    nonzero = np.count_nonzero(flat, axis=1).astype(np.float64)
    exact = flat.astype(np.float64)
    finite = np.isfinite(flat)
    if not finite.all():
        exact[~finite] = math.nan
    counts = finite.sum(1, dtype=np.float64)
    least, greatest = (ends.reduce(exact, axis=1) for ends in (np.fmin, np.fmax))
    exact[~finite] = 0
    mean = np.divide(exact.sum(1), counts, out=np.full(len(flat), math.nan), where=counts > 0)
    exact -= mean[:, None]
    exact[~finite] = 0
    squares = np.einsum("cn,cn->c", exact, exact)
    return ChannelStatistics(
        1, counts, least, greatest, mean, squares, nonzero, flat.shape[1], (nonzero > 0).astype(np.int64)
    )


def merged(first: ChannelStatistics, second: ChannelStatistics) -> ChannelStatistics:
    """Of the images of both, as if computed at once: Chan's way for means and squares, in float64."""
    pairs = ((getattr(first, name), getattr(second, name)) for name in ("counts", "mean", "squares"))
    counts, mean, squares = _of_parts(*(np.stack(pair) for pair in pairs))
    return ChannelStatistics(
        first.images + second.images,
        counts,
        np.fmin(first.least, second.least),
        np.fmax(first.greatest, second.greatest),
        mean,
        squares,
        first.nonzero + second.nonzero,
        first.values + second.values,
        first.alive + second.alive,
    )


def _of_parts(counts: Numbers, means: Numbers, squares: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Count, mean and sum of squared distances of the whole from those of its parts, which are along the first axis."""
    known = np.where(counts > 0, means, 0.0)
    whole = counts.sum(0)
    mean = np.divide((counts * known).sum(0), whole, out=np.full(np.shape(whole), math.nan), where=whole > 0)
    between = counts * (known - np.nan_to_num(mean)) ** 2
    return whole, mean, np.asarray((squares + between).sum(0))


def rectified(architecture: Architecture, name: str) -> bool:
    """Whether a layer's or block's values come out of a ReLU, maybe pooled since, so that none is below zero."""
    after = False
    found = False
    for layer in (layer for layer in plan(architecture) if layer.called):
        if layer.kind not in ("max pool", "average pool", "dropout"):
            after = layer.kind == "relu"
        if name in (layer.name, layer.block):
            found = after  # of a block's layers the last counts
    return found
