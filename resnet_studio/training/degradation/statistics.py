"""Medians and ranges over the runs of a network, and error gaps between networks. Needs neither torch nor Qt."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

import numpy as np

from resnet_studio.training.degradation.experiment import NetworkSpec
from resnet_studio.training.runs.curves import Axis, Curve, Curves, Values

Split = Literal["training", "test"]


@dataclass(frozen=True, slots=True)
class AggregatedCurve:
    """At each x the median, minimum and maximum over the runs that have a value there."""

    x: Values
    median: Values
    low: Values
    high: Values


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and range of some numbers; NaN if there are none."""

    median: float
    low: float
    high: float


def spread(values: Iterable[float]) -> Spread:
    """Median and range of the values that are not NaN."""
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return Spread(math.nan, math.nan, math.nan)
    return Spread(median(known), min(known), max(known))


def aggregate(curves: Sequence[Curve]) -> AggregatedCurve:
    """Combine curves by their x; a run that has no value there, or NaN, is left out."""
    values_at: dict[float, list[float]] = {}
    for curve in curves:
        for x, y in zip(curve.x.tolist(), curve.y.tolist(), strict=True):
            if not math.isnan(y):
                values_at.setdefault(x, []).append(y)
    xs = sorted(values_at)
    spreads = [spread(values_at[x]) for x in xs]
    columns = ([s.median for s in spreads], [s.low for s in spreads], [s.high for s in spreads])
    middle, low, high = (np.array(column, float) for column in columns)
    return AggregatedCurve(np.array(xs, float), middle, low, high)


def error_curve(curves: Curves, split: Split, axis: Axis = "step") -> Curve:
    """A run's errors on a set, 0 … 1, by epoch: measured, or running if `only_running_error`."""
    if split == "training" and only_running_error(curves):
        return curves.per_epoch("error", axis)
    return measured_error_curve(curves, split, axis)


def measured_error_curve(curves: Curves, split: Split, axis: Axis = "step") -> Curve:
    """A run's errors on a set, 0 … 1, measured on the whole set."""
    return curves.measurements(split, "error", axis)


def only_running_error(curves: Curves) -> bool:
    """Whether the training error is only known as the running error, the mean over an epoch's batches."""
    return len(measured_error_curve(curves, "training").x) < len(measured_error_curve(curves, "test").x)


def final_error(curves: Curves, split: Split) -> float:
    """The error measured on a set after the last step; NaN if there is none."""
    last = curves.last(split)
    return last.error if last is not None and last.step == curves.steps else math.nan


STANDARD_ERRORS = 2.0
SPLITS: tuple[Split, Split] = ("training", "test")


@dataclass(frozen=True, slots=True)
class NetworkResult:
    """Final errors of a network's finished runs, as fractions, 0 … 1."""

    network: NetworkSpec
    runs: int
    errors: dict[Split, Spread]


@dataclass(frozen=True, slots=True)
class ErrorGap:
    """How much larger a deeper network's error is than a shallower one's, and how much of that can be chance."""

    shallow: NetworkResult
    deep: NetworkResult
    images: dict[Split, int]

    def difference(self, split: Split) -> float:
        return self.deep.errors[split].median - self.shallow.errors[split].median

    def noise_margin(self, split: Split) -> float:
        return noise_margin(self.shallow.errors[split].median, self.deep.errors[split].median, self.images[split])

    def is_worse(self, split: Split) -> bool:
        return self.difference(split) > self.noise_margin(split)

    def to_json(self) -> dict[str, Any]:
        """In percentage points."""
        points = {f"{split}_points": 100 * self.difference(split) for split in SPLITS}
        chances = {f"{split}_chance_points": 100 * self.noise_margin(split) for split in SPLITS}
        return {"shallow": self.shallow.network.title, "deep": self.deep.network.title, **points, **chances}


def noise_margin(first: float, second: float, images: int) -> float:
    """Difference of two error rates on `images` images that chance explains: two standard errors of it."""
    return STANDARD_ERRORS * math.sqrt((first * (1 - first) + second * (1 - second)) / max(images, 1))
