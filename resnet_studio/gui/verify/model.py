"""The paper's Table 1 as an item model: a column per network, a row per stage, and the FLOPs under them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QRect, Qt
from PySide6.QtGui import QColor, QPainter

from resnet_studio.analysis.published import VerifiedFigure
from resnet_studio.analysis.table_one import FIGURES, FLOPS, BlockCell, TableOneItem, TableOneNetwork, TableOneRow, rows
from resnet_studio.gui import theme
from resnet_studio.gui.network_table.block_delegate import BlockDelegate, Index
from resnet_studio.gui.network_table.headers import DETAIL_ROLE, NAME_ROLE, PADDING, STAGE_ROLE, SUBTITLE_ROLE
from resnet_studio.gui.network_table.table import CELL_ROLE, NetworkTable, Span
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import title

TONE_ROLE = Qt.ItemDataRole.UserRole + 1


class TableOneModel(QAbstractTableModel):
    """Read-only. Results may arrive in any order, before or after their networks."""

    def __init__(self) -> None:
        super().__init__()
        self.networks: tuple[TableOneNetwork, ...] = ()
        self._rows: tuple[TableOneRow, ...] = ()
        self._results: dict[Architecture, VerifiedFigure] = {}

    def show_networks(self, networks: Iterable[TableOneNetwork]) -> None:
        """Show these columns, with the results known so far."""
        self.beginResetModel()
        self._fill(networks)
        self.endResetModel()

    def show_results(self, results: Sequence[VerifiedFigure]) -> None:
        """Show the results so far. A network's first figure is the paper's; later ones are in the tree."""
        self._results = {}
        for result in results:
            if result.figure.quantity == "macs":
                self._results.setdefault(result.architecture, result)
        self._fill(self.networks)
        if self.networks:
            first = self.index(len(self._rows) - len(FIGURES), 0)
            self.dataChanged.emit(first, self.index(len(self._rows) - 1, len(self.networks) - 1))

    def _fill(self, networks: Iterable[TableOneNetwork]) -> None:
        self.networks = tuple(replace(network, result=self._results.get(network.architecture)) for network in networks)
        self._rows = rows(self.networks)

    def spans(self) -> Iterator[Span]:
        """Merged cells: equal texts in adjacent networks, and a stage without a pool next to one with it."""
        for number, row in enumerate(self._rows):
            for first, count in _runs(row.items):
                blocks = row.items[first].blocks
                if row.pool and (blocks is None or blocks.times):
                    yield from ((number, column, 2, 1) for column in range(first, first + count))
                elif count > 1 and blocks and not blocks.times:
                    yield number, first, 1, count

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.networks)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation == Qt.Orientation.Vertical:
            return self._row_heading(section, role) if section < len(self._rows) else None
        if section >= len(self.networks):
            return None
        network = self.networks[section]
        name, depth = title(network.architecture), f"{network.architecture.depth}-layer"
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return depth
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{depth}, {name}"
            case Qt.ItemDataRole.ToolTipRole:
                held = "\nFollows the current network" if network.is_current else ""
                return f"{name}{held}\nDouble-click or press Enter to use it"
        return ("current" if network.is_current else name) if role == SUBTITLE_ROLE else None

    def _row_heading(self, section: int, role: int) -> str | None:
        row = self._rows[section]
        stage = "" if row.name == FLOPS else row.name
        return {int(NAME_ROLE): row.name, int(DETAIL_ROLE): row.detail, int(STAGE_ROLE): stage}.get(role)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        item = self._rows[index.row()].items[index.column()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return item.text
            case Qt.ItemDataRole.ToolTipRole:
                return item.tip
        return {int(CELL_ROLE): item.blocks, int(TONE_ROLE): item.tone}.get(role)

    def cell(self, row: int, column: int) -> BlockCell | None:
        """The blocks of a stage in a column."""
        return self._rows[row].items[column].blocks


def _runs(items: Sequence[TableOneItem]) -> Iterator[tuple[int, int]]:
    """Runs of adjacent columns with equal blocks: first column and count."""
    first = 0
    for column in range(1, len(items) + 1):
        if column == len(items) or items[column].blocks != items[first].blocks:
            yield first, column - first
            first = column


WIDEST = "−00.000 G"
"""Figures are right-aligned so that a text of at least this width is centered in its column."""


class TableOneDelegate(BlockDelegate):
    """Figures of a column are right-aligned below one another, in a color by their verdict."""

    def __init__(self, model: TableOneModel, table: NetworkTable) -> None:
        super().__init__(model, table)
        self._items = model
        self._figure = 0
        """Pixels of the widest figure."""

    def cell_widths(self, available: int) -> list[int]:
        """Equal ones: cells that are equal side by side are joined."""
        metrics, model = self._table.fontMetrics(), self._items
        cells = [(row, column) for row in range(model.rowCount()) for column in range(model.columnCount())]
        texts = [str(model.index(*cell).data()) for cell in cells if model.cell(*cell) is None]
        self._figure = max(map(metrics.horizontalAdvance, (WIDEST, *texts)))
        columns = range(model.columnCount())
        names = [str(model.headerData(column, Qt.Orientation.Horizontal, SUBTITLE_ROLE)) for column in columns]
        name = max(map(self._table.horizontalHeader().fontMetrics().horizontalAdvance, names), default=0)
        widest = max((*super().cell_widths(available), self._figure + 2 * self._margin, name + 2 * PADDING))
        return [widest] * model.columnCount()

    def paint_figure(self, painter: QPainter, rect: QRect, index: Index) -> None:
        colors = theme.current()
        tones = {"good": colors.good, "bad": colors.bad, "muted": colors.muted}
        painter.setPen(QColor(tones.get(index.data(TONE_ROLE), colors.text)))
        indent = max(0, rect.width() - self._figure) // 2
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(rect.adjusted(0, 0, -indent, 0), right, str(index.data()))
