"""What is drawn on a photograph and on a network's input: the crop, and what a value depends on."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

from resnet_studio.gui import theme

SHADE = QColor(0, 0, 0, 120)


def paint_crop(painter: QPainter, box: QRectF, crop: QPolygonF, *, turned: bool) -> None:
    """A white frame, and what lies outside it in shade; nothing for an empty crop."""
    if crop.isEmpty():
        return
    painter.save()
    painter.setClipRect(box)
    outside = QPainterPath()
    outside.addRect(box)
    outside.addPolygon(crop)
    outside.closeSubpath()  # filled where an odd number of its parts lie
    painter.fillPath(outside, SHADE)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, turned)
    painter.setPen(QPen(QColor("#ffffff"), 1))
    if turned:
        painter.drawPolygon(crop)
    else:
        painter.drawRect(crop.boundingRect().adjusted(0.5, 0.5, -0.5, -0.5))
    painter.restore()


def paint_field(painter: QPainter, box: QRectF, field: QPolygonF) -> None:
    """A line in the accent between two light ones: it reads on any picture."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setClipRect(box)
    for colour, width in ((QColor(255, 255, 255, 210), 4), (QColor(theme.LIGHT.accent), 2)):
        painter.setPen(QPen(colour, width, j=Qt.PenJoinStyle.MiterJoin))
        painter.drawPolygon(field)
    painter.restore()
