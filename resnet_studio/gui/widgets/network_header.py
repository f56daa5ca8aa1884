"""The top edge of a table whose columns are networks."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter
from PySide6.QtWidgets import QHeaderView

from resnet_studio.gui import theme

SUBTITLE_ROLE = Qt.ItemDataRole.UserRole
PADDING, CROSS = 8, 20


class NetworkHeader(QHeaderView):
    """A title and a quiet line under it; the current column's stands on an accent.

    With `removable` each section has a × that emits `removed`, and sections can be dragged.
    """

    removed = Signal(int)

    def __init__(self, *, removable: bool = False) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._removable = removable
        self._pressed_cross = -1
        self.setSectionsClickable(True)
        self.setSectionsMovable(removable)
        self.setHighlightSections(True)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        return QSize(super().sizeHint().width(), 2 * self.fontMetrics().lineSpacing() + PADDING)

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:  # noqa: N802
        colours = theme.current()
        model = self.model()
        title = str(model.headerData(section, Qt.Orientation.Horizontal, Qt.ItemDataRole.DisplayRole))
        subtitle = str(model.headerData(section, Qt.Orientation.Horizontal, SUBTITLE_ROLE) or "")
        chosen = self.selectionModel() is not None and self.selectionModel().currentIndex().column() == section
        painter.save()
        painter.fillRect(rect, QColor(colours.selected if chosen else colours.window))
        room = rect.adjusted(PADDING, 2, -PADDING, -4)
        half = room.height() // 2
        self._write(painter, room.adjusted(0, 0, 0, -half), title, colours.text)
        self._write(painter, room.adjusted(0, half, 0, 0), subtitle, colours.muted)
        if self._removable:
            painter.setPen(QColor(colours.muted))
            painter.drawText(self._cross(rect), Qt.AlignmentFlag.AlignCenter, "×")
        line = 2 if chosen else 1
        painter.fillRect(
            QRect(rect.left(), rect.bottom() + 1 - line, rect.width(), line),
            QColor(colours.accent if chosen else colours.muted),
        )
        painter.restore()

    def _write(self, painter: QPainter, room: QRect, text: str, colour: str) -> None:
        if self._removable:
            room = room.adjusted(CROSS - PADDING, 0, PADDING - CROSS, 0)
        painter.setPen(QColor(colour))
        elided = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, elided)

    def _cross(self, rect: QRect) -> QRect:
        return QRect(rect.right() - CROSS, rect.top() + 2, CROSS, CROSS)

    def cross(self, section: int) -> QRect:
        """Where a section's × is."""
        left = self.sectionViewportPosition(section)
        return self._cross(QRect(left, 0, self.sectionSize(section), self.height()))

    def _cross_at(self, position: QPoint) -> int:
        section = self.logicalIndexAt(position)
        hit = self._removable and section >= 0 and self.cross(section).contains(position)
        return section if hit else -1

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._pressed_cross = self._cross_at(event.position().toPoint())
        if self._pressed_cross < 0:
            super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        pressed, self._pressed_cross = self._pressed_cross, -1
        if pressed < 0:
            super().mouseReleaseEvent(event)
        elif pressed == self._cross_at(event.position().toPoint()):
            self.removed.emit(pressed)
