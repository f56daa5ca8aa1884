"""A scatter plot as a file: heading, plot, legend, and a stamp that says what the numbers are."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QApplication

from resnet_studio.analysis.scatter import Scatter, is_wide
from resnet_studio.export.provenance import made_with
from resnet_studio.gui import theme
from resnet_studio.gui.common.figure_export import write_figure
from resnet_studio.gui.compare.scatter.legend import legend_entries, legend_height, paint_legend
from resnet_studio.gui.compare.scatter.plot import ScatterPlot
from resnet_studio.gui.theme import GRID

SUFFIXES = (".svg", ".pdf", ".png")
EDGE, HEADING, LINE = 16, 28, 16
"""Pixels: margin of a picture, height of its heading, height of a line of the stamp."""
SIZE = QSize(960, 640)
"""Pixels of a plot that is drawn without a window."""


def heading(source: str, found: Scatter) -> str:
    """What a picture shows, in a line: "All presets: Parameters against FLOPs (MAC)"."""
    return f"{source}: {found.y.title} against {found.x.title}"


def write_picture(path: Path, plot: ScatterPlot, found: Scatter, source: str, conditions: str) -> None:
    """Write a plot as it is shown, with heading, legend and stamp: PNG, SVG or PDF by the path's suffix.

    `source` says which networks it shows, `conditions` what times were measured on. Raises `OSError`.
    """
    text, entries = heading(source, found), legend_entries(found, has_current=plot.layer.current is not None)
    stamp, width = _stamp(found, conditions), plot.width()
    legend = legend_height(entries, width)
    height = HEADING + plot.height() + GRID + legend + GRID + LINE * len(stamp)
    plot.layer.set_hovered(None)

    def paint(painter: QPainter) -> None:
        _paint_line(painter, EDGE, width, HEADING, text, theme.text_font(11, bold=True), theme.current().text)
        top = EDGE + HEADING
        plot.scene().render(painter, QRectF(EDGE, top, width, plot.height()), QRectF(plot.rect()))
        top += plot.height() + GRID
        paint_legend(painter, EDGE, top, width, entries)
        top += legend + GRID
        for number, line in enumerate(stamp):
            _paint_line(painter, top + number * LINE, width, LINE, line, theme.text_font(8), theme.current().muted)

    write_figure(path, QSize(width + 2 * EDGE, height + 2 * EDGE), text, paint, stamped=True)


def draw_picture(path: Path, found: Scatter, source: str, conditions: str) -> None:
    """Draw a scatter plot without a window, in the light theme. Raises `OSError`."""
    app = _application()
    theme.apply(app, "light")
    plot = ScatterPlot()
    try:
        plot.resize(SIZE)
        log_x, log_y = (is_wide([getattr(point, axis) for point in found.points]) for axis in "xy")
        plot.show_scatter(found, None, log_x=log_x, log_y=log_y, keep_range=False)
        plot.grab()  # which lays it out
        write_picture(path, plot, found, source, conditions)
    finally:
        plot.deleteLater()  # pyqtgraph's own `close` crashes
        app.sendPostedEvents(plot, QEvent.Type.DeferredDelete)


def _application() -> QApplication:
    """The running application, or else one that paints without a screen."""
    running = QApplication.instance()
    if isinstance(running, QApplication):
        return running
    if sys.platform.startswith("linux"):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    return QApplication(sys.argv[:1])


def _stamp(found: Scatter, conditions: str) -> Sequence[str]:
    """What a picture says about its numbers, below the legend."""
    axes = (one for one in (found.x, found.y) if one.meaning)
    meanings = (f"{one.title}: {one.meaning[0].lower()}{one.meaning[1:]}" for one in axes)
    return (*meanings, *filter(None, (conditions, found.missing_text)), made_with())


def _paint_line(
    painter: QPainter, top: float, width: float, height: float, text: str, font: QFont, color: str
) -> None:  # fmt: skip
    shown = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, int(width))
    painter.setFont(font)
    painter.setPen(QColor(color))
    painter.drawText(QRectF(EDGE, top, width, height), Qt.AlignmentFlag.AlignVCenter, shown)
