"""A comparison as an item model: a column per network, rows of what each stage has and costs."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, Qt

from resnet_studio.analysis.comparison import Comparison
from resnet_studio.analysis.comparison_entries import TOTAL, ComparisonEntry, ComparisonRow
from resnet_studio.analysis.comparison_order import Order, OrderedRows, ordered
from resnet_studio.analysis.comparison_rows import Shown, rows
from resnet_studio.analysis.table_one import BlockCell
from resnet_studio.analysis.units import FlopUnit
from resnet_studio.gui.network_table.block_delegate import Index
from resnet_studio.gui.network_table.headers import DETAIL_ROLE, NAME_ROLE, STAGE_ROLE, SUBTITLE_ROLE
from resnet_studio.gui.network_table.table import CELL_ROLE

ENTRY_ROLE = Qt.ItemDataRole.UserRole + 1
HOW = (
    "Double-click or press Enter to use it\n× or Delete removes it\n"
    "Drag it, or press Alt and an arrow key, to move it; the first is the reference"
)


class CompareModel(QAbstractTableModel):
    """Read-only. The first network is the reference for the others.

    Where all is shown, rows that are equal in all networks are folded into one line, below which they are listed once
    it is unfolded.
    """

    def __init__(self) -> None:
        super().__init__()
        self._comparison: Comparison | None = None
        self._current: int | None = None
        self._shown: Shown = "all"
        self._order: Order = "stage"
        self._unit: FlopUnit = "flops"
        self._unfolded = False
        self._all_rows = OrderedRows((), ())
        self._rows: tuple[ComparisonRow | None, ...] = ()
        """None is the line for the equal rows."""

    @property
    def fold_row(self) -> int | None:
        """The row of the line that stands for the equal rows."""
        return len(self._all_rows.listed) if self._all_rows.equal else None

    @property
    def fold_text(self) -> str:
        """What that line says."""
        return self._all_rows.fold_text

    @property
    def order(self) -> Order:
        """The order of the rows."""
        return self._order

    @property
    def unfolded(self) -> bool:
        """Whether the equal rows are listed."""
        return self._unfolded

    @property
    def every_row(self) -> tuple[ComparisonRow, ...]:
        """All rows, those that are folded among them."""
        return (*self._all_rows.listed, *self._all_rows.equal)

    def show_comparison(self, comparison: Comparison, current: int | None) -> None:
        """Show these networks; `current` is the index of the current architecture, if it is among them."""
        self._comparison, self._current = comparison, current
        self._update()

    def show_only(self, shown: Shown) -> None:
        """Select what is compared."""
        self._shown = shown
        self._update()

    def set_order(self, order: Order) -> None:
        """Order the rows."""
        self._order = order
        self._update()

    def set_unit(self, unit: FlopUnit) -> None:
        """Set what FLOPs count."""
        self._unit = unit
        self._update()

    def set_unfolded(self, unfolded: bool) -> None:
        """List the equal rows, or not."""
        self._unfolded = unfolded
        self._update()

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

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        entry = self.entry(index.row(), index.column())
        if entry is None:
            return self.fold_text if role == Qt.ItemDataRole.DisplayRole and index.column() == 0 else None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return entry.words
            case Qt.ItemDataRole.ToolTipRole:
                return entry.tip
        return {int(CELL_ROLE): entry.blocks, int(ENTRY_ROLE): entry}.get(role)

    def entry(self, row: int, column: int) -> ComparisonEntry | None:
        """The entry of a network in a row; None in the line for the equal rows."""
        found = self._rows[row]
        return found.entries[column] if found else None

    def cell(self, row: int, column: int) -> BlockCell | None:
        """The blocks of a stage, if blocks are compared."""
        entry = self.entry(row, column)
        return entry.blocks if entry else None

    def _update(self) -> None:
        if self._comparison is None:
            return
        self.beginResetModel()
        found = rows(self._comparison, self._shown, self._unit)
        self._all_rows = ordered(found, self._order, fold=self._shown == "all")
        equal = self._all_rows.equal
        self._rows = (*self._all_rows.listed, *([None] if equal else []), *(equal if self._unfolded else ()))
        self.endResetModel()

    def _role(self, section: int) -> str:
        """The role of a network in the comparison."""
        first = "reference" if section == 0 else ""
        return ", ".join(filter(None, ("current" if section == self._current else "", first)))

    def _row_heading(self, section: int, role: int) -> str | None:
        row = self._rows[section]
        if row is None:
            return "" if role in (int(NAME_ROLE), int(DETAIL_ROLE), int(STAGE_ROLE)) else None
        stage = "" if row.name == TOTAL else row.name
        return {int(NAME_ROLE): row.name, int(DETAIL_ROLE): row.label, int(STAGE_ROLE): stage}.get(role)
