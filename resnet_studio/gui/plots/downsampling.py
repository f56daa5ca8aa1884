"""From many points of a curve to as many as a screen has columns, without losing what sticks out."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer

from resnet_studio.training.runs.curves import Curve


def within(curve: Curve, low: float, high: float) -> Curve:
    """The points between `low` and `high`, and one more on each side, so that lines reach the edge. x must not fall."""
    first = max(int(np.searchsorted(curve.x, low, "left")) - 1, 0)
    last = int(np.searchsorted(curve.x, high, "right")) + 1
    return Curve(curve.x[first:last], curve.y[first:last])


def extremes(curve: Curve, low: float, high: float, columns: int) -> Curve:
    """The least and the greatest value in each of the columns between `low` and `high`: all a noisy line shows."""
    curve = within(curve, low, high)
    starts = _starts(curve, low, high, columns, 4)
    if starts is None:
        return curve
    y = np.empty(2 * len(starts))
    y[0::2], y[1::2] = np.fmin.reduceat(curve.y, starts), np.fmax.reduceat(curve.y, starts)
    return Curve(np.repeat(curve.x[starts], 2), y)


def means(curve: Curve, low: float, high: float, columns: int) -> Curve:
    """The mean of each of the columns between `low` and `high`, for a line that is smooth."""
    curve = within(curve, low, high)
    starts = _starts(curve, low, high, columns, 2)
    if starts is None:
        return curve
    counts = np.diff(np.append(starts, len(curve.x)))
    return Curve(np.add.reduceat(curve.x, starts) / counts, np.add.reduceat(curve.y, starts) / counts)


def _starts(curve: Curve, low: float, high: float, columns: int, least: int) -> NDArray[np.int64] | None:
    """Where each column's points begin; None where there are too few points to be worth it.

    Columns are counted from zero, not from `low`, so that a line does not flicker while the view moves.
    """
    if len(curve.x) <= least * columns or high <= low:
        return None
    width = (high - low) / columns
    edges = np.arange(np.floor(low / width), np.ceil(high / width) + 1) * width
    starts = np.unique(np.append(np.searchsorted(curve.x, edges, "left"), 0))
    return starts[starts < len(curve.x)]


SLICE = 0.008
"""Seconds of work at a time: half a frame of the screen."""


class IdleScheduler(QObject):
    """Takes generators and runs them a few steps at a time, the oldest first; an owner's newer replaces its older."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._work: dict[object, Iterator[object]] = {}
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._work_on)

    def start(self, owner: object, steps: Iterator[object]) -> None:
        """Do this for the owner, instead of what was begun for it before."""
        self._work[owner] = steps
        self._timer.start()

    @property
    def busy(self) -> bool:
        """Whether something is left to do."""
        return bool(self._work)

    def stop(self) -> None:
        """Do nothing any more."""
        self._work.clear()
        self._timer.stop()

    def _work_on(self) -> None:
        end = time.perf_counter() + SLICE
        while self._work and time.perf_counter() < end:
            owner, steps = next(iter(self._work.items()))
            if next(steps, self) is self and self._work.get(owner) is steps:
                del self._work[owner]
        if not self._work:
            self._timer.stop()
