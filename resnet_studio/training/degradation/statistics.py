"""Several runs of one network as one: medians and ranges. Needs neither torch nor Qt."""

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
class Band:
    """At each x the median, the least and the greatest of the values that some runs have there."""

    x: Values
    median: Values
    low: Values
    high: Values


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and range of a few numbers; NaN of none."""

    median: float
    low: float
    high: float


def spread(values: Iterable[float]) -> Spread:
    """Of the numbers among the values."""
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return Spread(math.nan, math.nan, math.nan)
    return Spread(median(known), min(known), max(known))


def band(curves: Sequence[Curve]) -> Band:
    """Put curves together by their x; a run that has not come so far, or whose value is no number, does not count."""
    met: dict[float, list[float]] = {}
    for curve in curves:
        for x, y in zip(curve.x.tolist(), curve.y.tolist(), strict=True):
            if not math.isnan(y):
                met.setdefault(x, []).append(y)
    places = sorted(met)
    spreads = [spread(met[x]) for x in places]
    columns = ([one.median for one in spreads], [one.low for one in spreads], [one.high for one in spreads])
    middle, low, high = (np.array(column, float) for column in columns)
    return Band(np.array(places, float), middle, low, high)


def errors(curves: Curves, split: Split, axis: Axis = "step") -> Curve:
    """A run's errors on a set, 0 … 1, epoch by epoch: measured ones, or running ones where `runs_on` says so."""
    if split == "training" and runs_on(curves):
        return curves.per_epoch("error", axis)
    return measured(curves, split, axis)


def measured(curves: Curves, split: Split, axis: Axis = "step") -> Curve:
    """A run's errors on a set, 0 … 1, wherever it was run over the whole set."""
    return curves.measurements(split, "error", axis)


def runs_on(curves: Curves) -> bool:
    """Whether the training error of each epoch is only known as a running one, the mean of the epoch's batches."""
    return len(measured(curves, "training").x) < len(measured(curves, "test").x)


def final(curves: Curves, split: Split) -> float:
    """The error that was measured on a set after the last step; NaN where none was."""
    last = curves.last(split)
    return last.error if last is not None and last.step == curves.steps else math.nan


STANDARD_ERRORS = 2.0
SPLITS: tuple[Split, Split] = ("training", "test")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a network's finished runs ended. Errors are shares, 0 … 1."""

    twin: NetworkSpec
    runs: int
    errors: dict[Split, Spread]


@dataclass(frozen=True, slots=True)
class Gap:
    """How much larger a deeper network's error is than a shallower one's, and how much of that chance explains."""

    shallow: Ending
    deep: Ending
    images: dict[Split, int]

    def more(self, split: Split) -> float:
        return self.deep.errors[split].median - self.shallow.errors[split].median

    def chance(self, split: Split) -> float:
        return chance(self.shallow.errors[split].median, self.deep.errors[split].median, self.images[split])

    def worse(self, split: Split) -> bool:
        return self.more(split) > self.chance(split)

    def to_json(self) -> dict[str, Any]:
        """In percentage points."""
        points = {f"{split}_points": 100 * self.more(split) for split in SPLITS}
        chances = {f"{split}_chance_points": 100 * self.chance(split) for split in SPLITS}
        return {"shallow": self.shallow.twin.title, "deep": self.deep.twin.title, **points, **chances}


def chance(one: float, other: float, images: int) -> float:
    """How far two shares of so many images lie apart by chance: two standard errors of their difference."""
    return STANDARD_ERRORS * math.sqrt((one * (1 - one) + other * (1 - other)) / max(images, 1))
