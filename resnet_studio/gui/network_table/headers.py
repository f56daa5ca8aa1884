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


NAME_ROLE = Qt.ItemDataRole.DisplayRole
DETAIL_ROLE = Qt.ItemDataRole.UserRole
STAGE_ROLE = Qt.ItemDataRole.UserRole + 1
"""What a model's vertical header data has: a name on the left, a detail on the right, and the stage that colours it."""
MARK = 4
ABOVE, BELOW = 3, 4
"""Pixels that the first and the last row of a run are higher than others, where rows are listed tightly."""


class StageHeader(QHeaderView):
    """Names and details. What several rows in a run share stands once, in the middle of them; `at_top` lists rows
    tightly, each with its own detail and the name at the first.
    """

    def __init__(self, width: int, heading: str = "", *, at_top: bool = False) -> None:
        """`heading` stands over the details."""
        super().__init__(Qt.Orientation.Vertical)
        self.heading = heading
        self._width, self._at_top = width, at_top
        self.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setMinimumSectionSize(8)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        return QSize(self._width, super().sizeHint().height())

    def text(self, section: int, role: int) -> str:
        return str(self.model().headerData(section, Qt.Orientation.Vertical, role) or "")

    def begins(self, section: int) -> bool:
        """Whether a run of rows with one name begins here."""
        return section == 0 or self.text(section - 1, NAME_ROLE) != self.text(section, NAME_ROLE)

    def ends(self, section: int) -> bool:
        """Whether the run of rows with this name ends here."""
        return section + 1 >= self.count() or self.begins(section + 1)

    def room(self, section: int, rect: QRect) -> QRect:
        """Where in a row its text stands, if rows are listed tightly."""
        if not self._at_top:
            return rect
        return rect.adjusted(0, ABOVE if self.begins(section) else 0, 0, -BELOW if self.ends(section) else 0)

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:  # noqa: N802
        painter.save()
        painter.setClipRect(rect)
        painter.fillRect(rect, QColor(theme.current().window))
        run = self._run(section, NAME_ROLE, rect)
        if stage := self.text(section, STAGE_ROLE):
            painter.fillRect(QRect(run.left(), run.top() + 4, MARK, run.height() - 9), theme.stage_colour(stage))
        if not self._at_top:
            self._write(painter, run, self.text(section, NAME_ROLE), Qt.AlignmentFlag.AlignLeft)
        elif self.begins(section):
            self._write(painter, self.room(section, rect), self.text(section, NAME_ROLE), Qt.AlignmentFlag.AlignLeft)
        detail = self.room(section, rect) if self._at_top else self._run(section, DETAIL_ROLE, rect)
        self._write(painter, detail, self.text(section, DETAIL_ROLE), Qt.AlignmentFlag.AlignRight)
        if self.ends(section):
            painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), QColor(theme.current().rule))
        painter.restore()

    def _write(self, painter: QPainter, room: QRect, text: str, side: Qt.AlignmentFlag) -> None:
        quiet = side == Qt.AlignmentFlag.AlignRight
        painter.setPen(QColor(theme.current().muted if quiet else theme.current().text))
        painter.drawText(room.adjusted(MARK + PADDING, 0, -PADDING, 0), side | Qt.AlignmentFlag.AlignVCenter, text)

    def _run(self, section: int, role: int, rect: QRect) -> QRect:
        """The rectangle of all neighbouring rows that say the same and have the same name."""
        first = last = section
        while first > 0 and self._same(first - 1, section, role):
            first -= 1
        while last + 1 < self.count() and self._same(last + 1, section, role):
            last += 1
        top = self.sectionViewportPosition(first)
        bottom = self.sectionViewportPosition(last) + self.sectionSize(last)
        return QRect(rect.left(), top, rect.width(), bottom - top)

    def _same(self, one: int, other: int, role: int) -> bool:
        return all(self.text(one, each) == self.text(other, each) for each in (NAME_ROLE, role))
