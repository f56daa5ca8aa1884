"""Networks beside each other as an item model: a column per network, and rows for what each stage has and costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from resnet_studio.analysis import units
from resnet_studio.analysis.comparison import COSTS, Comparison, Cost, Line
from resnet_studio.gui.widgets.block_cells import BlockCell, block_cells
from resnet_studio.gui.widgets.network_header import SUBTITLE_ROLE
from resnet_studio.gui.widgets.network_table import CELL_ROLE
from resnet_studio.gui.widgets.stage_header import DETAIL_ROLE, NAME_ROLE, STAGE_ROLE
from resnet_studio.networks.architecture import Architecture, Residual

Index = QModelIndex | QPersistentModelIndex
ENTRY_ROLE = Qt.ItemDataRole.UserRole + 1
SHARE_ROLE = Qt.ItemDataRole.UserRole + 2
"""An item's `Entry`; in a view of one cost, how long its bar is, 0 … 1."""
Shown = Literal["all", "blocks", "parameters", "macs", "activation_bytes"]
What = Literal["depth", "output", "blocks", "makeup", "parameters", "macs", "activation_bytes"]
LABELS: dict[What, str] = {
    "depth": "depth", "output": "output", "blocks": "blocks", "makeup": "output",
    "parameters": "parameters", "macs": "FLOPs", "activation_bytes": "activations",
}  # fmt: skip
MEANINGS: dict[What, str] = {
    "depth": "weighted layers", "blocks": "blocks", "parameters": "parameters", "macs": "multiply-adds in conv + fc",
    "activation_bytes": "bytes of activations",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """What one network has in one row, and how that stands to the first network."""

    value: str
    differs: bool = False
    delta: str = ""
    share: str = ""
    """The delta in per cent."""

    @property
    def words(self) -> str:
        """The whole entry in one line, for a screen reader."""
        return " ".join(filter(None, (self.value, "≠" if self.differs else "", self.delta, self.share)))


@dataclass(frozen=True, slots=True)
class Row:
    line: Line
    what: What


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
        self._rows = tuple(_rows(comparison, self._shown))
        self.endResetModel()

    def show_only(self, shown: Shown) -> None:
        """Choose what is compared."""
        self._shown = shown
        if self._comparison:
            self.show_comparison(self._comparison, self._followed)

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802  (Qt's names)
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index | None = None) -> int:  # noqa: N802
        return 0 if parent is not None and parent.isValid() else len(self._architectures())

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        if orientation == Qt.Orientation.Vertical:
            return self._row_heading(section, role) if section < len(self._rows) else None
        if self._comparison is None or section >= self.columnCount():
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._comparison.titles[section]
            case Qt.ItemDataRole.ToolTipRole:
                return f"{self._comparison.titles[section]}, {self._part(section)}\n{HOW}"
        return self._part(section) if role == SUBTITLE_ROLE else None

    def _part(self, section: int) -> str:
        """What part a network has in the comparison."""
        first = "reference" if section == 0 else ""
        return ", ".join(filter(None, ("in hand" if section == self._followed else "", first)))

    def _row_heading(self, section: int, role: int) -> str | None:
        row = self._rows[section]
        if role == STAGE_ROLE:
            return "" if row.line.name == "total" else row.line.name
        if role == DETAIL_ROLE and row.what == "makeup":
            return "×".join(map(str, row.line.cells[0].output[1:])) if row.line.cells[0] else ""
        return {NAME_ROLE: row.line.name, DETAIL_ROLE: LABELS[row.what]}.get(role)  # type: ignore[call-overload,no-any-return]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, column = self._rows[index.row()], index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                cell = self.cell(index.row(), column)
                return cell.words if cell else self._entry(row, column).words
            case Qt.ItemDataRole.ToolTipRole:
                return self._tip(row, column)
        if role == CELL_ROLE:
            return self.cell(index.row(), column)
        if role == ENTRY_ROLE:
            return self._entry(row, column)
        return self._bar(row, column) if role == SHARE_ROLE else None

    def cell(self, row: int, column: int) -> BlockCell | None:
        """The blocks of a stage, where they are what is compared."""
        line = self._rows[row].line
        cell = line.cells[column]
        if self._rows[row].what != "makeup" or cell is None:
            return None
        architecture = self._architectures()[column]
        notes = cell.makeup.rpartition("]")[2].strip(", ") or "identity shortcuts"
        shortcuts = (notes,) if line.name in _blocks(architecture) else ()
        output = () if cell.output == (line.cells[0] or cell).output else (f"→ {_shape(cell.output)}",)
        return replace(block_cells(architecture)[line.name], below=shortcuts + output)

    def _entry(self, row: Row, column: int) -> Entry:
        cell, first = row.line.cells[column], row.line.cells[0]
        if row.what == "output":
            return Entry(
                _shape(cell.output) if cell else units.DASH, (cell and cell.output) != (first and first.output)
            )
        if row.what == "makeup":
            differs = (cell and (cell.makeup, cell.output)) != (first and (first.makeup, first.output))
            return Entry("" if cell else units.DASH, differs)
        value, reference = self._number(row, column), self._number(row, 0)
        show, more = SHOWN.get(row.what, (units.exact, units.signed))
        delta = value - reference
        text = show(value) if cell is not None and (value or row.what != "blocks") else units.DASH
        if not delta:
            return Entry(text)
        return Entry(text, True, more(delta), _share(value, reference) if row.what in COSTS else "")

    def _number(self, row: Row, column: int) -> int:
        architecture = self._architectures()[column]
        if row.what == "depth":
            return architecture.depth
        if row.what == "blocks":
            return _blocks(architecture).get(row.line.name, 0)
        return row.line.cost(column, _cost(row.what))

    def _tip(self, row: Row, column: int) -> str:
        cell = row.line.cells[column]
        if cell is None:
            return f"No {row.line.name} here"
        if row.what in ("output", "makeup"):
            return f"{cell.makeup}\n{_shape(cell.output)}"
        value, reference = self._number(row, column), self._number(row, 0)
        exact = f"{units.exact(value)} {MEANINGS[row.what]}"
        if column == 0:
            return exact
        return f"{exact}\n{units.signed(value - reference) or '0'} against {units.exact(reference)}"

    def _bar(self, row: Row, column: int) -> float | None:
        if self._shown not in COSTS or row.line.name == "total":
            return None
        largest = max(self._number(other, c) for other in self._rows[1:] for c in range(self.columnCount()))
        return self._number(row, column) / max(largest, 1)

    def _architectures(self) -> tuple[Architecture, ...]:
        return self._comparison.architectures if self._comparison else ()


HOW = (
    "Double click or Enter takes it in hand\n× or Delete removes it\n"
    "Drag it, or press Alt and an arrow, to move it; the first is the reference"
)
SHOWN: dict[What, tuple[Callable[[int], str], Callable[[int], str]]] = {
    "parameters": (units.short, units.delta),
    "macs": (units.short, units.delta),
    "activation_bytes": (units.memory, lambda value: ("+" if value > 0 else "") + units.memory(value)),
}
"""How a cost and a difference of it are written; whole numbers otherwise."""


def _rows(comparison: Comparison, shown: Shown) -> Iterator[Row]:
    """The whole first, as it is what is asked for first; then the stages in order."""
    costs: tuple[What, ...] = COSTS if shown == "all" else (_cost(shown),) if shown != "blocks" else ()
    yield from (
        Row(comparison.total, what) for what in ("depth", *costs) if what != "depth" or shown in ("all", "blocks")
    )
    for line in comparison.lines:
        if shown == "all":
            yield Row(line, "output")
            if any(line.name in _blocks(one) for one in comparison.architectures):
                yield Row(line, "blocks")
        if shown == "blocks":
            yield Row(line, "makeup")
        yield from (Row(line, what) for what in costs)


def _cost(what: str) -> Cost:
    return next(cost for cost in COSTS if cost == what)


def _blocks(architecture: Architecture) -> dict[str, int]:
    counts = architecture.blocks if isinstance(architecture, Residual) else ()
    return {f"conv{number}_x": count for number, count in enumerate(counts, start=2)}


def _share(value: int, reference: int) -> str:
    """The difference in per cent, with a decimal as long as that says something."""
    if abs(value - reference) < 10 * reference or not reference:
        return units.delta_share(value, reference)
    return f"{units.signed(round(100 * (value - reference) / reference))} %"


def _shape(output: tuple[int, int, int]) -> str:
    return "×".join(map(str, output))
