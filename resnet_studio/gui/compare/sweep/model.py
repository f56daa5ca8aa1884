"""The candidates of a sweep as an item model, which sorts thousands of rows at once."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QFont

from resnet_studio.analysis.sweep import Candidate, SweepResult
from resnet_studio.analysis.sweep_rows import Column, Measured, columns
from resnet_studio.analysis.units import DASH, FlopUnit
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import cell_alignment

Index = QModelIndex | QPersistentModelIndex
Shown = Literal["front", "fitting", "all"]
CANDIDATE_ROLE = Qt.ItemDataRole.UserRole + 1
SOMETIMES = ("measured", "error", "beyond")
"""Columns that are hidden if they say nothing."""
EVERY = 32
"""Rows between two yields."""


@dataclass(frozen=True)
class SweepTable:
    """A result with its columns, and the texts of all its cells."""

    result: SweepResult
    columns: tuple[Column, ...]
    texts: tuple[tuple[str, ...], ...]

    def places(self, shown: Shown) -> list[int]:
        """The candidates to show, the front in its order."""
        if shown == "front":
            return list(self.result.front)
        found = range(len(self.result.candidates))
        return [at for at in found if shown == "all" or self.result.candidates[at].fits]


def sweep_table_steps(
    result: SweepResult, unit: FlopUnit, measured: Measured
) -> Generator[None, None, SweepTable]:  # fmt: skip
    """The table of a result, with a yield after every few rows."""
    shown = columns(result, unit, measured)
    texts = []
    for number, candidate in enumerate(result.candidates):
        texts.append(tuple(column.text(candidate) for column in shown))
        if number % EVERY == 0:
            yield
    return SweepTable(result, shown, tuple(texts))


class SweepModel(QAbstractTableModel):
    """Read-only. Sorted by a column, or as the front is; what has no value in that column comes last."""

    def __init__(self) -> None:
        super().__init__()
        self._table: SweepTable | None = None
        self._shown: Shown = "front"
        self._rows: list[int] = []
        self._sorted: tuple[str, Qt.SortOrder] = "", Qt.SortOrder.AscendingOrder

    def show_table(self, table: SweepTable | None) -> None:
        """Show these candidates."""
        self.beginResetModel()
        self._table = table
        self._rows = self._ordered()
        self.endResetModel()

    def show_only(self, shown: Shown) -> None:
        """Select which candidates are shown."""
        self._shown = shown
        self.show_table(self._table)

    @property
    def columns(self) -> tuple[Column, ...]:
        return self._table.columns if self._table else ()

    @property
    def sorted_by(self) -> tuple[int, Qt.SortOrder]:
        """The column that the rows are sorted by, −1 if they are in their own order; and the direction."""
        key, order = self._sorted
        return next((number for number, column in enumerate(self.columns) if column.key == key), -1), order

    def candidate(self, row: int) -> Candidate:
        assert self._table
        return self._table.result.candidates[self._rows[row]]

    def row_of(self, candidate: Candidate) -> int:
        """The row of an equal network; −1 if it is not shown."""
        wanted = candidate.architecture
        found = (row for row in range(len(self._rows)) if self.candidate(row).architecture == wanted)
        return next(found, -1)

    def widest(self, column: int, most: int = 20) -> list[str]:
        """The longest texts of a column, which need most space."""
        assert self._table
        return sorted({self._table.texts[at][column] for at in self._rows}, key=len, reverse=True)[:most]

    def is_blank(self, column: int) -> bool:
        """Whether no network shown has anything in a column that need not be there."""
        return self.columns[column].key in SOMETIMES and not any(text not in ("", DASH) for text in self.widest(column))

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation != Qt.Orientation.Horizontal or section >= len(self.columns):
            return None
        column = self.columns[section]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return column.title
            case Qt.ItemDataRole.ToolTipRole:
                return f"{column.tip}\nClick to sort"
            case Qt.ItemDataRole.TextAlignmentRole:
                return cell_alignment(right=column.right)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or self._table is None:
            return None
        column, candidate = self.columns[index.column()], self.candidate(index.row())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._table.texts[self._rows[index.row()]][index.column()]
            case Qt.ItemDataRole.TextAlignmentRole:
                return cell_alignment(right=column.right)
            case Qt.ItemDataRole.ToolTipRole:
                return "\n".join(filter(None, (column.exact(candidate), candidate.title)))
            case Qt.ItemDataRole.ForegroundRole if not candidate.fits:
                return QColor(theme.current().bad if column.key in _late(candidate) else theme.current().muted)
            case Qt.ItemDataRole.FontRole if column.key == "front":
                font = QFont()
                font.setBold(True)
                return font
        return candidate if role == CANDIDATE_ROLE else None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sorted = self.columns[column].key if 0 <= column < len(self.columns) else "", order
        rows = self._ordered()
        if rows == self._rows:
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        new_rows = {at: row for row, at in enumerate(rows)}
        after = [self.index(new_rows[self._rows[index.row()]], index.column()) for index in before]
        self._rows = rows
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _ordered(self) -> list[int]:
        if self._table is None:
            return []
        places = self._table.places(self._shown)
        key, order = self._sorted
        column = next((column for column in self.columns if column.key == key), None)
        if column is None:
            return places
        values = {at: column.order(self._table.result.candidates[at]) for at in places}
        known = [at for at in places if values[at] is not None]
        known.sort(key=values.__getitem__, reverse=order == Qt.SortOrder.DescendingOrder)
        return [*known, *(at for at in places if values[at] is None)]


def _late(candidate: Candidate) -> Sequence[str]:
    """The columns of what a candidate has too much of."""
    return [{"seconds": "predicted"}.get(cost, cost) for cost in candidate.exceeded] + ["beyond"]
