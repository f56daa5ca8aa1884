"""Downsampling of curves to screen columns without losing extremes, and a scheduler for idle work."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer

from resnet_studio.training.runs.curves import Curve


def within(curve: Curve, low: float, high: float) -> Curve:
    """The points with x between `low` and `high`, and one more on each side, so that lines reach the edge.

    x must be sorted.
    """
    first = max(int(np.searchsorted(curve.x, low, "left")) - 1, 0)
    last = int(np.searchsorted(curve.x, high, "right")) + 1
    return Curve(curve.x[first:last], curve.y[first:last])


def extremes(curve: Curve, low: float, high: float, columns: int) -> Curve:
    """The minimum and maximum of each column between `low` and `high`, for a noisy line."""
    curve = within(curve, low, high)
    starts = _starts(curve, low, high, columns, 4)
    if starts is None:
        return curve
    y = np.empty(2 * len(starts))
    y[0::2], y[1::2] = np.fmin.reduceat(curve.y, starts), np.fmax.reduceat(curve.y, starts)
    return Curve(np.repeat(curve.x[starts], 2), y)


def means(curve: Curve, low: float, high: float, columns: int) -> Curve:
    """The mean of each column between `low` and `high`, for a smooth line."""
    curve = within(curve, low, high)
    starts = _starts(curve, low, high, columns, 2)
    if starts is None:
        return curve
    counts = np.diff(np.append(starts, len(curve.x)))
    return Curve(np.add.reduceat(curve.x, starts) / counts, np.add.reduceat(curve.y, starts) / counts)


def _starts(curve: Curve, low: float, high: float, columns: int, least: int) -> NDArray[np.int64] | None:
    """The index of each column's first point; None if there are too few points to reduce.

    Columns are counted from zero, not from `low`, so that a line does not flicker while the view moves.
    """
    if len(curve.x) <= least * columns or high <= low:
        return None
    width = (high - low) / columns
    edges = np.arange(np.floor(low / width), np.ceil(high / width) + 1) * width
    starts = np.unique(np.append(np.searchsorted(curve.x, edges, "left"), 0))
    return starts[starts < len(curve.x)]


TIME_SLICE = 0.008
"""Seconds of work at a time: half a frame at 60 Hz."""


class IdleScheduler(QObject):
    """Runs generators a few steps at a time while the window is idle, the oldest first.

    Each owner has one; starting another replaces it.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._tasks: dict[object, Iterator[object]] = {}
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._run_slice)

    def start(self, owner: object, steps: Iterator[object]) -> None:
        """Run these steps for the owner in place of its earlier ones."""
        self._tasks[owner] = steps
        self._timer.start()

    @property
    def busy(self) -> bool:
        """Whether any steps are left."""
        return bool(self._tasks)

    def stop(self) -> None:
        """Drop all work."""
        self._tasks.clear()
        self._timer.stop()

    def _run_slice(self) -> None:
        end = time.perf_counter() + TIME_SLICE
        while self._tasks and time.perf_counter() < end:
            owner, steps = next(iter(self._tasks.items()))
            if next(steps, self) is self and self._tasks.get(owner) is steps:
                del self._tasks[owner]
        if not self._tasks:
            self._timer.stop()
