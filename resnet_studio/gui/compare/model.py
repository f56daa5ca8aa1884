"""Networks beside each other as an item model: a column per network, rows of what each stage has and costs."""

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
    "Double click or Enter takes it in hand\n× or Delete removes it\n"
    "Drag it, or press Alt and an arrow, to move it; the first is the reference"
)


class CompareModel(QAbstractTableModel):
    """Read-only. Of several networks the first is what the others are held against."""

    def __init__(self) -> None:
        super().__init__()
        self._comparison: Comparison | None = None
        self._followed: int | None = None
        self._shown: Shown = "all"
        self._rows: tuple[ComparisonRow, ...] = ()

    def show_comparison(self, comparison: Comparison, followed: int | None) -> None:
        """Show these networks; `followed` is the place of the one that is in hand."""
        self.beginResetModel()
        self._comparison, self._followed = comparison, followed
        self._rows = rows(comparison, self._shown)
        self.endResetModel()

    def show_only(self, shown: Shown) -> None:
        """Choose what is compared."""
        self._shown = shown
        if self._comparison:
            self.show_comparison(self._comparison, self._followed)

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802  (Qt's names)
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index | None = None) -> int:  # noqa: N802
        inside = parent is not None and parent.isValid()
        return len(self._comparison.architectures) if self._comparison and not inside else 0

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        if orientation == Qt.Orientation.Vertical:
            return self._row_heading(section, role) if section < len(self._rows) else None
        if self._comparison is None or section >= self.columnCount():
            return None
        name = self._comparison.titles[section]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return name
            case Qt.ItemDataRole.ToolTipRole:
                return f"{', '.join(filter(None, (name, self._part(section))))}\n{HOW}"
        return self._part(section) if role == SUBTITLE_ROLE else None

    def _part(self, section: int) -> str:
        """What part a network has in the comparison."""
        first = "reference" if section == 0 else ""
        return ", ".join(filter(None, ("in hand" if section == self._followed else "", first)))

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
        """What a network has in a row."""
        return self._rows[row].entries[column]

    def cell(self, row: int, column: int) -> BlockCell | None:
        """The blocks of a stage, where they are what is compared."""
        return self.entry(row, column).blocks


GAP = 4
BAR, UNDER, ASIDE = 8, 8, 24
"""Pixels: a bar's height, what is between it and the text over it, and left free on both sides of it."""
EQUAL, UNEQUAL = "=", "≠"
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, slots=True)
class Widths:
    """Pixels of the widest value, difference and per cent of a comparison."""

    value: int
    delta: int
    share: int

    @property
    def narrow(self) -> int:
        """What a column needs that leaves the difference out."""
        return self.value + self.share + 2 * GAP

    @property
    def wide(self) -> int:
        return self.narrow + self.delta + GAP


class CompareDelegate(BlockDelegate):
    """A narrow column leaves the difference out and keeps its per cent; hovering shows both."""

    def __init__(self, model: CompareModel, table: NetworkTable) -> None:
        super().__init__(model, table)
        self._entries = model
        self._margin = 5 * GAP  # for the ≠
        self._widths_of_entries = Widths(0, 0, 0)
        self._roomy = False

    def lay_out(self, column_width: int) -> int:
        entries = [
            (self._entries.entry(row, column), self._font(row))
            for row in range(self._entries.rowCount())
            for column in range(self._entries.columnCount())
        ]

        def widest(text: Callable[[ComparisonEntry], str]) -> int:
            return max((QFontMetrics(font).horizontalAdvance(text(entry)) for entry, font in entries), default=0) + GAP

        widths = Widths(widest(lambda one: one.value), widest(lambda one: one.share and one.delta), widest(_told))
        self._widths_of_entries = widths
        needed = max(super().lay_out(column_width), widths.narrow)
        self._roomy = max(column_width, needed) >= widths.wide
        return needed

    def _font(self, row: int) -> QFont:
        """Rows of the whole are heavier than those of a stage."""
        font = QFont(self._table.font())
        if not self._entries.headerData(row, Qt.Orientation.Vertical, STAGE_ROLE):
            font.setWeight(QFont.Weight.DemiBold)
        return font

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802  (Qt's name)
        entry: ComparisonEntry = index.data(ENTRY_ROLE)
        if entry.blocks:
            return super().sizeHint(option, index)
        stages, row = self._table.stages, index.row()
        ends = (ABOVE if stages.begins(row) else 0) + (BELOW if stages.ends(row) else 0)
        bar = 0 if entry.bar is None else BAR + UNDER
        return QSize(0, option.fontMetrics.lineSpacing() + ends + bar)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        entry: ComparisonEntry = index.data(ENTRY_ROLE)
        if entry.blocks and entry.differs:
            painter.setPen(QColor(theme.current().accent))
            painter.drawText(option.rect.adjusted(2 * GAP, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, UNEQUAL)

    def paint_figure(self, painter: QPainter, rect: QRect, index: Index) -> None:
        entry: ComparisonEntry = index.data(ENTRY_ROLE)
        stage = index.model().headerData(index.row(), Qt.Orientation.Vertical, STAGE_ROLE)
        painter.setFont(self._font(index.row()))
        room = self._table.stages.room(index.row(), rect)
        line = painter.fontMetrics().lineSpacing()
        if entry.bar is not None:
            room = QRect(rect.left(), rect.center().y() - (line + UNDER + BAR) // 2, rect.width(), line)
            width = max(1, round(entry.bar * (rect.width() - 2 * ASIDE)))
            bar = QRect(rect.left() + ASIDE, room.bottom() + UNDER, width, BAR)
            painter.fillRect(bar, theme.stage_colour(stage))
        self._paint_entry(painter, room, entry, first=index.column() == 0)

    def _paint_entry(self, painter: QPainter, rect: QRect, entry: ComparisonEntry, *, first: bool) -> None:
        """The value, the difference and its per cent, each ending on a line of its own; the three are centred."""
        colours, widths = theme.current(), self._widths_of_entries
        whole = widths.value if first else widths.wide if self._roomy else widths.narrow
        left = rect.left() + max(0, rect.width() - whole) // 2
        value = QRect(left, rect.top(), widths.value, rect.height())
        painter.setPen(QColor(colours.text))
        painter.drawText(value, RIGHT, entry.value)
        if first:
            return
        painter.setPen(QColor(colours.accent if entry.differs else colours.muted))
        share = QRect(left + whole - widths.share, rect.top(), widths.share, rect.height())
        painter.drawText(share, RIGHT, _told(entry))
        if self._roomy and entry.share:
            delta = QRect(share.left() - GAP - widths.delta, rect.top(), widths.delta, rect.height())
            painter.drawText(delta, RIGHT, entry.delta)


def _told(entry: ComparisonEntry) -> str:
    """What even a narrow column says of a difference."""
    return entry.share or entry.delta or (UNEQUAL if entry.differs else EQUAL)
