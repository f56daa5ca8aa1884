"""The colours of runs: Okabe and Ito's palette, which people with any colour vision tell apart."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap

from resnet_studio.gui import theme
from resnet_studio.gui.followed import FollowedRun
from resnet_studio.training.labels import derived_color

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


def run_colour(run: FollowedRun) -> str:
    """The color that its label keeps, whoever chose it; without one that can be read, the one its name gives."""
    return named_colour(run.label.colour if run.label.colour in PALETTE else derived_color(run.folder))


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
