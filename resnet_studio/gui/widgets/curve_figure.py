"""The plots with their legend as a file: PNG, or SVG with real lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter
from PySide6.QtSvg import QSvgGenerator

from resnet_studio.gui import theme
from resnet_studio.gui.widgets.curve_plot import CurvePlot
from resnet_studio.gui.widgets.run_colours import paint_stroke, run_colour
from resnet_studio.gui.widgets.run_lines import RunLines

SCALE = 2
"""Pixels of a PNG for each of the screen's."""
EDGE, ROW, STROKE = 16, 20, 24
KEY = ("thin: every step", "line: smoothed", "dots: test set", "○ best", "× failed", "dashed: plain network")


class Figure:
    """Plots in rows, as they stand on the screen, over the names of their runs."""

    def __init__(self, rows: Sequence[Sequence[CurvePlot]], lines: Sequence[RunLines]) -> None:
        self._rows, self._lines = rows, lines
        self._font = theme.text_font(9)
        metrics = QFontMetrics(self._font)
        self._plots = QSize(sum(plot.width() for plot in rows[0]), sum(row[0].height() for row in rows))
        widest = max((metrics.horizontalAdvance(one.run.name) for one in lines), default=0) + STROKE + 3 * 8
        self._columns = max(self._plots.width() // widest, 1)
        below = -(-len(lines) // self._columns) * ROW + ROW + 8
        self.size = QSize(self._plots.width() + 2 * EDGE, self._plots.height() + below + 2 * EDGE)

    def save(self, path: Path) -> None:
        """Write the file that its ending asks for; `OSError` if that can't be done."""
        written = self._save_svg(path) if path.suffix.lower() == ".svg" else self._save_png(path)
        if not written:
            raise OSError(f"{path.name} could not be written")

    def _save_png(self, path: Path) -> bool:
        image = QImage(self.size * SCALE, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(SCALE)
        painter = QPainter(image)
        self._paint(painter)
        painter.end()
        return image.save(str(path), "PNG")  # type: ignore[call-overload,no-any-return]  # the stub wants bytes

    def _save_svg(self, path: Path) -> bool:
        generator = QSvgGenerator()
        generator.setFileName(str(path))
        generator.setSize(self.size)
        generator.setViewBox(QRect(0, 0, self.size.width(), self.size.height()))
        generator.setTitle("Training curves")
        painter = QPainter()
        if not painter.begin(generator):
            return False
        self._paint(painter)
        return painter.end()

    def _paint(self, painter: QPainter) -> None:
        painter.fillRect(QRect(0, 0, self.size.width(), self.size.height()), QColor(theme.current().window))
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
        for number, one in enumerate(self._lines):
            place = QRect(EDGE + number % self._columns * width, top + number // self._columns * ROW, width, ROW)
            stroke = QRect(place.left(), place.top(), STROKE, ROW)
            paint_stroke(painter, stroke, run_colour(one.run), dashed=one.run.plain)
            painter.setPen(QColor(theme.current().text))
            painter.drawText(place.adjusted(STROKE + 8, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, one.run.name)
        last = QRect(EDGE, self.size.height() - EDGE - ROW, self._plots.width(), ROW)
        painter.setPen(QColor(theme.current().muted))
        painter.drawText(last, Qt.AlignmentFlag.AlignVCenter, "   ·   ".join(KEY))


def _paint_plot(painter: QPainter, place: QRectF, plot: CurvePlot) -> None:
    plot.layer.vector = True
    try:
        item = plot.getPlotItem()
        plot.scene().render(painter, place, item.mapRectToScene(item.boundingRect()))
    finally:
        plot.layer.vector = False
