"""Plot axes with readable numbers: thousands with commas, times like 1:30."""

from __future__ import annotations

import math
from typing import Any, Literal

import pyqtgraph as pg
from PySide6.QtCore import QRectF

from resnet_studio.formatting import duration
from resnet_studio.gui import theme

WIDTH, TICK_GAP = 56, 6
"""Pixels: width of every left axis, so that stacked plots line up; gap between a number and the plot."""
MIN_TICK_SPACING = {"left": 32, "bottom": 56}
"""Minimum pixels between numbers."""
EDGE = 8
CLOCK = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


class CurveAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """With `clock`, seconds are shown like 1:30 with ticks at round times."""

    def __init__(self, side: Literal["left", "bottom"]) -> None:
        super().__init__(side, maxTickLength=-4)
        self.clock = False
        self.enableAutoSIPrefix(False)
        self.setStyle(tickFont=theme.text_font(9), tickTextOffset=TICK_GAP, autoExpandTextSpace=False)
        self.setWidth(WIDTH) if side == "left" else self.setHeight(24)

    def apply_theme(self) -> None:
        """Apply the theme's colors."""
        self.setPen(theme.current().rule)
        self.setTextPen(theme.current().muted)
        self.setGrid(40)

    def boundingRect(self) -> QRectF:
        """Extended by half a number at both ends; otherwise pyqtgraph leaves out numbers at the edge."""
        across, up = (0, EDGE) if self.orientation == "left" else (EDGE, 0)
        return QRectF(super().boundingRect()).adjusted(-across, -up, across, up)

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        if self.clock and spacing >= 1:
            return [duration(value) for value in values]
        if self.logMode:
            return [f"{10.0**value:,.6g}" for value in values]
        places = max(0, math.ceil(-math.log10(spacing * scale))) if spacing > 0 else 0
        return [f"{value * scale:,.{places}f}" for value in values]

    def logTickValues(self, low: float, high: float, size: float, _linear: Any) -> Any:
        return [(None, log_ticks(low, high, size))]

    def tickSpacing(self, low: float, high: float, size: float) -> Any:
        spacing = MIN_TICK_SPACING[self.orientation]
        step = (high - low) * spacing / max(size, spacing)
        if self.clock and step >= 1:
            return [(next((seconds for seconds in CLOCK if seconds >= step), 86400 * math.ceil(step / 86400)), 0)]
        return [(round_up(step), 0)]


def round_up(value: float) -> float:
    """Round up to the next of …, 0.5, 1, 2, 5, 10, 20, …"""
    power = 10.0 ** math.floor(math.log10(value))
    return next(part * power for part in (1, 2, 5, 10) if part * power >= 0.999 * value)


def log_ticks(low: float, high: float, size: float) -> list[float]:
    """Ticks between two powers of ten: at 1, 2 and 5 or at the powers only, as space allows."""
    decade = size / max(high - low, 1e-9)
    if decade > size:  # less than one decade is visible: nearly linear
        step = round_up((10.0**high - 10.0**low) * MIN_TICK_SPACING["left"] / max(size, MIN_TICK_SPACING["left"]))
        first, last = math.ceil(10.0**low / step), math.floor(10.0**high / step)
        return [math.log10(number * step) for number in range(max(first, 1), last + 1)]
    parts = (1, 2, 5) if decade * math.log10(2) >= MIN_TICK_SPACING["left"] / 2 else (1,)
    every = max(math.ceil(MIN_TICK_SPACING["left"] / decade), 1)
    powers = range(math.floor(low), math.ceil(high) + 1)
    ticks = [power + math.log10(part) for power in powers if power % every == 0 for part in parts]
    return [tick for tick in ticks if low <= tick <= high]
