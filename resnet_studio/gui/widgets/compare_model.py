"""Networks beside each other as an item model: a column per network, rows of what each stage has and costs."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from resnet_studio.analysis.comparison import Comparison
from resnet_studio.gui.widgets.block_cells import BlockCell
from resnet_studio.gui.widgets.compare_rows import Entry, Row, Shown, rows
from resnet_studio.gui.widgets.network_header import SUBTITLE_ROLE
from resnet_studio.gui.widgets.network_table import CELL_ROLE
from resnet_studio.gui.widgets.stage_header import DETAIL_ROLE, NAME_ROLE, STAGE_ROLE

Index = QModelIndex | QPersistentModelIndex
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
        self._rows: tuple[Row, ...] = ()

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

    def entry(self, row: int, column: int) -> Entry:
        """What a network has in a row."""
        return self._rows[row].entries[column]

    def cell(self, row: int, column: int) -> BlockCell | None:
        """The blocks of a stage, where they are what is compared."""
        return self.entry(row, column).blocks
