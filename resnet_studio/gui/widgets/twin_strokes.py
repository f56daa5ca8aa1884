"""How the lines of plain and residual networks look: one colour and line style each, deeper in the heavier stroke."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap

from resnet_studio.gui import theme
from resnet_studio.gui.widgets.run_colours import PALETTE
from resnet_studio.training.degradation import Twin

THIN, THICK, FINE = 1.5, 3.5, 0.6
"""Pixels; share of them in a small plot."""
SAMPLE = 32, 16
"""Pixels of a stroke in a legend."""


@dataclass(frozen=True, slots=True)
class TwinStroke:
    """A network's line."""

    colour: str
    width: float
    dashed: bool

    def pen(self) -> QPen:
        """The pen that draws it, of one width at any zoom."""
        pen = QPen(QColor(self.colour), self.width)
        pen.setCosmetic(True)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        if self.dashed:
            pen.setDashPattern([7 / self.width, 4 / self.width])
        return pen


def twin_stroke(twin: Twin, depths: Sequence[int]) -> TwinStroke:
    """A network's line among those of these depths."""
    dark = theme.current() is theme.DARK
    name = ("sky blue" if dark else "blue") if twin.residual else "vermillion"
    heavier = depths.index(twin.depth) / max(len(depths) - 1, 1)
    return TwinStroke(PALETTE[name], THIN + heavier * (THICK - THIN), dashed=not twin.residual)


def fine(stroke: TwinStroke) -> TwinStroke:
    """The same for a small plot."""
    return replace(stroke, width=FINE * stroke.width)


def sample(stroke: TwinStroke) -> QPixmap:
    """A piece of the line, as a legend shows it."""
    width, height = SAMPLE
    pixmap = QPixmap(2 * width, 2 * height)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    paint_sample(painter, QRect(0, 0, width, height), stroke)
    painter.end()
    return pixmap


def paint_sample(painter: QPainter, place: QRect, stroke: TwinStroke) -> None:
    """Draw a piece of the line through the middle of a rectangle."""
    painter.setPen(stroke.pen())
    painter.drawLine(place.left(), place.center().y(), place.right(), place.center().y())
