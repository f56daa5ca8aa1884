"""Paints the part of a drawing that is exposed, in as much detail as the zoom can show, and the marks over it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from resnet_studio.figures.drawing import Box, Drawing, Rect
from resnet_studio.figures.palette import PRINT, Palette
from resnet_studio.gui import theme
from resnet_studio.gui.figure.drawing_index import DrawingIndex
from resnet_studio.gui.figure.painting import curve_path, paint_items

MARGIN = 16.0
"""Points around the drawing."""
COARSE = 3.0
"""Pixels of a box below which neither text nor lines are painted."""
REACH = 8.0
"""Points around a box that its marks may cover."""
EMPTY = DrawingIndex(Drawing(0, 0, ()))


class DrawingPainter:
    """A drawing on a sheet of its palette's background. A painter's unit is a point."""

    def __init__(self) -> None:
        self.index: DrawingIndex = EMPTY
        self.palette: Palette = PRINT

    @property
    def sheet(self) -> QRectF:
        """The drawing and the margin around it."""
        drawing = self.index.drawing
        return QRectF(-MARGIN, -MARGIN, drawing.width + 2 * MARGIN, drawing.height + 2 * MARGIN)

    def paint(self, painter: QPainter, exposed: QRectF, scale: float) -> None:
        """Paint what is exposed, at that many pixels per point."""
        area = exposed & self.sheet
        painter.fillRect(area, QColor(self.palette.background))
        if self.is_coarse(scale):
            self._paint_coarsely(painter, to_rect(area), 1 / scale)
        else:
            items = self.index.drawing.items
            paint_items(painter, [items[number] for number in self.index.items_in(to_rect(area))], self.palette)

    def is_coarse(self, scale: float) -> bool:
        """Whether boxes are too small for their text at that many pixels per point."""
        return self.index.box_length * scale < COARSE

    def _paint_coarsely(self, painter: QPainter, area: Rect, pixel: float) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for box in self.index.coarse_boxes(area, pixel):
            rect = QRectF(*box.rect)
            rect.setSize(rect.size().expandedTo(QRectF(0, 0, pixel, pixel).size()))
            painter.fillRect(rect, QColor(self.palette.fill(box.fill) or self.palette.muted))


class Marks:
    """Outlines of boxes: of what a search has found, of the selected layer, and of the box under the mouse."""

    def __init__(self) -> None:
        self.matches: Collection[int] = frozenset()
        self.current_match: int | None = None
        self.selected: Collection[int] = ()
        self.hovered: int | None = None

    def paint(self, painter: QPainter, index: DrawingIndex, exposed: QRectF) -> None:
        """Paint the marks in the exposed part of a drawing."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        warning, accent = QColor(theme.current().warning), QColor(theme.current().accent)
        if self.matches:
            found = [number for number in index.items_in(to_rect(exposed)) if number in self.matches]
            _outline(painter, index, found, warning, 1.5, opacity=0.22)
        if self.current_match is not None:
            _outline(painter, index, [self.current_match], warning, 3)
        _outline(painter, index, self.selected, accent, 3)
        if self.hovered is not None:
            _outline(painter, index, [self.hovered], accent, 1.5)


def _outline(
    painter: QPainter, index: DrawingIndex, numbers: Iterable[int], color: QColor, width: float, opacity: float = 0.0
) -> None:
    """Draw lines of that many pixels around boxes, filled with the color at that opacity."""
    pen = QPen(color, width)
    pen.setCosmetic(True)
    inside = QColor(color)
    inside.setAlphaF(opacity)
    painter.setPen(pen)
    painter.setBrush(inside if opacity else Qt.BrushStyle.NoBrush)
    for number in numbers:
        part = index.part(number)
        if isinstance(part, Box):
            painter.drawRoundedRect(QRectF(*part.rect).adjusted(-1, -1, 1, 1), part.radius + 1, part.radius + 1)
        else:
            painter.drawPath(curve_path(part.points))


def to_rect(rect: QRectF) -> Rect:
    return Rect(rect.x(), rect.y(), rect.width(), rect.height())
