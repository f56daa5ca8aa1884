"""Axes whose numbers read well: thousands with commas, times as a clock shows them."""

from __future__ import annotations

import math
from typing import Any, Literal

import pyqtgraph as pg
from PySide6.QtCore import QRectF

from resnet_studio.formatting import duration
from resnet_studio.gui import theme

WIDTH, ROOM = 56, 6
"""Pixels of every left axis, so that plots below one another line up; between a number and the plot."""
LEAST = {"left": 32, "bottom": 56}
"""Pixels from one number to the next, at least."""
EDGE = 8
CLOCK = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


class CurveAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """`clock` shows seconds as 1:30 and divides them as a clock does."""

    def __init__(self, side: Literal["left", "bottom"]) -> None:
        super().__init__(side, maxTickLength=-4)
        self.clock = False
        self.enableAutoSIPrefix(False)
        self.setStyle(tickFont=theme.text_font(9), tickTextOffset=ROOM, autoExpandTextSpace=False)
        self.setWidth(WIDTH) if side == "left" else self.setHeight(24)

    def dress(self) -> None:
        """Take the theme's colours."""
        self.setPen(theme.current().rule)
        self.setTextPen(theme.current().muted)
        self.setGrid(40)

    def boundingRect(self) -> QRectF:  # noqa: N802  (Qt's name)
        """With half a number's room at both ends, without which pyqtgraph leaves out those at the edge."""
        across, up = (0, EDGE) if self.orientation == "left" else (EDGE, 0)
        return QRectF(super().boundingRect()).adjusted(-across, -up, across, up)

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:  # noqa: N802
        if self.clock and spacing >= 1:
            return [duration(value) for value in values]
        if self.logMode:
            return [f"{10.0**value:,.6g}" for value in values]
        places = max(0, math.ceil(-math.log10(spacing * scale))) if spacing > 0 else 0
        return [f"{value * scale:,.{places}f}" for value in values]

    def logTickValues(self, low: float, high: float, size: float, _linear: Any) -> Any:  # noqa: N802
        return [(None, log_ticks(low, high, size))]

    def tickSpacing(self, low: float, high: float, size: float) -> Any:  # noqa: N802
        least = LEAST[self.orientation]
        wanted = (high - low) * least / max(size, least)
        if self.clock and wanted >= 1:
            return [(next((one for one in CLOCK if one >= wanted), 86400 * math.ceil(wanted / 86400)), 0)]
        return [(round_up(wanted), 0)]


def round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, … and 0.5, 0.2, …"""
    power = 10.0 ** math.floor(math.log10(value))
    return next(part * power for part in (1, 2, 5, 10) if part * power >= 0.999 * value)


def log_ticks(low: float, high: float, size: float) -> list[float]:
    """Where numbers stand between two powers of ten: at 1, 2, 5 or at the powers, as there is room."""
    decade = size / max(high - low, 1e-9)
    if decade > size:  # less than one decade is seen: nearly linear
        step = round_up((10.0**high - 10.0**low) * LEAST["left"] / max(size, LEAST["left"]))
        first, last = math.ceil(10.0**low / step), math.floor(10.0**high / step)
        return [math.log10(number * step) for number in range(max(first, 1), last + 1)]
    parts = (1, 2, 5) if decade * math.log10(2) >= LEAST["left"] / 2 else (1,)
    every = max(math.ceil(LEAST["left"] / decade), 1)
    powers = range(math.floor(low), math.ceil(high) + 1)
    ticks = [power + math.log10(part) for power in powers if power % every == 0 for part in parts]
    return [tick for tick in ticks if low <= tick <= high]
