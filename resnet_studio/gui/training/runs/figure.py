"""Exports the plots with their legend: PNG, or SVG with vector lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter

from resnet_studio.gui import theme
from resnet_studio.gui.common.figure_export import write_figure
from resnet_studio.gui.plots.curve_plot import CurvePlot
from resnet_studio.gui.plots.styles import paint_stroke
from resnet_studio.gui.training.run_state import run_color
from resnet_studio.gui.training.runs.curves import RunLines

EDGE, ROW, STROKE = 16, 20, 24
KEY = ("thin: every step", "line: smoothed", "dots: test set", "○ best", "× failed", "dashed: plain network")


class CurveFigure:
    """The plots in rows, as on the screen, with a legend of the runs below."""

    def __init__(self, rows: Sequence[Sequence[CurvePlot]], lines: Sequence[RunLines]) -> None:
        self._rows, self._lines = rows, lines
        self._font = theme.text_font(9)
        metrics = QFontMetrics(self._font)
        self._plots = QSize(sum(plot.width() for plot in rows[0]), sum(row[0].height() for row in rows))
        widest = max((metrics.horizontalAdvance(lines.run.name) for lines in lines), default=0) + STROKE + 3 * 8
        self._columns = max(self._plots.width() // widest, 1)
        below = -(-len(lines) // self._columns) * ROW + ROW + 8
        self.size = QSize(self._plots.width() + 2 * EDGE, self._plots.height() + below + 2 * EDGE)

    def save(self, path: Path) -> None:
        """Write a PNG or SVG file, by the path's suffix. Raises `OSError`."""
        write_figure(path, self.size, "Training curves", self._paint)

    def _paint(self, painter: QPainter) -> None:
        top = EDGE
        for row in self._rows:
            left = EDGE
            for plot in row:
                _paint_plot(painter, QRectF(left, top, plot.width(), plot.height()), plot)
                left += plot.width()
            top += row[0].height()
        self._paint_legend(painter, top + 8)

    def _paint_legend(self, painter: QPainter, top: int) -> None:
        width = self._plots.width() // self._columns
        painter.setFont(self._font)
        for number, lines in enumerate(self._lines):
            rect = QRect(EDGE + number % self._columns * width, top + number // self._columns * ROW, width, ROW)
            stroke = QRect(rect.left(), rect.top(), STROKE, ROW)
            paint_stroke(painter, stroke, run_color(lines.run), dashed=lines.run.plain)
            painter.setPen(QColor(theme.current().text))
            painter.drawText(rect.adjusted(STROKE + 8, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, lines.run.name)
        last = QRect(EDGE, self.size.height() - EDGE - ROW, self._plots.width(), ROW)
        painter.setPen(QColor(theme.current().muted))
        painter.drawText(last, Qt.AlignmentFlag.AlignVCenter, "   ·   ".join(KEY))


def _paint_plot(painter: QPainter, rect: QRectF, plot: CurvePlot) -> None:
    plot.layer.vector = True
    try:
        item = plot.getPlotItem()
        plot.scene().render(painter, rect, item.mapRectToScene(item.boundingRect()))
    finally:
        plot.layer.vector = False
