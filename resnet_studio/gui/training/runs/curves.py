"""The lines of a run in the plots: computed when first drawn, and cached until the run has new events."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeVar

import numpy as np

from resnet_studio.gui.plots.curve_layer import CurveStroke, StrokeSource
from resnet_studio.gui.plots.styles import blended
from resnet_studio.gui.training.run_state import RunState, run_color
from resnet_studio.training.runs.curves import Axis, Curve, Curves, Values, smoothed

Plot = Literal["loss", "error", "rate", "speed"]
PLOTS: tuple[Plot, ...] = ("loss", "error", "rate", "speed")
MEASURED: tuple[Plot, ...] = ("loss", "error")
"""Quantities that are also measured on the test set, and noisy enough to be smoothed."""
OUTLIER = 3.0
"""Losses over this many times the first one don't extend the y axis."""
Computed = TypeVar("Computed")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounding box of a run's lines; NaN if there are none. `positive` is the smallest value over 0."""

    last: float = math.nan
    low: float = math.nan
    high: float = math.nan
    positive: float = math.nan


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float


class RunLines:
    """The lines of one run, each computed at most once between two of its events. Errors are in percent."""

    def __init__(self, run: RunState) -> None:
        self.run = run
        self._cache: dict[tuple[object, ...], object] = {}
        self._revision = run.revision

    @property
    def curves(self) -> Curves:
        return self.run.curves

    def raw(self, plot: Plot, axis: Axis) -> Curve:
        """The value of every step."""
        return self._cached(("raw", plot, axis), lambda: self._raw(plot, axis))

    def smooth(self, plot: Plot, axis: Axis, weight: float) -> Curve:
        """Exponential moving average of the values of all steps."""
        if weight <= 0:
            return self.raw(plot, axis)
        y = self._cached(("smooth", plot, weight), lambda: smoothed(self.raw(plot, "step").y, weight))
        return Curve(self.raw(plot, axis).x, y)

    def tested(self, plot: Plot, axis: Axis) -> Curve:
        """Measurements on the test set."""
        return self._cached(("test", plot, axis), lambda: self._tested(plot, axis))

    def best(self, plot: Plot, axis: Axis) -> Point | None:
        """The measurement with the lowest test error."""
        if plot not in MEASURED or (best := self.curves.best) is None:
            return None
        tested = self.tested(plot, axis)
        at = [measurement for measurement in self.curves.measured if measurement.split == "test"].index(best)
        return Point(float(tested.x[at]), float(tested.y[at]))

    def failure_point(self, plot: Plot, axis: Axis, weight: float) -> Point | None:
        """Where the curve of a failed run ends: its last finite value."""
        if self.curves.state != "failed" or plot not in MEASURED:
            return None
        smooth = self.smooth(plot, axis, weight)
        finite = np.flatnonzero(np.isfinite(self.raw(plot, axis).y))
        return Point(float(smooth.x[finite[-1]]), float(smooth.y[finite[-1]])) if len(finite) else None

    def bounds(self, plot: Plot, axis: Axis) -> Bounds:
        """The range that the lines need. A loss that explodes counts only up to `OUTLIER` times its first value."""
        return self._cached(("bounds", plot, axis), lambda: self._bounds(plot, axis))

    def value(self, plot: Plot, axis: Axis, x: float, weight: float, *, test: bool = False) -> float:
        """The value of a line at x, that is of the last point up to x; NaN if there is none."""
        line = self.tested(plot, axis) if test else self.smooth(plot, axis, weight if plot in MEASURED else 0.0)
        at = int(np.searchsorted(line.x, x, "right")) - 1
        beyond = len(line.x) == 0 or x > self.raw(plot, axis).x[-1] if len(self.raw(plot, axis).x) else True
        return math.nan if at < 0 or beyond else float(line.y[at])

    def _cached(self, key: tuple[object, ...], make: Callable[[], Computed]) -> Computed:
        if self._revision != self.run.revision:
            self._cache.clear()
            self._revision = self.run.revision
        if key not in self._cache:
            if key[0] == "smooth":  # only one smoothing is shown at a time
                self._cache = {old: made for old, made in self._cache.items() if old[:2] != key[:2]}
            self._cache[key] = make()
        return self._cache[key]  # type: ignore[return-value]  # the type that was stored under this key

    def _raw(self, plot: Plot, axis: Axis) -> Curve:
        if plot == "speed":
            return self.curves.throughput(axis)
        curve = self.curves.per_step(plot, axis)
        return Curve(curve.x, _scale(plot) * curve.y)

    def _tested(self, plot: Plot, axis: Axis) -> Curve:
        if plot not in MEASURED:
            return Curve(np.zeros(0), np.zeros(0))
        curve = self.curves.measurements("test", plot, axis)  # type: ignore[arg-type]  # one of MEASURED
        return Curve(curve.x, _scale(plot) * curve.y)

    def _bounds(self, plot: Plot, axis: Axis) -> Bounds:
        raw, tested = self.raw(plot, axis), self.tested(plot, axis)
        y = np.concatenate((raw.y, tested.y))
        y = y[np.isfinite(y)]
        if not len(y):
            return Bounds()
        if plot == "loss":
            y = y[y <= OUTLIER * max(float(y[0]), 1e-9)]
        positive: Values = y[y > 0]
        last = max((float(curve.x[-1]) for curve in (raw, tested) if len(curve.x)), default=math.nan)
        least = float(positive.min()) if len(positive) else math.nan
        return Bounds(last, float(y.min()), float(y.max()), least)


def _scale(plot: Plot) -> float:
    return 100.0 if plot == "error" else 1.0


FEW = 8
"""Up to this many runs the lines are drawn thick."""
BELOW, ABOVE = 0.03, 0.05
"""Margins under zero and over the highest value, as fractions of it, so that markers there aren't cut off."""


@dataclass(frozen=True, slots=True)
class CurveStyle:
    """How curves are drawn."""

    axis: Axis = "step"
    weight: float = 0.9
    """Of the exponential moving average."""


def sources(
    plot: Plot, lines: Sequence[RunLines], selected: Collection[RunLines], style: CurveStyle
) -> list[StrokeSource]:
    """The strokes of all runs: raw ones at the bottom, selected runs over the others, markers on top."""
    order = sorted(lines, key=lambda run_lines: run_lines in selected)
    many = len(lines) > FEW
    strokes: list[StrokeSource] = []
    for number, kind in enumerate((_raw, _smooth, _tested)):
        if number == 1 and (plot not in MEASURED or style.weight <= 0):
            continue
        for run_lines in order:
            strong = run_lines in selected
            faded = bool(selected) and not strong
            strokes.append(partial(kind, plot, run_lines, style, _LineWeight(many, strong, faded)))
    size = 1.2 if many else 2.0
    return strokes + [partial(mark, plot, run_lines, style, size) for run_lines in order for mark in (_best, _failed)]


@dataclass(frozen=True, slots=True)
class _LineWeight:
    many: bool
    strong: bool
    faded: bool

    def color(self, lines: RunLines) -> str:
        return blended(run_color(lines.run), 0.5 if self.faded else 1.0)

    def width(self, few: float, many: float) -> float:
        return 2.5 if self.strong else many if self.many else few


def _raw(plot: Plot, lines: RunLines, style: CurveStyle, weight: _LineWeight) -> CurveStroke:
    share = (0.14 if weight.faded else 0.22 if weight.many else 0.38) if plot in MEASURED and style.weight > 0 else 0.9
    curve = lines.raw(plot, style.axis)
    if plot == "rate":
        return CurveStroke(curve, weight.color(lines), "smooth", weight.width(1.5, 1.2), lines.run.plain)
    return CurveStroke(curve, blended(run_color(lines.run), share * (0.5 if weight.faded else 1.0)), "raw")


def _smooth(plot: Plot, lines: RunLines, style: CurveStyle, weight: _LineWeight) -> CurveStroke:
    curve = lines.smooth(plot, style.axis, style.weight)
    return CurveStroke(curve, weight.color(lines), "smooth", weight.width(1.8, 1.2), lines.run.plain)


def _tested(plot: Plot, lines: RunLines, style: CurveStyle, weight: _LineWeight) -> CurveStroke:
    curve = lines.tested(plot, style.axis)
    kind: Literal["exact", "dotted"] = "exact" if weight.many and not weight.strong else "dotted"
    return CurveStroke(curve, weight.color(lines), kind, min(weight.width(1.2, 1.0), 1.8), lines.run.plain)


def _best(plot: Plot, lines: RunLines, style: CurveStyle, size: float) -> CurveStroke | None:
    return _mark(lines.best(plot, style.axis), run_color(lines.run), "best", size)


def _failed(plot: Plot, lines: RunLines, style: CurveStyle, size: float) -> CurveStroke | None:
    return _mark(lines.failure_point(plot, style.axis, style.weight), run_color(lines.run), "failed", size)


def _mark(point: Point | None, color: str, kind: Literal["best", "failed"], size: float) -> CurveStroke | None:
    if point is None:
        return None
    return CurveStroke(Curve(np.array([point.x]), np.array([point.y])), color, kind, size)


def x_range(lines: Sequence[RunLines], axis: Axis) -> tuple[float, float]:
    """From 0 to the end of the longest run."""
    last = max(_numbers(run_lines.bounds("loss", axis).last for run_lines in lines), default=1.0)
    return 0.0, last or 1.0


def y_range(plot: Plot, lines: Sequence[RunLines], axis: Axis, *, logarithmic: bool) -> tuple[float, float]:
    """From zero to the highest value, with margins; on a logarithmic axis from the lowest positive value."""
    bounds = [run_lines.bounds(plot, axis) for run_lines in lines]
    high = max(_numbers(bound.high for bound in bounds), default=1.0) or 1.0
    if not logarithmic:
        return -BELOW * high, (1 + ABOVE) * high
    low = min(_numbers(bound.positive for bound in bounds), default=high / 10)
    low_power, high_power = float(np.log10(low)), float(np.log10(max(high, low)))
    margin = max(0.04 * (high_power - low_power), 0.05)
    return low_power - margin, high_power + margin


def _numbers(values: Iterator[float]) -> list[float]:
    return [value for value in values if np.isfinite(value)]
