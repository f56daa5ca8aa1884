"""Paints what a network has in a row, and how far that is from the first network."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from resnet_studio.analysis.comparison_entries import TOTAL, ComparisonEntry
from resnet_studio.gui import theme
from resnet_studio.gui.compare.model import ENTRY_ROLE, CompareModel
from resnet_studio.gui.network_table.block_delegate import BlockDelegate, Index
from resnet_studio.gui.network_table.headers import ABOVE, BELOW, STAGE_ROLE, NetworkHeader
from resnet_studio.gui.network_table.table import NetworkTable

Layout = Literal["wide", "narrow", "stacked"]
"""Value, difference and percentage side by side; without the difference; or the percentage under the value."""
LAYOUTS: tuple[Layout, ...] = ("wide", "narrow", "stacked")
GAP, EDGE = 6, 6
"""Pixels: between the parts of an entry, and at the edges of a column."""
BAR, UNDER, MARGIN = 8, 8, 24
"""Pixels: height of a bar, gap between it and the text above, margins on both sides."""
FOLD_HEIGHT = 30
"""Pixels of the line that stands for the equal rows."""
EQUAL, UNEQUAL = "=", "≠"
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEAST_TINT, MOST_TINT, FAR = 0.06, 0.26, 3.0
"""Opacity behind a number that hardly differs, and behind one that is so many factors of two away, or further."""


@dataclass(frozen=True, slots=True)
class PartWidths:
    """Pixels of the widest value, difference and percentage in a column."""

    value: int
    delta: int
    share: int
    stacked: int
    """Of the widest text where the difference is under the value."""

    def needed(self, layout: Layout) -> int:
        """The width that a column needs."""
        if layout == "stacked":
            return self.stacked + 2 * EDGE
        parts = (self.value, self.delta if layout == "wide" else 0, self.share)
        return sum(parts) + GAP * (sum(map(bool, parts)) - 1) + 2 * EDGE


class CompareDelegate(BlockDelegate):
    """Chooses the widest layout for which the table has room; hovering always shows value and difference exactly."""

    def __init__(self, model: CompareModel, table: NetworkTable) -> None:
        super().__init__(model, table)
        self._entries = model
        self._margin = 20  # for the ≠
        self._parts: list[PartWidths] = []
        self._parts_font = ""
        """What the parts were measured in, as its key; empty if they were not since the model was reset."""
        model.modelAboutToBeReset.connect(self._forget_parts)
        self._layout: Layout = "wide"

    def cell_widths(self, available: int) -> list[int]:
        columns = range(self._entries.columnCount())
        if self._parts_font != (font := self._table.font().key()):
            self._parts, self._parts_font = [self._part_widths(column) for column in columns], font
        headings = list(map(cast("NetworkHeader", self._table.horizontalHeader()).needed_width, columns))
        others = list(map(max, super().cell_widths(available), headings))
        widths = {
            layout: [max(part.needed(layout), other) for part, other in zip(self._parts, others, strict=True)]
            for layout in LAYOUTS
        }
        most = max(available, sum(widths["stacked"]))  # which scrolls if that is not enough
        self._layout = next(layout for layout in LAYOUTS if sum(widths[layout]) <= most)
        return widths[self._layout]

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        entry: ComparisonEntry | None = index.data(ENTRY_ROLE)
        if entry is None:
            return QSize(0, FOLD_HEIGHT)
        if entry.blocks:
            return super().sizeHint(option, index)
        stages, row = self._table.stage_header, index.row()
        ends = (ABOVE if stages.starts_group(row) else 0) + (BELOW if stages.ends_group(row) else 0)
        bar = 0 if entry.bar is None else BAR + UNDER
        lines = 2 if self._layout == "stacked" and index.column() and stacked_texts(entry)[1] else 1
        return QSize(0, lines * option.fontMetrics.lineSpacing() + ends + bar)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        entry: ComparisonEntry | None = index.data(ENTRY_ROLE)
        if entry is None:
            return
        super().paint(painter, option, index)
        if option.state & QStyle.StateFlag.State_Selected:
            for left in (option.rect.left(), option.rect.right()):
                painter.fillRect(
                    QRect(left, option.rect.top(), 1, option.rect.height()), QColor(theme.current().accent)
                )
        if entry.blocks and entry.differs and entry.matched:
            painter.setPen(QColor(theme.current().accent))
            painter.drawText(option.rect.adjusted(EDGE, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, UNEQUAL)

    def paint_figure(self, painter: QPainter, rect: QRect, index: Index) -> None:
        entry: ComparisonEntry = index.data(ENTRY_ROLE)
        stage = index.model().headerData(index.row(), Qt.Orientation.Vertical, STAGE_ROLE)
        painter.setFont(self._font(whole=not stage))
        text_rect = self._table.stage_header.text_rect(index.row(), rect)
        line = painter.fontMetrics().lineSpacing()
        if index.column() and entry.distance:
            back = rect.adjusted(1, 1, 0, -1)
            painter.fillRect(back, QColor(theme.current().window))  # not the color of a selected column
            painter.fillRect(back, tint(entry))
        if entry.bar is not None:
            above = 2 * line if self._layout == "stacked" else line
            text_rect = QRect(rect.left(), rect.center().y() - (above + UNDER + BAR) // 2, rect.width(), above)
            width = max(1, round(entry.bar * (rect.width() - 2 * MARGIN)))
            bar = QRect(rect.left() + MARGIN, text_rect.bottom() + UNDER, width, BAR)
            painter.fillRect(bar, theme.stage_color(stage))
        if index.column() == 0:
            self._paint_value(painter, text_rect, entry)
        elif self._layout == "stacked":
            self._paint_stacked(painter, text_rect, entry)
        else:
            self._paint_in_line(painter, text_rect, entry, index.column())

    def _paint_value(self, painter: QPainter, rect: QRect, entry: ComparisonEntry) -> None:
        """The reference has no difference; its values are right-aligned in the middle of the column."""
        width = self._parts[0].value
        painter.setPen(QColor(theme.current().text))
        painter.drawText(QRect(rect.left(), rect.top(), (rect.width() + width) // 2, rect.height()), RIGHT, entry.value)

    def _paint_stacked(self, painter: QPainter, rect: QRect, entry: ComparisonEntry) -> None:
        """The difference under the value, both right-aligned in the column."""
        line, (value, below) = painter.fontMetrics().lineSpacing(), stacked_texts(entry)
        upper = rect.adjusted(0, 0, -EDGE, 0)
        if below:
            upper = QRect(rect.left(), rect.center().y() - line, rect.width() - EDGE, line)
            painter.setPen(difference_color(entry))
            painter.drawText(upper.translated(0, line), RIGHT, below)
        painter.setPen(QColor(theme.current().text))
        painter.drawText(upper, RIGHT, value)

    def _paint_in_line(self, painter: QPainter, rect: QRect, entry: ComparisonEntry, column: int) -> None:
        """The value, the difference and its percentage, each right-aligned; together in the middle of the column."""
        parts = self._parts[column]
        width = parts.needed(self._layout) - 2 * EDGE
        left = rect.left() + max(0, rect.width() - width) // 2
        painter.setPen(QColor(theme.current().text))
        painter.drawText(QRect(left, rect.top(), parts.value, rect.height()), RIGHT, entry.value)
        painter.setPen(difference_color(entry))
        share = QRect(left + width - parts.share, rect.top(), parts.share, rect.height())
        painter.drawText(share, RIGHT, difference_text(entry))
        if self._layout == "wide" and entry.share:
            delta = QRect(share.left() - GAP - parts.delta, rect.top(), parts.delta, rect.height())
            painter.drawText(delta, RIGHT, entry.delta)

    def _forget_parts(self) -> None:
        self._parts_font = ""

    def _font(self, *, whole: bool) -> QFont:
        """Rows of the whole network are bolder than those of a stage."""
        font = QFont(self._table.font())
        if whole:
            font.setWeight(QFont.Weight.DemiBold)
        return font

    def _part_widths(self, column: int) -> PartWidths:
        """Over all rows, so that unfolding the equal ones moves nothing."""
        metrics = {whole: QFontMetricsF(self._font(whole=whole)) for whole in (False, True)}
        rows = [(row.entries[column], metrics[row.name == TOTAL]) for row in self._entries.every_row]

        def widest(texts: Iterable[tuple[str, QFontMetricsF]]) -> int:
            return math.ceil(max((measure.horizontalAdvance(text) for text, measure in texts), default=0))

        value = widest((entry.value, measure) for entry, measure in rows)
        if column == 0:
            return PartWidths(value, 0, 0, value)
        delta = widest((entry.delta if entry.share else "", measure) for entry, measure in rows)
        share = widest((difference_text(entry), measure) for entry, measure in rows)
        return PartWidths(
            value, delta, share, widest((text, measure) for entry, measure in rows for text in stacked_texts(entry))
        )


def difference_text(entry: ComparisonEntry) -> str:
    """What a column without differences shows of one: its percentage or factor."""
    if not entry.matched:
        return ""
    return entry.share or entry.delta or (UNEQUAL if entry.differs else EQUAL)


def stacked_texts(entry: ComparisonEntry) -> tuple[str, str]:
    """The value, and what stands below it; nothing where it is equal, and ≠ before a value that is no number."""
    below = difference_text(entry)
    if below == UNEQUAL:
        return f"{UNEQUAL} {entry.value}", ""
    return entry.value, below if entry.differs else ""


def difference_color(entry: ComparisonEntry) -> QColor:
    """Of the text that says how an entry differs."""
    colors = theme.current()
    if not entry.differs:
        return QColor(colors.muted)
    return QColor(colors.accent if entry.ratio == 1 else colors.more if entry.ratio > 1 else colors.less)


def tint(entry: ComparisonEntry) -> QColor:
    """What is behind an entry: the further it is from the first network's, the stronger."""
    color = difference_color(entry)
    share = min(entry.distance / FAR, 1.0)
    color.setAlphaF(LEAST_TINT + share * (MOST_TINT - LEAST_TINT) if entry.distance else 0.0)
    return color
