"""Headers of a table whose columns are networks and whose rows belong to stages."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from PySide6.QtCore import QAbstractItemModel, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QFontMetricsF, QMouseEvent, QPainter
from PySide6.QtWidgets import QHeaderView

from resnet_studio.gui import theme

SUBTITLE_ROLE = Qt.ItemDataRole.UserRole
PADDING, CROSS = 8, 20
WRAPPED = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
BREAKS = re.compile("[ \N{ZERO WIDTH SPACE}]|(?<=-)")
"""Where Qt breaks a line of a title."""


class NetworkHeader(QHeaderView):
    """Shows a title and a quiet subtitle; the current column is highlighted.

    With `removable` each section has a × that emits `removeRequested`, and sections can be dragged.
    """

    removeRequested = Signal(int)

    def __init__(self, *, removable: bool = False) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._removable = removable
        self._pressed_cross = -1
        self.setSectionsClickable(True)
        self.setSectionsMovable(removable)
        self.setHighlightSections(True)

    def sizeHint(self) -> QSize:
        """The lines of the longest title, and those of the longest subtitle."""
        sections = range(self.count())
        lines = max(map(self._lines, sections), default=1) + self._subtitle_lines()
        return QSize(super().sizeHint().width(), lines * self.fontMetrics().lineSpacing() + PADDING)

    def needed_width(self, section: int) -> int:
        """The width at which every word of a section's title and subtitle fits on a line."""
        words = *BREAKS.split(self._title(section)), *self._subtitle(section).split()
        metrics = QFontMetricsF(self.font())
        return math.ceil(max(map(metrics.horizontalAdvance, words), default=0)) + self._margins + 1

    @property
    def _margins(self) -> int:
        """Pixels on both sides of a title; the × is on its right."""
        return PADDING + (CROSS if self._removable else PADDING)

    def _title(self, section: int) -> str:
        """The title, which may also be wrapped between the numbers of blocks, "3·4·6·3", and behind an underscore."""
        title = str(self.model().headerData(section, Qt.Orientation.Horizontal, Qt.ItemDataRole.DisplayRole))
        return re.sub("([·_])", "\\1\N{ZERO WIDTH SPACE}", title)

    def _subtitle(self, section: int) -> str:
        return str(self.model().headerData(section, Qt.Orientation.Horizontal, SUBTITLE_ROLE) or "")

    def _lines(self, section: int) -> int:
        """The number of lines of a title."""
        return self._wrapped_lines(section, self._title(section))

    def _subtitle_lines(self) -> int:
        """The number of lines of the longest subtitle."""
        lines = (self._wrapped_lines(section, self._subtitle(section)) for section in range(self.count()))
        return max(lines, default=1)

    def _wrapped_lines(self, section: int, text: str) -> int:
        available = QRect(0, 0, max(self.sectionSize(section) - self._margins, 1), 10_000)
        height = self.fontMetrics().boundingRect(available, WRAPPED, text).height()
        return max(1, round(height / self.fontMetrics().lineSpacing()))

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        colors = theme.current()
        current = self.selectionModel() is not None and self.selectionModel().currentIndex().column() == section
        painter.save()
        painter.fillRect(rect, QColor(colors.selected if current else colors.window))
        content = rect.adjusted(PADDING, 2, -PADDING, -4)
        below = self._subtitle_lines() * self.fontMetrics().lineSpacing()
        self._draw_text(painter, content.adjusted(0, 0, 0, -below), self._title(section), colors.text)
        bottom = QRect(content.left(), content.bottom() + 1 - below, content.width(), below)
        self._draw_text(painter, bottom, self._subtitle(section), colors.muted)
        if self._removable:
            painter.setPen(QColor(colors.muted))
            painter.drawText(self._cross_in(rect), Qt.AlignmentFlag.AlignCenter, "×")
        line = 2 if current else 1
        painter.fillRect(
            QRect(rect.left(), rect.bottom() + 1 - line, rect.width(), line),
            QColor(colors.accent if current else colors.muted),
        )
        painter.restore()

    def _draw_text(self, painter: QPainter, rect: QRect, text: str, color: str) -> None:
        rect = rect.adjusted(0, 0, 2 * PADDING - self._margins, 0)
        painter.setPen(QColor(color))
        painter.drawText(rect, WRAPPED, text)

    def _cross_in(self, rect: QRect) -> QRect:
        return QRect(rect.right() - CROSS, rect.top() + 2, CROSS, CROSS)

    def cross_rect(self, section: int) -> QRect:
        """The rectangle of a section's ×."""
        left = self.sectionViewportPosition(section)
        return self._cross_in(QRect(left, 0, self.sectionSize(section), self.height()))

    def _cross_at(self, position: QPoint) -> int:
        section = self.logicalIndexAt(position)
        hit = self._removable and section >= 0 and self.cross_rect(section).contains(position)
        return section if hit else -1

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed_cross = self._cross_at(event.position().toPoint())
        if self._pressed_cross < 0:
            super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed_cross = self._pressed_cross, -1
        if pressed < 0:
            super().mouseReleaseEvent(event)
        elif pressed == self._cross_at(event.position().toPoint()):
            self.removeRequested.emit(pressed)


NAME_ROLE = Qt.ItemDataRole.DisplayRole
DETAIL_ROLE = Qt.ItemDataRole.UserRole
STAGE_ROLE = Qt.ItemDataRole.UserRole + 1
"""Roles of a model's vertical header data: a name on the left, a detail on the right, and the stage for the color."""
MARK = 4
WIDEST = 208
ABOVE, BELOW = 3, 4
"""Extra pixels of the first and the last row of a group, if rows are listed tightly."""


class StageHeader(QHeaderView):
    """Shows names and details. What adjacent rows share is shown once, centered over them; `at_top` lists rows tightly
    instead, each with its own detail, and the name at the first.
    """

    def __init__(self, width: int, heading: str = "", *, at_top: bool = False) -> None:
        """`heading` is shown above the details. Names at the top make it wider, up to `WIDEST`."""
        super().__init__(Qt.Orientation.Vertical)
        self.heading = heading
        self._width, self._at_top = width, at_top
        self._texts: dict[tuple[int, int], str] = {}
        """Headings that were asked for since the model was reset: hundreds of rows are asked for theirs many times."""
        self.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setMinimumSectionSize(8)

    def sizeHint(self) -> QSize:
        width = min(max([self._width, *self._widths_at_top()]), max(self._width, WIDEST))
        return QSize(width, super().sizeHint().height())

    def _widths_at_top(self) -> Iterator[int]:
        """What each row needs for its name and its detail, if these stand in one line."""
        metrics = QFontMetricsF(self.font())  # whole pixels may be rounded down, which would cut off a letter
        for section in range(self.count() if self._at_top else 0):
            name = self.text(section, NAME_ROLE) if self.starts_group(section) else ""
            texts = name, self.text(section, DETAIL_ROLE)
            yield sum(math.ceil(metrics.horizontalAdvance(text)) for text in texts) + MARK + 3 * PADDING

    def setModel(self, model: QAbstractItemModel | None) -> None:
        super().setModel(model)
        self._texts.clear()
        if model is None:
            return
        for changed in (model.modelAboutToBeReset, model.headerDataChanged, model.dataChanged):
            changed.connect(self._forget_texts)

    def _forget_texts(self) -> None:
        self._texts.clear()

    def text(self, section: int, role: int) -> str:
        key = section, int(role)
        if key not in self._texts:
            self._texts[key] = str(self.model().headerData(section, Qt.Orientation.Vertical, role) or "")
        return self._texts[key]

    def starts_group(self, section: int) -> bool:
        """Whether a group of rows with one name begins here."""
        return section == 0 or self.text(section - 1, NAME_ROLE) != self.text(section, NAME_ROLE)

    def ends_group(self, section: int) -> bool:
        """Whether the group of rows with this name ends here."""
        return section + 1 >= self.count() or self.starts_group(section + 1)

    def text_rect(self, section: int, rect: QRect) -> QRect:
        """The rectangle of a row's text."""
        if not self._at_top:
            return rect
        return rect.adjusted(
            0, ABOVE if self.starts_group(section) else 0, 0, -BELOW if self.ends_group(section) else 0
        )

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        painter.save()
        painter.setClipRect(rect)
        painter.fillRect(rect, QColor(theme.current().window))
        group = self._group_rect(section, NAME_ROLE, rect)
        if stage := self.text(section, STAGE_ROLE):
            painter.fillRect(QRect(group.left(), group.top() + 4, MARK, group.height() - 9), theme.stage_color(stage))
        if not self._at_top:
            self._draw_text(painter, group, self.text(section, NAME_ROLE), Qt.AlignmentFlag.AlignLeft)
        elif self.starts_group(section):
            name = self._beside_detail(section, rect, painter.fontMetrics())
            self._draw_text(painter, self.text_rect(section, rect), name, Qt.AlignmentFlag.AlignLeft)
        detail = self.text_rect(section, rect) if self._at_top else self._group_rect(section, DETAIL_ROLE, rect)
        self._draw_text(painter, detail, self.text(section, DETAIL_ROLE), Qt.AlignmentFlag.AlignRight)
        if self.ends_group(section):
            painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), QColor(theme.current().rule))
        painter.restore()

    def _beside_detail(self, section: int, rect: QRect, metrics: QFontMetrics) -> str:
        """The name, of which the end stays if not all of it fits before the detail."""
        detail = metrics.horizontalAdvance(self.text(section, DETAIL_ROLE))
        available = rect.width() - MARK - 3 * PADDING - detail
        return metrics.elidedText(self.text(section, NAME_ROLE), Qt.TextElideMode.ElideLeft, available)

    def _draw_text(self, painter: QPainter, rect: QRect, text: str, alignment: Qt.AlignmentFlag) -> None:
        quiet = alignment == Qt.AlignmentFlag.AlignRight
        painter.setPen(QColor(theme.current().muted if quiet else theme.current().text))
        painter.drawText(rect.adjusted(MARK + PADDING, 0, -PADDING, 0), alignment | Qt.AlignmentFlag.AlignVCenter, text)

    def _group_rect(self, section: int, role: int, rect: QRect) -> QRect:
        """The rectangle of all adjacent rows with the same name and the same text of a role."""
        first = last = section
        while first > 0 and self._same(first - 1, section, role):
            first -= 1
        while last + 1 < self.count() and self._same(last + 1, section, role):
            last += 1
        top = self.sectionViewportPosition(first)
        bottom = self.sectionViewportPosition(last) + self.sectionSize(last)
        return QRect(rect.left(), top, rect.width(), bottom - top)

    def _same(self, one: int, other: int, role: int) -> bool:
        return all(self.text(one, shared) == self.text(other, shared) for shared in (NAME_ROLE, role))
