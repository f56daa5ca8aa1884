"""The top edge of a table whose columns are networks."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter
from PySide6.QtWidgets import QHeaderView

from resnet_studio.gui import theme

SUBTITLE_ROLE = Qt.ItemDataRole.UserRole
PADDING, CROSS = 8, 20
CENTER = int(Qt.AlignmentFlag.AlignCenter)
WRAPPED = CENTER | int(Qt.TextFlag.TextWordWrap)


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
        """As many lines as the longest title takes, and one for what is under it."""
        lines = max((self._lines(section) for section in range(self.count())), default=1) + 1
        return QSize(super().sizeHint().width(), lines * self.fontMetrics().lineSpacing() + PADDING)

    def _title(self, section: int) -> str:
        """May be broken after the numbers of blocks, too: "3·4·6·3"."""
        title = str(self.model().headerData(section, Qt.Orientation.Horizontal, Qt.ItemDataRole.DisplayRole))
        return title.replace("·", "·\N{ZERO WIDTH SPACE}")

    def _lines(self, section: int) -> int:
        """How many lines a title is broken into."""
        width = self.sectionSize(section) - 2 * (CROSS if self._removable else PADDING)
        room = QRect(0, 0, max(width, 1), 10_000)
        height = self.fontMetrics().boundingRect(room, WRAPPED, self._title(section)).height()
        return max(1, round(height / self.fontMetrics().lineSpacing()))

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:  # noqa: N802
        colours = theme.current()
        model = self.model()
        subtitle = str(model.headerData(section, Qt.Orientation.Horizontal, SUBTITLE_ROLE) or "")
        chosen = self.selectionModel() is not None and self.selectionModel().currentIndex().column() == section
        painter.save()
        painter.fillRect(rect, QColor(colours.selected if chosen else colours.window))
        room = rect.adjusted(PADDING, 2, -PADDING, -4)
        line = self.fontMetrics().lineSpacing()
        self._write(painter, room.adjusted(0, 0, 0, -line), self._title(section), colours.text, WRAPPED)
        elided = self.fontMetrics().elidedText(subtitle, Qt.TextElideMode.ElideRight, room.width())
        self._write(painter, QRect(room.left(), room.bottom() + 1 - line, room.width(), line), elided, colours.muted)
        if self._removable:
            painter.setPen(QColor(colours.muted))
            painter.drawText(self._cross(rect), Qt.AlignmentFlag.AlignCenter, "×")
        line = 2 if chosen else 1
        painter.fillRect(
            QRect(rect.left(), rect.bottom() + 1 - line, rect.width(), line),
            QColor(colours.accent if chosen else colours.muted),
        )
        painter.restore()

    def _write(self, painter: QPainter, room: QRect, text: str, colour: str, how: int = CENTER) -> None:
        if self._removable:
            room = room.adjusted(CROSS - PADDING, 0, PADDING - CROSS, 0)
        painter.setPen(QColor(colour))
        painter.drawText(room, how, text)

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
