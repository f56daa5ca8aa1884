"""Small plots beside one another on the same axes, each with a heading: lines with the range around them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QResizeEvent

from resnet_studio.gui import theme
from resnet_studio.gui.widgets.curve_axis import WIDTH, CurveAxis
from resnet_studio.gui.widgets.named import named
from resnet_studio.gui.widgets.twin_strokes import TwinStroke
from resnet_studio.training.bands import Band
from resnet_studio.training.curves import Values

HEADING, BELOW, GAP, RIGHT, DOT = 24, 40, 24, 8, 5
"""Pixels: of a heading, of an x axis with its name, between plots, right of the last, of a line's only point."""
PALE = 46
"""Opacity of a range, of 255."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """The median is drawn as the stroke says, the range between least and greatest as a pale area."""

    band: Band
    stroke: TwinStroke


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One of the plots; without a colour its heading has the text's."""

    heading: str
    lines: Sequence[Line]
    colour: str = ""


class Heading(pg.LabelItem):  # type: ignore[misc]
    """Takes no room of its own: over a narrow plot it reaches into the gap beside it."""

    def updateMin(self) -> None:  # noqa: N802  (pyqtgraph's name)
        """Ask for nothing."""


class Panels(pg.GraphicsLayoutWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """Shows any number of panels; y has one range in all of them, so that they can be compared."""

    def __init__(self, name: str, spoken: str, tip: str, *, logarithmic: bool = False) -> None:
        super().__init__()
        named(self, name, spoken, tip)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._logarithmic = logarithmic
        self._boxes: list[Any] = []
        self._headings: list[Any] = []
        self._axes: list[CurveAxis] = []
        self._below: list[CurveAxis] = []
        self.ci.layout.setContentsMargins(0, 0, RIGHT, 0)
        self.ci.layout.setSpacing(0)
        self.dress()

    def show_panels(self, panels: Sequence[Panel], x_name: str, last: float) -> None:
        """Draw these, with x from 0 to `last`."""
        if len(panels) != len(self._boxes):
            self._make(len(panels))
        colours = theme.current()
        low, high = self._range(panels)
        for panel, box, heading, below in zip(panels, self._boxes, self._headings, self._below, strict=True):
            heading.setText(panel.heading, color=panel.colour or colours.text, size="10pt", justify="left")
            below.setLabel(x_name, color=colours.muted, **{"font-size": "9pt"})
            box.clear()
            for line in panel.lines:
                self._draw(box, line)
            box.setRange(xRange=(0, last), yRange=(low, high), padding=0)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802  (Qt's name; pyqtgraph calls it with None)
        super().resizeEvent(event)
        if hasattr(self, "_boxes"):
            self._fit()

    def dress(self) -> None:
        """Take the theme's colours; what is drawn needs `show_panels` for that."""
        self.setBackground(theme.current().window)
        for axis in (*self._axes, *self._below):
            axis.dress()

    def _make(self, count: int) -> None:
        self.clear()
        self._boxes, self._headings, self._axes, self._below = [], [], [], []
        for number in range(count):
            box = pg.ViewBox(enableMouse=False, enableMenu=False, defaultPadding=0)
            box.disableAutoRange()
            left, below = CurveAxis("left"), CurveAxis("bottom")
            left.setLogMode(y=self._logarithmic)
            if number:
                left.setStyle(showValues=False)
                left.setWidth(GAP)
            below.setHeight(BELOW)
            heading = Heading(justify="left")
            heading.setFixedHeight(HEADING)
            self.addItem(heading, 0, 2 * number + 1)
            self.addItem(left, 1, 2 * number)
            self.addItem(box, 1, 2 * number + 1)
            self.addItem(below, 2, 2 * number + 1)
            left.linkToView(box)
            below.linkToView(box)
            for held, one in zip(
                (self._boxes, self._headings, self._axes, self._below), (box, heading, left, below), strict=True
            ):
                held.append(one)
        self.dress()
        self._fit()

    def _fit(self) -> None:
        """All plots get the same width, whatever their headings need."""
        count = len(self._boxes)
        room = self.width() - RIGHT - WIDTH - GAP * (count - 1)
        for number in range(count):
            self.ci.layout.setColumnFixedWidth(2 * number, GAP if number else WIDTH)
            self.ci.layout.setColumnFixedWidth(2 * number + 1, max(room / count, 1))
        self.ci.layout.activate()
        self.ci.setGeometry(self.range)  # while headings were there and no plots, Qt made it as low as those

    def _draw(self, box: Any, line: Line) -> None:
        band, pen = line.band, line.stroke.pen()
        low, median, high = (self._on_axis(values) for values in (band.low, band.median, band.high))
        if np.any(band.low < band.high):
            colour = QColor(line.stroke.colour)
            colour.setAlpha(PALE)
            edges = [pg.PlotCurveItem(band.x, values, pen=None) for values in (low, high)]
            box.addItem(pg.FillBetweenItem(*edges, brush=pg.mkBrush(colour)))
        box.addItem(pg.PlotCurveItem(band.x, median, pen=pen, connect="finite", antialias=True))
        if len(band.x) == 1:
            dot = pg.ScatterPlotItem(band.x, median, size=DOT, pen=None, brush=pg.mkBrush(line.stroke.colour))
            box.addItem(dot)

    def _on_axis(self, values: Values) -> Values:
        if not self._logarithmic:
            return values
        return np.log10(values, out=np.full_like(values, math.nan), where=values > 0)

    def _range(self, panels: Sequence[Panel]) -> tuple[float, float]:
        """Room for all lines: from zero, or whole powers of ten."""
        values = [part for panel in panels for line in panel.lines for part in (line.band.low, line.band.high)]
        known = np.concatenate([self._on_axis(one) for one in values]) if values else np.zeros(0)
        known = known[np.isfinite(known)]
        if self._logarithmic:
            return (math.floor(known.min()), math.ceil(known.max() + 1e-9)) if len(known) else (-2.0, 1.0)
        return 0.0, max(float(known.max()) * 1.05, 1.0) if len(known) else 100.0
