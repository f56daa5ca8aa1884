"""The left edge of a table whose rows belong to stages."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QHeaderView, QWidget

from resnet_studio.gui import theme

NAME_ROLE = Qt.ItemDataRole.DisplayRole
DETAIL_ROLE = Qt.ItemDataRole.UserRole
STAGE_ROLE = Qt.ItemDataRole.UserRole + 1
"""What a model's vertical header data has: a name on the left, a detail on the right, and the stage that colours it."""
MARK, PADDING = 4, 8


class StageHeader(QHeaderView):
    """Names and details; one that several rows in a run share stands once, in the middle of them or at their top."""

    def __init__(self, width: int, *, at_top: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Vertical, parent)
        self._width, self._at_top = width, at_top
        self.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setMinimumSectionSize(8)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        return QSize(self._width, super().sizeHint().height())

    def text(self, section: int, role: int) -> str:
        return str(self.model().headerData(section, Qt.Orientation.Vertical, role) or "")

    def ends(self, section: int) -> bool:
        """Whether the run of rows with this name ends here."""
        return section + 1 >= self.count() or self.text(section + 1, NAME_ROLE) != self.text(section, NAME_ROLE)

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:  # noqa: N802
        painter.save()
        painter.setClipRect(rect)
        painter.fillRect(rect, QColor(theme.current().window))
        run = self._run(section, NAME_ROLE, rect)
        if stage := self.text(section, STAGE_ROLE):
            painter.fillRect(QRect(run.left(), run.top() + 4, MARK, run.height() - 9), theme.stage_colour(stage))
        self._write(painter, run, self.text(section, NAME_ROLE), Qt.AlignmentFlag.AlignLeft, theme.current().text)
        detail = self._run(section, DETAIL_ROLE, rect)
        self._write(
            painter, detail, self.text(section, DETAIL_ROLE), Qt.AlignmentFlag.AlignRight, theme.current().muted
        )
        if self.ends(section):
            painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), QColor(theme.current().rule))
        painter.restore()

    def _write(self, painter: QPainter, run: QRect, text: str, side: Qt.AlignmentFlag, colour: str) -> None:
        painter.setPen(QColor(colour))
        painter.drawText(run.adjusted(MARK + PADDING, 0, -PADDING, 0), side | Qt.AlignmentFlag.AlignVCenter, text)

    def _run(self, section: int, role: int, rect: QRect) -> QRect:
        """The rectangle of all neighbouring rows that say the same and have the same name."""
        first = last = section
        while first > 0 and self._same(first - 1, section, role):
            first -= 1
        while last + 1 < self.count() and self._same(last + 1, section, role):
            last += 1
        top = self.sectionViewportPosition(first)
        end = first if self._at_top else last
        return QRect(rect.left(), top, rect.width(), self.sectionViewportPosition(end) + self.sectionSize(end) - top)

    def _same(self, one: int, other: int, role: int) -> bool:
        return all(self.text(one, each) == self.text(other, each) for each in (NAME_ROLE, role))
