"""Colors and line styles of curves, in Okabe and Ito's palette, which is safe for color blindness."""

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
"""Colors by the names that labels store. Okabe and Ito's black is the text color, so it is white on a dark window."""
TITLES = {"text": "black or white"}


def palette_color(name: str) -> str:
    """A color of the palette as a string for `QColor`."""
    return PALETTE[name] or theme.current().text


def blended(color: str, share: float) -> str:
    """A color blended onto the window's with that share; opaque, which is drawn faster than transparent."""
    front, back = QColor(color), QColor(theme.current().window)
    channels = ((front.red(), back.red()), (front.green(), back.green()), (front.blue(), back.blue()))
    return QColor(*(round(share * front + (1 - share) * back) for front, back in channels)).name()


def swatch(color: str, *, dashed: bool = False, size: int = 16) -> QIcon:
    """An icon of a run's line; dashed for a plain network."""
    pixmap = QPixmap(2 * size, 2 * size)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    paint_stroke(painter, QRect(0, 0, size, size), color, dashed=dashed)
    painter.end()
    return QIcon(pixmap)


def paint_stroke(painter: QPainter, rect: QRect, color: str, *, dashed: bool) -> None:
    """Paint a horizontal line through the middle of a rectangle, for a legend."""
    pen = QPen(QColor(color), 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
    if dashed:
        pen.setDashPattern([5 / 3, 1])
    painter.setPen(pen)
    painter.drawLine(rect.left() + 1, rect.center().y(), rect.right(), rect.center().y())


THIN, THICK, SMALL_PLOT_SCALE = 1.5, 3.5, 0.6
"""Line widths in pixels; their scale in a small plot."""
SAMPLE_SIZE = 32, 16
"""Width and height of a line in a legend, in pixels."""


@dataclass(frozen=True, slots=True)
class NetworkStroke:
    """The line style of a network."""

    color: str
    width: float
    dashed: bool

    def pen(self) -> QPen:
        """A cosmetic pen for this style."""
        pen = QPen(QColor(self.color), self.width)
        pen.setCosmetic(True)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        if self.dashed:
            pen.setDashPattern([7 / self.width, 4 / self.width])
        return pen


def network_stroke(network: NetworkSpec, depths: Sequence[int]) -> NetworkStroke:
    """The line style of a network of an experiment with these depths."""
    dark = theme.current() is theme.DARK
    name = ("sky blue" if dark else "blue") if network.residual else "vermillion"
    heavier = depths.index(network.depth) / max(len(depths) - 1, 1)
    return NetworkStroke(PALETTE[name], THIN + heavier * (THICK - THIN), dashed=not network.residual)


def small_plot_stroke(stroke: NetworkStroke) -> NetworkStroke:
    """The style for a small plot."""
    return replace(stroke, width=SMALL_PLOT_SCALE * stroke.width)


def sample_pixmap(stroke: NetworkStroke) -> QPixmap:
    """A pixmap of the line, for a legend."""
    width, height = SAMPLE_SIZE
    pixmap = QPixmap(2 * width, 2 * height)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    paint_sample(painter, QRect(0, 0, width, height), stroke)
    painter.end()
    return pixmap


def paint_sample(painter: QPainter, rect: QRect, stroke: NetworkStroke) -> None:
    """Paint the line through the middle of a rectangle."""
    painter.setPen(stroke.pen())
    painter.drawLine(rect.left(), rect.center().y(), rect.right(), rect.center().y())
