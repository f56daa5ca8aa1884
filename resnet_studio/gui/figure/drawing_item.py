"""A drawing in a graphics scene: what is exposed is painted, in as much detail as the zoom can show."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from resnet_studio.figures.drawing import Drawing, Rect
from resnet_studio.figures.palette import PRINT, Palette
from resnet_studio.gui import theme
from resnet_studio.gui.figure.drawing_index import DrawingIndex
from resnet_studio.gui.figure.painting import paint_items

MARGIN = 16.0
"""Points around the drawing."""
COARSE = 3.0
"""Pixels of a box below which neither text nor lines are painted."""
EMPTY = DrawingIndex(Drawing(0, 0, ()))


class DrawingItem(QGraphicsItem):
    """Paints the drawing on a sheet of the palette's background."""

    def __init__(self) -> None:
        super().__init__()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)  # for the exposed rectangle
        self.index, self.palette = EMPTY, PRINT

    def set_drawing(self, index: DrawingIndex) -> None:
        self.prepareGeometryChange()
        self.index = index

    def set_palette(self, palette: Palette) -> None:
        self.palette = palette
        self.update()

    def boundingRect(self) -> QRectF:
        return sheet(self.index.drawing)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        exposed: QRectF = option.exposedRect
        scale = option.levelOfDetailFromTransform(painter.worldTransform())
        painter.fillRect(exposed, QColor(self.palette.background))
        area = to_rect(exposed)
        if self.is_coarse(scale):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            for box in self.index.coarse_boxes(area, 1 / scale):
                rect = QRectF(*box.rect)
                rect.setHeight(max(rect.height(), 1 / scale))
                painter.fillRect(rect, QColor(self.palette.fill(box.fill) or self.palette.muted))
        else:
            items = self.index.drawing.items
            paint_items(painter, [items[number] for number in self.index.items_in(area)], self.palette)

    def is_coarse(self, scale: float) -> bool:
        """Whether boxes are too small for their text at that many pixels per point."""
        return self.index.box_length * scale < COARSE


class MarksItem(QGraphicsItem):
    """Outlines above the drawing: of what a search has found, of the selected layer, and of the box under the mouse."""

    def __init__(self, drawing: DrawingItem) -> None:
        super().__init__()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self._drawing = drawing
        self.matches: Collection[int] = frozenset()
        self.selected: Collection[int] = ()
        self.hovered: int | None = None
        self.current_match: int | None = None

    def boundingRect(self) -> QRectF:
        return self._drawing.boundingRect()

    def follow_drawing(self) -> None:
        """Forget the marks of another drawing."""
        self.prepareGeometryChange()
        self.matches, self.selected, self.hovered, self.current_match = frozenset(), (), None, None

    def set_hovered(self, number: int | None) -> None:
        for changed in {self.hovered, number} - {None}:
            self._update_around(changed)
        self.hovered = number

    def set_current_match(self, number: int | None) -> None:
        for changed in {self.current_match, number} - {None}:
            self._update_around(changed)
        self.current_match = number

    def set_selected(self, numbers: Collection[int]) -> None:
        for changed in (*self.selected, *numbers):
            self._update_around(changed)
        self.selected = numbers

    def set_matches(self, numbers: Collection[int]) -> None:
        if self.matches or numbers:
            self.matches = numbers
            self.update()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        colors, area = theme.current(), to_rect(option.exposedRect)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.matches:
            found = QColor(colors.warning)
            for number in self._drawing.index.items_in(area):
                if number in self.matches:
                    self._outline(painter, number, found, 1.5, fill=True)
        if self.current_match is not None:
            self._outline(painter, self.current_match, QColor(colors.warning), 3)
        for number in self.selected:
            self._outline(painter, number, QColor(colors.accent), 3)
        if self.hovered is not None:
            self._outline(painter, self.hovered, QColor(colors.accent), 1.5)

    def _outline(self, painter: QPainter, number: int, color: QColor, width: float, *, fill: bool = False) -> None:
        pen = QPen(color, width)
        pen.setCosmetic(True)
        painter.setPen(pen)
        inside = QColor(color)
        inside.setAlphaF(0.22)
        painter.setBrush(inside if fill else Qt.BrushStyle.NoBrush)
        box = self._drawing.index.box(number)
        painter.drawRoundedRect(QRectF(*box.rect).adjusted(-1, -1, 1, 1), box.radius + 1, box.radius + 1)

    def _update_around(self, number: int | None) -> None:
        if number is not None:
            self.update(QRectF(*self._drawing.index.box(number).rect).adjusted(-8, -8, 8, 8))


def sheet(drawing: Drawing) -> QRectF:
    """The drawing and the margin around it."""
    return QRectF(-MARGIN, -MARGIN, drawing.width + 2 * MARGIN, drawing.height + 2 * MARGIN)


def to_rect(rect: QRectF) -> Rect:
    return Rect(rect.x(), rect.y(), rect.width(), rect.height())
