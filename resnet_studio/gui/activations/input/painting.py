"""Painting the crop, an outline and a receptive field on the photograph and the network's input."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

from resnet_studio.gui import theme

SHADE = QColor(0, 0, 0, 120)


def paint_crop(painter: QPainter, box: QRectF, crop: QPolygonF, *, rotated: bool) -> None:
    """Draw a white frame and shade what is outside; nothing for an empty crop."""
    if crop.isEmpty():
        return
    painter.save()
    painter.setClipRect(box)
    outside = QPainterPath()
    outside.addRect(box)
    outside.addPolygon(crop)
    outside.closeSubpath()  # odd-even fill: only the part outside the crop
    painter.fillPath(outside, SHADE)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, rotated)
    painter.setPen(QPen(QColor("#ffffff"), 1))
    if rotated:
        painter.drawPolygon(crop)
    else:
        painter.drawRect(crop.boundingRect().adjusted(0.5, 0.5, -0.5, -0.5))
    painter.restore()


def paint_outline(painter: QPainter, box: QRectF) -> None:
    """Draw a line of the accent color inside the edge of a box: the occluder, or the focus."""
    painter.setPen(QPen(QColor(theme.current().accent), 1))
    painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))


def paint_receptive_field(painter: QPainter, box: QRectF, field: QPolygonF) -> None:
    """Draw an accent line with light edges, visible on any image."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setClipRect(box)
    for color, width in ((QColor(255, 255, 255, 210), 4), (QColor(theme.LIGHT.accent), 2)):
        painter.setPen(QPen(color, width, j=Qt.PenJoinStyle.MiterJoin))
        painter.drawPolygon(field)
    painter.restore()
