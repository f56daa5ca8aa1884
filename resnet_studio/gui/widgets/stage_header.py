"""The left edge of a table whose rows belong to stages."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QHeaderView

from resnet_studio.gui import theme

NAME_ROLE = Qt.ItemDataRole.DisplayRole
DETAIL_ROLE = Qt.ItemDataRole.UserRole
STAGE_ROLE = Qt.ItemDataRole.UserRole + 1
"""What a model's vertical header data has: a name on the left, a detail on the right, and the stage that colours it."""
MARK, PADDING = 4, 8
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
