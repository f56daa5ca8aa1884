"""The lines that a run has in the plots: computed when they are first drawn, and kept until the run has grown."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeVar

import numpy as np

from resnet_studio.gui.plots.curve_layer import CurveStroke, Source
from resnet_studio.gui.plots.styles import mixed
from resnet_studio.gui.training.run_state import RunState, run_colour
from resnet_studio.training.runs.curves import Axis, Curve, Curves, Values, smoothed

Plot = Literal["loss", "error", "rate", "speed"]
PLOTS: tuple[Plot, ...] = ("loss", "error", "rate", "speed")
MEASURED: tuple[Plot, ...] = ("loss", "error")
"""What is measured on the test set too, and noisy enough to be smoothed."""
OUTLIER = 3.0
"""What is larger than this many times a loss's first value does not make the others small."""
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least rectangle around a run's lines; NaN where there are none. `positive` is the least value over 0."""

    last: float = math.nan
    low: float = math.nan
    high: float = math.nan
    positive: float = math.nan


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float


class RunLines:
    """Errors are in per cent. Forget them with `grown` after the run's curves have taken events."""

    def __init__(self, run: RunState) -> None:
        self.run = run
        self._made: dict[tuple[object, ...], object] = {}

    @property
    def curves(self) -> Curves:
        return self.run.curves

    def grown(self) -> None:
        """Forget what was computed."""
        self._made.clear()

    def raw(self, plot: Plot, axis: Axis) -> Curve:
        """What was told of every step."""
        return self._once(("raw", plot, axis), lambda: self._raw(plot, axis))

    def smooth(self, plot: Plot, axis: Axis, weight: float) -> Curve:
        """Every step's value averaged with those before it."""
        if weight <= 0:
            return self.raw(plot, axis)
        y = self._once(("smooth", plot, weight), lambda: smoothed(self.raw(plot, "step").y, weight))
        return Curve(self.raw(plot, axis).x, y)

    def tested(self, plot: Plot, axis: Axis) -> Curve:
        """Measurements on the test set."""
        return self._once(("test", plot, axis), lambda: self._tested(plot, axis))

    def best(self, plot: Plot, axis: Axis) -> Point | None:
        """The measurement with the lowest test error."""
        if plot not in MEASURED or (best := self.curves.best) is None:
            return None
        tested = self.tested(plot, axis)
        at = [one for one in self.curves.measured if one.split == "test"].index(best)
        return Point(float(tested.x[at]), float(tested.y[at]))

    def break_off(self, plot: Plot, axis: Axis, weight: float) -> Point | None:
        """Where the curve of a run that failed ends: at its last value that is a number."""
        if self.curves.state != "failed" or plot not in MEASURED:
            return None
        smooth = self.smooth(plot, axis, weight)
        finite = np.flatnonzero(np.isfinite(self.raw(plot, axis).y))
        return Point(float(smooth.x[finite[-1]]), float(smooth.y[finite[-1]])) if len(finite) else None

    def bounds(self, plot: Plot, axis: Axis) -> Bounds:
        """Room that the lines need. A loss that explodes does not count beyond some times its first value."""
        return self._once(("bounds", plot, axis), lambda: self._bounds(plot, axis))

    def value(self, plot: Plot, axis: Axis, x: float, weight: float, *, test: bool = False) -> float:
        """What a line shows at x: the value of the last point up to there; NaN where there is none."""
        line = self.tested(plot, axis) if test else self.smooth(plot, axis, weight if plot in MEASURED else 0.0)
        at = int(np.searchsorted(line.x, x, "right")) - 1
        beyond = len(line.x) == 0 or x > self.raw(plot, axis).x[-1] if len(self.raw(plot, axis).x) else True
        return math.nan if at < 0 or beyond else float(line.y[at])

    def _once(self, key: tuple[object, ...], make: Callable[[], Made]) -> Made:
        if key not in self._made:
            if key[0] == "smooth":  # one smoothing at a time is looked at
                self._made = {old: made for old, made in self._made.items() if old[:2] != key[:2]}
            self._made[key] = make()
        return self._made[key]  # type: ignore[return-value]  # what this key was made as

    def _raw(self, plot: Plot, axis: Axis) -> Curve:
        if plot == "speed":
            return self.curves.throughput(axis)
        curve = self.curves.training(plot, axis)
        return Curve(curve.x, _scale(plot) * curve.y)

    def _tested(self, plot: Plot, axis: Axis) -> Curve:
        if plot not in MEASURED:
            return Curve(np.zeros(0), np.zeros(0))
        curve = self.curves.measurements("test", plot, axis)  # type: ignore[arg-type]  # a plot that is measured
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
        last = max((float(one.x[-1]) for one in (raw, tested) if len(one.x)), default=math.nan)
        least = float(positive.min()) if len(positive) else math.nan
        return Bounds(last, float(y.min()), float(y.max()), least)


def _scale(plot: Plot) -> float:
    return 100.0 if plot == "error" else 1.0


FEW = 8
"""Up to so many runs there is room for strong lines."""
BELOW, ABOVE = 0.03, 0.05
"""Room under zero and over the highest value, as shares of it, so that marks there are whole."""


@dataclass(frozen=True, slots=True)
class CurveStyle:
    """How curves are looked at."""

    axis: Axis = "step"
    weight: float = 0.9
    """Of the smoothing."""


def sources(plot: Plot, lines: Sequence[RunLines], chosen: Collection[RunLines], look: CurveStyle) -> list[Source]:
    """The strokes of all runs: raw ones at the bottom, chosen runs over the others, marks on top."""
    order = sorted(lines, key=lambda one: one in chosen)
    many = len(lines) > FEW
    drawn: list[Source] = []
    for number, kind in enumerate((_raw, _smooth, _tested)):
        if number == 1 and (plot not in MEASURED or look.weight <= 0):
            continue
        for one in order:
            strong = one in chosen
            faded = bool(chosen) and not strong
            drawn.append(partial(kind, plot, one, look, _Weight(many, strong, faded)))
    size = 1.2 if many else 2.0
    return drawn + [partial(mark, plot, one, look, size) for one in order for mark in (_best, _failed)]


@dataclass(frozen=True, slots=True)
class _Weight:
    many: bool
    strong: bool
    faded: bool

    def colour(self, lines: RunLines) -> str:
        return mixed(run_colour(lines.run), 0.5 if self.faded else 1.0)

    def width(self, few: float, many: float) -> float:
        return 2.5 if self.strong else many if self.many else few


def _raw(plot: Plot, lines: RunLines, look: CurveStyle, weight: _Weight) -> CurveStroke:
    share = (0.14 if weight.faded else 0.22 if weight.many else 0.38) if plot in MEASURED and look.weight > 0 else 0.9
    curve = lines.raw(plot, look.axis)
    if plot == "rate":
        return CurveStroke(curve, weight.colour(lines), "smooth", weight.width(1.5, 1.2), lines.run.plain)
    return CurveStroke(curve, mixed(run_colour(lines.run), share * (0.5 if weight.faded else 1.0)), "raw")


def _smooth(plot: Plot, lines: RunLines, look: CurveStyle, weight: _Weight) -> CurveStroke:
    curve = lines.smooth(plot, look.axis, look.weight)
    return CurveStroke(curve, weight.colour(lines), "smooth", weight.width(1.8, 1.2), lines.run.plain)


def _tested(plot: Plot, lines: RunLines, look: CurveStyle, weight: _Weight) -> CurveStroke:
    curve = lines.tested(plot, look.axis)
    kind: Literal["exact", "dotted"] = "exact" if weight.many and not weight.strong else "dotted"
    return CurveStroke(curve, weight.colour(lines), kind, min(weight.width(1.2, 1.0), 1.8), lines.run.plain)


def _best(plot: Plot, lines: RunLines, look: CurveStyle, size: float) -> CurveStroke | None:
    return _mark(lines.best(plot, look.axis), run_colour(lines.run), "best", size)


def _failed(plot: Plot, lines: RunLines, look: CurveStyle, size: float) -> CurveStroke | None:
    return _mark(lines.break_off(plot, look.axis, look.weight), run_colour(lines.run), "failed", size)


def _mark(point: Point | None, colour: str, kind: Literal["best", "failed"], size: float) -> CurveStroke | None:
    if point is None:
        return None
    return CurveStroke(Curve(np.array([point.x]), np.array([point.y])), colour, kind, size)


def x_range(lines: Sequence[RunLines], axis: Axis) -> tuple[float, float]:
    """From the start to the end of the longest run."""
    last = max(_numbers(one.bounds("loss", axis).last for one in lines), default=1.0)
    return 0.0, last or 1.0


def y_range(plot: Plot, lines: Sequence[RunLines], axis: Axis, *, logarithmic: bool) -> tuple[float, float]:
    """From zero to the highest value, with a little room; on a logarithmic axis from the lowest that is over zero."""
    bounds = [one.bounds(plot, axis) for one in lines]
    high = max(_numbers(one.high for one in bounds), default=1.0) or 1.0
    if not logarithmic:
        return -BELOW * high, (1 + ABOVE) * high
    low = min(_numbers(one.positive for one in bounds), default=high / 10)
    low_power, high_power = float(np.log10(low)), float(np.log10(max(high, low)))
    room = max(0.04 * (high_power - low_power), 0.05)
    return low_power - room, high_power + room


def _numbers(values: Iterator[float]) -> list[float]:
    return [value for value in values if np.isfinite(value)]
