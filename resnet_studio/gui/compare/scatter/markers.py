"""The color and the shape of each family's points, which stay its own in every set of networks.

Families that are alike share a color of Okabe and Ito's palette, and each has its own shape there: residual networks
are blue, those for phones sky blue, those with attention purple. No two families differ by color alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from pyqtgraph.graphicsItems.ScatterPlotItem import Symbols
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap, QTransform

from resnet_studio.gui import theme
from resnet_studio.gui.plots.styles import palette_color

SIZE, FRONT_SIZE, RING_SIZE = 9.0, 12.0, 20.0
"""Diameters in pixels: of a point, of one on the front, of the ring around the current network."""
SCALES = {"star": 1.5, "d": 1.25, "t": 1.1, "t1": 1.1, "s": 0.9}
"""By how much shapes are larger than their diameter, so that all look equally large."""
SAMPLE = 16
"""Side of a point's picture in a legend."""


@dataclass(frozen=True, slots=True)
class Marker:
    """How a family's points look: a color's name in the palette, and pyqtgraph's name of a shape."""

    color: str
    shape: str


MARKERS: Mapping[str, Marker] = {
    "ResNet": Marker("blue", "o"),
    "ResNet-D": Marker("blue", "t1"),
    "Pre-activation": Marker("blue", "d"),
    "Wide ResNet": Marker("blue", "s"),
    "ResNeXt": Marker("blue", "star"),
    "SE-ResNet": Marker("blue", "t"),
    "Plain": Marker("vermillion", "s"),
    "Article": Marker("text", "o"),
    "AlexNet": Marker("text", "star"),
    "VGG": Marker("text", "s"),
    "SqueezeNet": Marker("orange", "d"),
    "Inception": Marker("orange", "t1"),
    "DenseNet": Marker("orange", "s"),
    "MobileNet": Marker("sky blue", "o"),
    "MNASNet": Marker("sky blue", "d"),
    "ShuffleNet": Marker("sky blue", "s"),
    "EfficientNet": Marker("green", "o"),
    "RegNet": Marker("green", "t1"),
    "ConvNeXt": Marker("vermillion", "d"),
    "ViT": Marker("purple", "s"),
    "Swin": Marker("purple", "o"),
    "MaxViT": Marker("purple", "star"),
    "Own module": Marker("text", "d"),
}
ON_DARK = {"blue": "sky blue", "sky blue": "yellow"}
"""The colors that stand for those too dark for a dark window."""


@cache
def _path(shape: str, size: float) -> QPainterPath:
    size *= SCALES.get(shape, 1.0)
    path: QPainterPath = QTransform.fromScale(size, size).map(Symbols[shape])
    return path


def paint_marker(painter: QPainter, center: QPointF, family: str, *, on_front: bool = False) -> None:
    """Paint a point; those on the front are larger, with an edge in the color of text."""
    marker, colors = MARKERS[family], theme.current()
    size = FRONT_SIZE if on_front else SIZE
    name = ON_DARK.get(marker.color, marker.color) if colors is theme.DARK else marker.color
    edge = QColor(colors.text if on_front else colors.window)
    painter.setPen(QPen(edge, 1.4 if on_front else 0.8))
    painter.setBrush(QColor(palette_color(name)))
    painter.drawPath(_path(marker.shape, size).translated(center))


def paint_ring(painter: QPainter, center: QPointF, size: float = RING_SIZE, *, dashed: bool = False) -> None:
    """Paint the ring around the current network, or the dashed one around the network under the mouse."""
    pen = QPen(QColor(theme.current().accent), 2)
    if dashed:
        pen = QPen(QColor(theme.current().text), 1.2, Qt.PenStyle.DashLine)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(center, size / 2, size / 2)


def front_pen() -> QPen:
    """The pen of the line along the front."""
    pen = QPen(QColor(theme.current().text), 1.2)
    pen.setDashPattern([6, 3])
    return pen


def paint_sample(painter: QPainter, center: QPointF, entry: str) -> None:
    """Paint a legend's picture of a family, or of `FRONT` and `CURRENT`."""
    if entry == CURRENT:
        paint_ring(painter, center, SAMPLE - 3)
    elif entry == FRONT:
        painter.setPen(front_pen())
        painter.drawLine(center - QPointF(SAMPLE / 2 + 2, 0), center + QPointF(SAMPLE / 2 + 2, 0))
    else:
        paint_marker(painter, center, entry)


FRONT, CURRENT = "Pareto front", "current network"


def sample_pixmap(entry: str) -> QPixmap:
    """The picture of a legend's entry."""
    side = SAMPLE + 8
    pixmap = QPixmap(2 * side, 2 * side)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint_sample(painter, QPointF(side / 2, side / 2), entry)
    painter.end()
    return pixmap
