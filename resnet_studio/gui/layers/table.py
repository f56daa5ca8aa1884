"""The layer table as a tree with its total under it; columns can be hidden, and fit their contents."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QAction, QFont, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QMenu, QTreeView, QVBoxLayout, QWidget

from resnet_studio.analysis.measurement import Measurement
from resnet_studio.analysis.table import LayerTable
from resnet_studio.analysis.units import FlopUnit
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.layers.bars import ShareDelegate
from resnet_studio.gui.layers.model import HIDEABLE, MEASURED, NAMES, SHARES, LayerColumn, LayerModel

TOTAL_HEIGHT, SHARE_WIDTH, CELL_PADDING = 32, 124, 16
LONG_STAGE, MOST_OPEN = 400, 100
"""Most blocks of a stage that is expanded by default, and most blocks that stay expanded in the next network: laying
out more takes too long."""
WIDTHS = {
    LayerColumn.NAME: (136, 200), LayerColumn.KERNEL: (152, 184), LayerColumn.OUTPUT: (100, 116),
    LayerColumn.PARAMETERS: (92, 108), LayerColumn.FLOPS: (72, 88), LayerColumn.MEMORY: (84, 96),
    LayerColumn.FIELD: (80, 96), LayerColumn.INTENSITY: (80, 96), LayerColumn.TIME: (72, 88),
}  # fmt: skip
"""Pixels of each column in a narrow and in a wide window; the columns of shares take the rest."""


class LayerTableView(QWidget):
    """Shows a layer table; emits the name of the current row, and the columns that the user hides."""

    layerSelected = Signal(str)
    hiddenColumnsChanged = Signal(object)
    """The columns' keys, as `set_hidden_columns` takes them."""

    def __init__(self) -> None:
        super().__init__()
        self._table: LayerTable | None = None
        self._measured = False
        self._hidden: set[LayerColumn] = set()
        self._needed_widths: dict[int, int] = {}
        """Pixels that the longest text of each column needs."""
        self.model = LayerModel()
        self.columns_menu = QMenu(self)
        self._actions = {column: self._column_action(column) for column in HIDEABLE}
        self._tree = self._make_tree()
        self._total = self._make_total()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._tree)
        layout.addWidget(self._total)
        self._show_columns()

    def show_table(self, table: LayerTable) -> None:
        """Show a table. Expanded rows and the current one are kept where the names are the same."""
        fresh = self._table is None or table.architecture != self._table.architecture
        opened = self._opened() if fresh and self._table else None
        current = self.current_name()
        self._table = table
        self.model.set_table(table)
        if fresh:
            self._open(opened)
        self._show_total()
        self._measure_columns()
        if current and not self.current_name():
            self.select(current)

    def show_measurement(self, measurement: Measurement | None) -> None:
        """Show the measured times of the table's network; None hides their columns."""
        self.model.set_measurement(measurement)
        self._measured = measurement is not None
        self._show_columns()

    def set_counting(self, unit: FlopUnit, *, everything: bool) -> None:
        """Set the unit of the FLOPs, and whether all are counted that fvcore counts."""
        self.model.unit, self.model.everything = unit, everything
        self.model.headerDataChanged.emit(Qt.Orientation.Horizontal, LayerColumn.FLOPS, LayerColumn.FLOPS)
        if self._table is not None:
            self.model.set_table(self._table)
            self._measure_columns()

    def set_hidden_columns(self, keys: Iterable[str]) -> None:
        """Hide the columns with these keys, which are the lower-case names of `LayerColumn`."""
        self._hidden = {column for column in HIDEABLE if column.name.lower() in set(keys)}
        for column, action in self._actions.items():
            action.setChecked(column not in self._hidden)
        self._show_columns()

    def show_layer(self, name: str) -> None:
        """Expand the table at a stage, block or layer, and make it current."""
        index = self.model.find(name)
        if index.isValid():
            self._tree.expand(index)
            self.select(name)

    def select_layer(self, name: str) -> None:
        """Make a block or a layer current; no effect if the network lacks it."""
        self._set_current(self.model.find_layer(name))

    def select(self, name: str) -> None:
        """Make a stage, a block or a layer current; no effect if the network lacks it."""
        self._set_current(self.model.find(name))

    def current_name(self) -> str:
        """The name of the current row; empty if there is none."""
        index = self._tree.currentIndex()
        return self.model.node(index).name if index.isValid() else ""

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()

    def _column_action(self, column: LayerColumn) -> QAction:
        action = self.columns_menu.addAction(NAMES[column])
        action.setCheckable(True)
        action.setChecked(True)
        action.toggled.connect(lambda shown: self._on_column_toggled(column, shown=shown))
        return action

    def _on_column_toggled(self, column: LayerColumn, *, shown: bool) -> None:
        if shown == (column in self._hidden):
            self._hidden ^= {column}
            self._show_columns()
            self.hiddenColumnsChanged.emit([hidden.name.lower() for hidden in sorted(self._hidden)])

    def _show_columns(self) -> None:
        for column in HIDEABLE:
            hidden = column in self._hidden or (column in MEASURED and not self._measured)
            self._tree.setColumnHidden(column, hidden)
            self._total.setColumnHidden(column, hidden)
        for measured in MEASURED:
            self._actions[measured].setEnabled(self._measured)
        self._measure_columns()

    def _make_tree(self) -> QTreeView:
        tree = set_names(QTreeView(), "layerTable", "Layer table")
        tree.setModel(self.model)
        tree.setUniformRowHeights(True)
        for column in SHARES:
            tree.setItemDelegateForColumn(column, ShareDelegate(tree))
        tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        header = tree.header()
        header.setStretchLastSection(False)
        header.setSectionsMovable(False)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(lambda at: self.columns_menu.popup(header.mapToGlobal(at)))
        for column in LayerColumn:
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
        tree.selectionModel().currentChanged.connect(self._on_current_changed)
        return tree

    def _make_total(self) -> QTreeView:
        """The total, which stays visible under the scrolling table: a second view of one row of the model."""
        total = set_names(QTreeView(headerHidden=True), "layerTotal", "Total")
        total.setModel(self.model)
        total.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        total.setSelectionMode(QTreeView.SelectionMode.NoSelection)
        total.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        total.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        total.setFixedHeight(TOTAL_HEIGHT)
        total.header().setStretchLastSection(False)
        self._tree.header().sectionResized.connect(lambda column, _, size: total.header().resizeSection(column, size))
        self._tree.horizontalScrollBar().valueChanged.connect(total.horizontalScrollBar().setValue)
        return total

    def _show_total(self) -> None:
        last = self.model.rowCount() - 1
        for row in range(last + 1):
            self._total.setRowHidden(row, QModelIndex(), row != last)
            self._tree.setRowHidden(row, QModelIndex(), row == last)

    def _fit_columns(self) -> None:
        """Distribute the width over the columns, each at least as wide as its contents; else the table scrolls."""
        header = self._tree.header()
        fixed = {column: widths for column, widths in WIDTHS.items() if not header.isSectionHidden(column)}
        stretching = [column for column in sorted(SHARES) if not header.isSectionHidden(column)]
        narrowest, widest = (sum(widths[wide] for widths in fixed.values()) for wide in (0, 1))
        shares = sum(self._needed_widths.get(column, SHARE_WIDTH) for column in stretching)
        available = self.width() - self._tree.verticalScrollBar().sizeHint().width()  # which may be hidden for now
        fraction = min(max((available - shares - narrowest) / max(widest - narrowest, 1), 0.0), 1.0)
        for column, (narrow, wide) in fixed.items():
            width = round(narrow + fraction * (wide - narrow))
            header.resizeSection(column, max(width, self._needed_widths.get(column, 0)))
        rest = max(0, available - sum(map(header.sectionSize, fixed)) - shares)
        for number, column in enumerate(stretching):
            more = (rest * (number + 1) // len(stretching)) - rest * number // len(stretching)
            header.resizeSection(column, self._needed_widths.get(column, SHARE_WIDTH) + more)

    def _measure_columns(self) -> None:
        """Measure the width that the contents of each visible column need."""
        usual, bold = QFont(theme.text_font()), QFont(theme.text_font())
        bold.setWeight(QFont.Weight.DemiBold)
        metrics = {False: QFontMetrics(usual), True: QFontMetrics(bold)}
        for column in LayerColumn if self._table else ():
            if self._tree.isColumnHidden(column):
                continue
            indent = self._tree.indentation() if column == LayerColumn.NAME else 0
            texts = [
                metrics[heavy].horizontalAdvance(text) + (depth + 1) * indent
                for text, depth, heavy in self.model.longest_texts(column)
            ]
            heading = self._tree.header().sectionSizeHint(column)
            self._needed_widths[column] = max(
                max(texts) + CELL_PADDING, heading, SHARE_WIDTH if column in SHARES else 0
            )
        self._fit_columns()

    def _opened(self) -> dict[str, set[str]]:
        """The expanded stages with their expanded blocks. A long stage, collapsed by default, counts as expanded."""
        opened = {}
        for index, stage in self.model.child_nodes(QModelIndex()):
            if self._tree.isExpanded(index) or stage.blocks > LONG_STAGE:
                inside = self.model.child_nodes(index, loaded=True)
                opened[stage.name] = {block.name for at, block in inside if self._tree.isExpanded(at)}
        return opened

    def _open(self, opened: dict[str, set[str]] | None) -> None:
        """Expand these, or all stages if None, except long stages, and at most `MOST_OPEN` blocks."""
        left = MOST_OPEN
        for index, stage in self.model.child_nodes(QModelIndex()):
            if (opened is None or stage.name in opened) and stage.blocks <= LONG_STAGE:
                self._tree.expand(index)
                blocks = opened[stage.name] if opened else set()
                for at, block in self.model.child_nodes(index) if blocks and left > 0 else ():
                    if block.name in blocks and left > 0:
                        self._tree.expand(at)
                        left -= 1

    def _set_current(self, index: QModelIndex) -> None:
        if index.isValid():
            self._tree.setCurrentIndex(index)
            self._tree.scrollTo(index)

    def _on_current_changed(self, index: QModelIndex) -> None:
        if index.column() > 0:  # the keys * + − work only in the first column
            self._tree.setCurrentIndex(index.siblingAtColumn(0))
        elif index.isValid():
            self.layerSelected.emit(self.model.node(index).name)
