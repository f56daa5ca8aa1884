"""The paper's Table 1 as an item model: a column per network, a row per stage, and the FLOPs under them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from resnet_studio.analysis import units
from resnet_studio.analysis.published import Figure, Verified, paper_figure, published
from resnet_studio.analysis.table import plan_table
from resnet_studio.gui.widgets.block_cells import BlockCell, block_cells
from resnet_studio.gui.widgets.network_header import SUBTITLE_ROLE
from resnet_studio.gui.widgets.network_table import CELL_ROLE, Span
from resnet_studio.gui.widgets.stage_header import DETAIL_ROLE, NAME_ROLE, STAGE_ROLE
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import preset_name, title

Index = QModelIndex | QPersistentModelIndex
TONE_ROLE = Qt.ItemDataRole.UserRole + 1
"""Of a figure: "good", "bad", "muted" or nothing."""
Kind = Literal["pool", "stage", "published", "measured", "difference", "verdict"]
FIGURES: tuple[Kind, ...] = ("published", "measured", "difference", "verdict")
G = 10**9


@dataclass(frozen=True, slots=True)
class Network:
    """A column: a network and, once it is measured, its FLOPs beside the published ones."""

    architecture: Architecture
    in_hand: bool = False
    result: Verified | None = None

    @property
    def figure(self) -> Figure | None:
        """The published FLOPs that the network is held against."""
        return self.result.figure if self.result else expected(self.architecture)


@dataclass(frozen=True, slots=True)
class Row:
    kind: Kind
    name: str
    detail: str
    cells: tuple[BlockCell | None, ...] = ()


class TableOneModel(QAbstractTableModel):
    """Read-only. Results may come in any order, and before or after the networks they are of."""

    def __init__(self) -> None:
        super().__init__()
        self.networks: tuple[Network, ...] = ()
        self._rows: tuple[Row, ...] = ()
        self._results: dict[Architecture, Verified] = {}

    def show_networks(self, networks: Iterable[Network]) -> None:
        """Show these columns, with what is known of them."""
        self.beginResetModel()
        self.networks = tuple(replace(one, result=self._results.get(one.architecture)) for one in networks)
        self._rows = tuple(_rows(self.networks))
        self.endResetModel()

    def show_results(self, results: Sequence[Verified]) -> None:
        """Fill in what has been measured. A network's first figure is the paper's; later ones are in the list."""
        self._results = {}
        for result in results:
            if result.figure.quantity == "macs":
                self._results.setdefault(result.architecture, result)
        self.networks = tuple(replace(one, result=self._results.get(one.architecture)) for one in self.networks)
        if self.networks:
            first = self.index(len(self._rows) - len(FIGURES), 0)
            self.dataChanged.emit(first, self.index(len(self._rows) - 1, len(self.networks) - 1))

    def spans(self) -> Iterator[Span]:
        """Cells that are one: the same text in neighbouring networks, and a stage beside another's pool."""
        for number, row in enumerate(self._rows):
            for first, count in _runs(row.cells):
                cell = row.cells[first]
                if row.kind == "pool" and cell is None:
                    yield from ((number, column, 2, 1) for column in range(first, first + count))
                elif count > 1 and cell is not None and not cell.times:
                    yield number, first, 1, count

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802  (Qt's names)
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index | None = None) -> int:  # noqa: N802
        return 0 if parent is not None and parent.isValid() else len(self.networks)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        if orientation == Qt.Orientation.Vertical:
            return self._row_heading(section, role) if section < len(self._rows) else None
        if section >= len(self.networks):
            return None
        network = self.networks[section]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return f"{network.architecture.depth}-layer"
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{network.architecture.depth}-layer, {title(network.architecture)}"
            case Qt.ItemDataRole.ToolTipRole:
                held = "\nFollows the architecture in hand" if network.in_hand else ""
                return f"{title(network.architecture)}{held}\nDouble click or Enter takes it in hand"
        return ("in hand" if network.in_hand else title(network.architecture)) if role == SUBTITLE_ROLE else None

    def _row_heading(self, section: int, role: int) -> str | None:
        row = self._rows[section]
        if role == STAGE_ROLE:
            return "" if row.kind in FIGURES else row.name
        return {NAME_ROLE: row.name, DETAIL_ROLE: row.detail}.get(role)  # type: ignore[call-overload,no-any-return]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, network = self._rows[index.row()], self.networks[index.column()]
        cell = self.cell(index.row(), index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return cell.words if cell else "" if row.cells else _figure_text(row.kind, network)
            case Qt.ItemDataRole.ToolTipRole:
                return _stage_tip(network, row.name) if row.cells else _figure_tip(row.kind, network)
        if role == CELL_ROLE:
            return cell
        return _tone(row.kind, network) if role == TONE_ROLE else None

    def cell(self, row: int, column: int) -> BlockCell | None:
        """What a stage's row has in a column; a network that has no pool shows its stage in the pool's row already."""
        cells = self._rows[row].cells
        if self._rows[row].kind == "pool" and cells[column] is None:
            cells = self._rows[row + 1].cells
        return cells[column] if cells else None


def expected(architecture: Architecture) -> Figure | None:
    """The FLOPs that are published of a network: its own, else the paper's of one of its depth."""
    name = preset_name(architecture)
    own = (figure for figure in published() if figure.subject == name and figure.quantity == "macs")
    figure = next(own, None) or paper_figure(architecture)
    return figure if figure and figure.quantity == "macs" else None


def _rows(networks: Sequence[Network]) -> Iterator[Row]:
    columns = [block_cells(network.architecture) for network in networks]
    for stage in max(columns, key=len, default={}):
        cells = [column.get(stage) for column in columns]
        sizes = Counter(cell.size for cell in cells if cell)
        size = sizes.most_common(1)[0][0]
        if stage == "conv2_x" and any(cell.pool for cell in cells if cell):
            yield Row("pool", stage, size, tuple(_pool(cell) for cell in cells))
            cells = [replace(cell, pool=()) if cell else None for cell in cells]
        yield Row("stage", stage, size, tuple(_saying(cell, size) for cell in cells))
    yield from (Row(kind, "FLOPs", kind) for kind in FIGURES)


def _pool(cell: BlockCell | None) -> BlockCell | None:
    return BlockCell(cell.pool, 0, "") if cell and cell.pool else None


def _saying(cell: BlockCell | None, size: str) -> BlockCell | None:
    """A cell says its size only where it is another than the row's."""
    return replace(cell, below=(cell.size,)) if cell and cell.size != size else cell


def _runs(cells: Sequence[BlockCell | None]) -> Iterator[tuple[int, int]]:
    """Where equal neighbours begin, and how many they are."""
    first = 0
    for column in range(1, len(cells) + 1):
        if column == len(cells) or cells[column] != cells[first]:
            yield first, column - first
            first = column


def _figure_text(kind: Kind, network: Network) -> str:
    figure, result = network.figure, network.result
    if kind == "published":
        return figure.text if figure else units.DASH
    if figure is None:
        return units.scaled(_closed_form(network), G) if kind == "measured" else units.DASH
    if result is None:
        return "…"
    match kind:
        case "measured":
            return units.scaled(result.measured, figure.scale)
        case "difference":
            return units.delta_scaled(result.measured - figure.value, figure.scale)
        case _:
            return "✓ holds" if result.holds else "✗ differs"


def _figure_tip(kind: Kind, network: Network) -> str:
    figure, result = network.figure, network.result
    if figure is None:
        by = f"{units.exact(_closed_form(network))} multiply-adds in conv + fc, by the plan's closed form"
        return by if kind == "measured" else "Nobody is known to have published the FLOPs of this network"
    if kind == "published":
        return f"{units.exact(figure.value)} {figure.unit}: {figure.source}"
    if result is None:
        return "Being measured"
    if kind == "measured":
        return f"{units.exact(result.measured)} multiply-adds in conv + fc, counted by fvcore"
    if kind == "difference":
        return f"{units.signed(result.measured - figure.value)} multiply-adds against {figure.text}"
    return result.reason


def _tone(kind: Kind, network: Network) -> str:
    if kind == "verdict" and network.result:
        return "good" if network.result.holds else "bad"
    return "" if kind == "measured" and network.result else "muted"


def _closed_form(network: Network) -> int:
    return plan_table(network.architecture).totals.macs


def _stage_tip(network: Network, stage: str) -> str:
    group = next((one for one in plan_table(network.architecture).stages if one.name == stage), None)
    if group is None:
        return f"{title(network.architecture)} has no {stage}"
    output = "×".join(map(str, group.output))
    costs = f"{units.exact(group.parameters)} parameters, {units.exact(group.macs)} FLOPs"
    return (
        f"{title(network.architecture)}, {stage}: {block_cells(network.architecture)[stage].words}\n{output}, {costs}"
    )
