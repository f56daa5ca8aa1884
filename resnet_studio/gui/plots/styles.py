"""The colours of runs: Okabe and Ito's palette, which people with any colour vision tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap

from resnet_studio.gui import theme
from resnet_studio.training.degradation.experiment import NetworkSpec

PALETTE = {
    "blue": "#0072b2",
    "vermillion": "#d55e00",
    "green": "#009e73",
    "orange": "#e69f00",
    "purple": "#cc79a7",
    "sky blue": "#56b4e9",
    "text": "",
    "yellow": "#f0e442",
}
"""By the names that labels keep. Okabe and Ito's black is that of the text, so that it is white on a dark window."""
TITLES = {"text": "black or white"}


def named_colour(name: str) -> str:
    """A colour of the palette as Qt reads it."""
    return PALETTE[name] or theme.current().text


def mixed(colour: str, share: float) -> str:
    """A colour with that share of it on the window's: paler, and opaque, which is drawn faster than transparent."""
    front, back = QColor(colour), QColor(theme.current().window)
    parts = ((front.red(), back.red()), (front.green(), back.green()), (front.blue(), back.blue()))
    return QColor(*(round(share * one + (1 - share) * other) for one, other in parts)).name()


def swatch(colour: str, *, dashed: bool = False, size: int = 16) -> QIcon:
    """A stroke of a run's line: dashed for a plain network."""
    pixmap = QPixmap(2 * size, 2 * size)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    paint_stroke(painter, QRect(0, 0, size, size), colour, dashed=dashed)
    painter.end()
    return QIcon(pixmap)


def paint_stroke(painter: QPainter, rect: QRect, colour: str, *, dashed: bool) -> None:
    """A line through the middle of a rectangle, as a legend shows it."""
    pen = QPen(QColor(colour), 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
    if dashed:
        pen.setDashPattern([5 / 3, 1])
    painter.setPen(pen)
    painter.drawLine(rect.left() + 1, rect.center().y(), rect.right(), rect.center().y())


THIN, THICK, FINE = 1.5, 3.5, 0.6
"""Pixels; share of them in a small plot."""
SAMPLE = 32, 16
"""Pixels of a stroke in a legend."""


@dataclass(frozen=True, slots=True)
class NetworkStroke:
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


def twin_stroke(twin: NetworkSpec, depths: Sequence[int]) -> NetworkStroke:
    """A network's line among those of these depths."""
    dark = theme.current() is theme.DARK
    name = ("sky blue" if dark else "blue") if twin.residual else "vermillion"
    heavier = depths.index(twin.depth) / max(len(depths) - 1, 1)
    return NetworkStroke(PALETTE[name], THIN + heavier * (THICK - THIN), dashed=not twin.residual)


def fine(stroke: NetworkStroke) -> NetworkStroke:
    """The same for a small plot."""
    return replace(stroke, width=FINE * stroke.width)


def sample(stroke: NetworkStroke) -> QPixmap:
    """A piece of the line, as a legend shows it."""
    width, height = SAMPLE
    pixmap = QPixmap(2 * width, 2 * height)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    paint_sample(painter, QRect(0, 0, width, height), stroke)
    painter.end()
    return pixmap


def paint_sample(painter: QPainter, place: QRect, stroke: NetworkStroke) -> None:
    """Draw a piece of the line through the middle of a rectangle."""
    painter.setPen(stroke.pen())
    painter.drawLine(place.left(), place.center().y(), place.right(), place.center().y())
