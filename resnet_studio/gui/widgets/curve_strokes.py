"""What is drawn of the runs in a plot, in which order and how: thin what is raw, strong what is chosen."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from resnet_studio.gui.widgets.curve_layer import Source, Stroke
from resnet_studio.gui.widgets.run_colours import mixed, run_colour
from resnet_studio.gui.widgets.run_lines import MEASURED, Plot, Point, RunLines
from resnet_studio.training.curves import Axis, Curve

FEW = 8
"""Up to so many runs there is room for strong lines."""
BELOW, ABOVE = 0.03, 0.05
"""Room under zero and over the highest value, as shares of it, so that marks there are whole."""


@dataclass(frozen=True, slots=True)
class Look:
    """How curves are looked at."""

    axis: Axis = "step"
    weight: float = 0.9
    """Of the smoothing."""


def sources(plot: Plot, lines: Sequence[RunLines], chosen: Collection[RunLines], look: Look) -> list[Source]:
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


def _raw(plot: Plot, lines: RunLines, look: Look, weight: _Weight) -> Stroke:
    share = (0.14 if weight.faded else 0.22 if weight.many else 0.38) if plot in MEASURED and look.weight > 0 else 0.9
    curve = lines.raw(plot, look.axis)
    if plot == "rate":
        return Stroke(curve, weight.colour(lines), "smooth", weight.width(1.5, 1.2), lines.run.plain)
    return Stroke(curve, mixed(run_colour(lines.run), share * (0.5 if weight.faded else 1.0)), "raw")


def _smooth(plot: Plot, lines: RunLines, look: Look, weight: _Weight) -> Stroke:
    curve = lines.smooth(plot, look.axis, look.weight)
    return Stroke(curve, weight.colour(lines), "smooth", weight.width(1.8, 1.2), lines.run.plain)


def _tested(plot: Plot, lines: RunLines, look: Look, weight: _Weight) -> Stroke:
    curve = lines.tested(plot, look.axis)
    kind: Literal["exact", "dotted"] = "exact" if weight.many and not weight.strong else "dotted"
    return Stroke(curve, weight.colour(lines), kind, min(weight.width(1.2, 1.0), 1.8), lines.run.plain)


def _best(plot: Plot, lines: RunLines, look: Look, size: float) -> Stroke | None:
    return _mark(lines.best(plot, look.axis), run_colour(lines.run), "best", size)


def _failed(plot: Plot, lines: RunLines, look: Look, size: float) -> Stroke | None:
    return _mark(lines.break_off(plot, look.axis, look.weight), run_colour(lines.run), "failed", size)


def _mark(point: Point | None, colour: str, kind: Literal["best", "failed"], size: float) -> Stroke | None:
    if point is None:
        return None
    return Stroke(Curve(np.array([point.x]), np.array([point.y])), colour, kind, size)


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
