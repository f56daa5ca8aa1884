"""A comparison as an item model: a column per network, rows of what each stage has and costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyleOptionViewItem

from resnet_studio.analysis.comparison import Comparison
from resnet_studio.analysis.comparison_rows import ComparisonEntry, ComparisonRow, Shown, rows
from resnet_studio.analysis.table_one import BlockCell
from resnet_studio.gui import theme
from resnet_studio.gui.network_table.block_delegate import BlockDelegate, Index
from resnet_studio.gui.network_table.headers import ABOVE, BELOW, DETAIL_ROLE, NAME_ROLE, STAGE_ROLE, SUBTITLE_ROLE
from resnet_studio.gui.network_table.table import CELL_ROLE, NetworkTable

ENTRY_ROLE = Qt.ItemDataRole.UserRole + 1
HOW = (
    "Double-click or press Enter to use it\n× or Delete removes it\n"
    "Drag it, or press Alt and an arrow key, to move it; the first is the reference"
)


class CompareModel(QAbstractTableModel):
    """Read-only. The first network is the reference for the others."""

    def __init__(self) -> None:
        super().__init__()
        self._comparison: Comparison | None = None
        self._current: int | None = None
        self._shown: Shown = "all"
        self._rows: tuple[ComparisonRow, ...] = ()

    def show_comparison(self, comparison: Comparison, current: int | None) -> None:
        """Show these networks; `current` is the index of the current architecture, if it is among them."""
        self.beginResetModel()
        self._comparison, self._current = comparison, current
        self._rows = rows(comparison, self._shown)
        self.endResetModel()

    def show_only(self, shown: Shown) -> None:
        """Select what is compared."""
        self._shown = shown
        if self._comparison:
            self.show_comparison(self._comparison, self._current)

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index | None = None) -> int:
        inside = parent is not None and parent.isValid()
        return len(self._comparison.architectures) if self._comparison and not inside else 0

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation == Qt.Orientation.Vertical:
            return self._row_heading(section, role) if section < len(self._rows) else None
        if self._comparison is None or section >= self.columnCount():
            return None
        name = self._comparison.titles[section]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return name
            case Qt.ItemDataRole.ToolTipRole:
                return f"{', '.join(filter(None, (name, self._role(section))))}\n{HOW}"
        return self._role(section) if role == SUBTITLE_ROLE else None

    def _role(self, section: int) -> str:
        """The role of a network in the comparison."""
        first = "reference" if section == 0 else ""
        return ", ".join(filter(None, ("current" if section == self._current else "", first)))

    def _row_heading(self, section: int, role: int) -> str | None:
        row = self._rows[section]
        stage = "" if row.name == "total" else row.name
        return {int(NAME_ROLE): row.name, int(DETAIL_ROLE): row.label, int(STAGE_ROLE): stage}.get(role)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        entry = self.entry(index.row(), index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return entry.words
            case Qt.ItemDataRole.ToolTipRole:
                return entry.tip
        return {int(CELL_ROLE): entry.blocks, int(ENTRY_ROLE): entry}.get(role)

    def entry(self, row: int, column: int) -> ComparisonEntry:
        """The entry of a network in a row."""
        return self._rows[row].entries[column]

    def cell(self, row: int, column: int) -> BlockCell | None:
        """The blocks of a stage, if blocks are compared."""
        return self.entry(row, column).blocks


GAP = 4
BAR, UNDER, MARGIN = 8, 8, 24
"""Pixels: height of a bar, gap between it and the text above, margins on both sides."""
EQUAL, UNEQUAL = "=", "≠"
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, slots=True)
class Widths:
    """Pixels of the widest value, difference and percentage of a comparison."""

    value: int
    delta: int
    share: int

    @property
    def narrow(self) -> int:
        """Width of a column without the difference."""
        return self.value + self.share + 2 * GAP

    @property
    def wide(self) -> int:
        return self.narrow + self.delta + GAP


class CompareDelegate(BlockDelegate):
    """A narrow column shows only the percentage of a difference; hovering shows both."""

    def __init__(self, model: CompareModel, table: NetworkTable) -> None:
        super().__init__(model, table)
        self._entries = model
        self._margin = 5 * GAP  # for the ≠
        self._widths_of_entries = Widths(0, 0, 0)
        self._shows_delta = False

    def widest_cell(self, column_width: int) -> int:
        entries = [
            (self._entries.entry(row, column), self._font(row))
            for row in range(self._entries.rowCount())
            for column in range(self._entries.columnCount())
        ]

        def widest(text: Callable[[ComparisonEntry], str]) -> int:
            return max((QFontMetrics(font).horizontalAdvance(text(entry)) for entry, font in entries), default=0) + GAP

        widths = Widths(
            widest(lambda entry: entry.value), widest(lambda entry: entry.share and entry.delta), widest(_narrow_text)
        )
        self._widths_of_entries = widths
        needed = max(super().widest_cell(column_width), widths.narrow)
        self._shows_delta = max(column_width, needed) >= widths.wide
        return needed

    def _font(self, row: int) -> QFont:
        """Rows of the whole network are bolder than those of a stage."""
        font = QFont(self._table.font())
        if not self._entries.headerData(row, Qt.Orientation.Vertical, STAGE_ROLE):
            font.setWeight(QFont.Weight.DemiBold)
        return font

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        entry: ComparisonEntry = index.data(ENTRY_ROLE)
        if entry.blocks:
            return super().sizeHint(option, index)
        stages, row = self._table.stage_header, index.row()
        ends = (ABOVE if stages.starts_group(row) else 0) + (BELOW if stages.ends_group(row) else 0)
        bar = 0 if entry.bar is None else BAR + UNDER
        return QSize(0, option.fontMetrics.lineSpacing() + ends + bar)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        entry: ComparisonEntry = index.data(ENTRY_ROLE)
        if entry.blocks and entry.differs and entry.matched:
            painter.setPen(QColor(theme.current().accent))
            painter.drawText(option.rect.adjusted(2 * GAP, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, UNEQUAL)

    def paint_figure(self, painter: QPainter, rect: QRect, index: Index) -> None:
        entry: ComparisonEntry = index.data(ENTRY_ROLE)
        stage = index.model().headerData(index.row(), Qt.Orientation.Vertical, STAGE_ROLE)
        painter.setFont(self._font(index.row()))
        text_rect = self._table.stage_header.text_rect(index.row(), rect)
        line = painter.fontMetrics().lineSpacing()
        if entry.bar is not None:
            text_rect = QRect(rect.left(), rect.center().y() - (line + UNDER + BAR) // 2, rect.width(), line)
            width = max(1, round(entry.bar * (rect.width() - 2 * MARGIN)))
            bar = QRect(rect.left() + MARGIN, text_rect.bottom() + UNDER, width, BAR)
            painter.fillRect(bar, theme.stage_color(stage))
        self._paint_entry(painter, text_rect, entry, first=index.column() == 0)

    def _paint_entry(self, painter: QPainter, rect: QRect, entry: ComparisonEntry, *, first: bool) -> None:
        """Paint the value, the difference and its percentage, each right-aligned; the three together are centered."""
        colors, widths = theme.current(), self._widths_of_entries
        width = widths.value if first else widths.wide if self._shows_delta else widths.narrow
        left = rect.left() + max(0, rect.width() - width) // 2
        value = QRect(left, rect.top(), widths.value, rect.height())
        painter.setPen(QColor(colors.text))
        painter.drawText(value, RIGHT, entry.value)
        if first:
            return
        painter.setPen(QColor(colors.accent if entry.differs else colors.muted))
        share = QRect(left + width - widths.share, rect.top(), widths.share, rect.height())
        painter.drawText(share, RIGHT, _narrow_text(entry))
        if self._shows_delta and entry.share:
            delta = QRect(share.left() - GAP - widths.delta, rect.top(), widths.delta, rect.height())
            painter.drawText(delta, RIGHT, entry.delta)


def _narrow_text(entry: ComparisonEntry) -> str:
    """What a narrow column shows of a difference."""
    if not entry.matched:
        return ""
    return entry.share or entry.delta or (UNEQUAL if entry.differs else EQUAL)
