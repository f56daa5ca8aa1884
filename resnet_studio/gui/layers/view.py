"""The Layers workspace: the layer table, its caveats, and the cost by stage."""

from __future__ import annotations

import json
from typing import Literal, cast

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QGuiApplication, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.analysis import text, units
from resnet_studio.analysis.table import LayerTable
from resnet_studio.gui import theme
from resnet_studio.gui.common.button_feedback import reserve_width, show_briefly
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.common.layer_model import LayerColumn, LayerModel
from resnet_studio.gui.layers.bars import ShareDelegate, StageBar
from resnet_studio.gui.theme import GRID

TOTAL_HEIGHT, SHARE_WIDTH, CELL_PADDING = 32, 124, 16
LONG_STAGE, MOST_OPEN = 400, 100
"""Most blocks of a stage that is expanded by default, and most blocks that stay expanded in the next network: laying
out more takes too long."""
WIDTHS = {
    LayerColumn.NAME: (136, 200), LayerColumn.KERNEL: (152, 184), LayerColumn.OUTPUT: (100, 116),
    LayerColumn.PARAMETERS: (92, 108), LayerColumn.FLOPS: (72, 88), LayerColumn.MEMORY: (84, 96),
}  # fmt: skip
"""Pixels of each column in a narrow and in a wide window; the share column takes the rest."""


class LayersView(QWidget):
    """Shows a layer table; emits the selected layer, and requests for torchinfo's summary."""

    layerSelected = Signal(str)
    summaryRequested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._table: LayerTable | None = None
        self._model = LayerModel()
        self._needed_widths: dict[int, int] = {}
        """Pixels that the longest text of each column needs."""
        self._tree = self._make_tree()
        self._total = self._make_total()
        self._summary = set_names(QPlainTextEdit(readOnly=True), "summary", "torchinfo's summary")
        self._summary.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._summary.setFont(theme.mono_font())
        self._pages = QStackedWidget()
        self._pages.addWidget(_stacked(self._tree, self._total))
        self._pages.addWidget(self._summary)
        self._caveat = set_names(QLabel(wordWrap=True), "uncounted", "Not counted")
        self._caveat.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._bar = StageBar()
        self._bar.stageSelected.connect(self.show_layer)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        layout.addLayout(self._make_tools())
        layout.addWidget(self._pages, 1)
        layout.addWidget(self._caveat)
        layout.addWidget(self._bar)

    def show_table(self, table: LayerTable) -> None:
        """Show a table. Expanded rows and the current one are kept where the names are the same."""
        fresh = self._table is None or table.architecture != self._table.architecture
        opened = self._opened() if fresh and self._table else None
        current = self._current_name()
        self._table = table
        self._model.set_table(table)
        if fresh:
            self._open(opened)
        self._show_total()
        self._measure_columns()
        if current and not self._current_name():
            self._select(current)
        self._caveat.setText(caveat(table))
        self._bar.show_table(table)
        if fresh and self._pages.currentWidget() is self._summary:
            self.summaryRequested.emit()

    def show_summary(self, summary: str) -> None:
        """Show torchinfo's text."""
        self._summary.setPlainText(summary)

    def show_not_counted(self, reason: str) -> None:
        """Show why fvcore can't count this architecture; no effect if empty."""
        if reason:
            self._caveat.setText(f"analytic count; fvcore can't count this network: {reason}")

    def show_layer(self, name: str) -> None:
        """Expand the table at a stage, block or layer, and make it current."""
        index = self._model.find(name)
        if index.isValid():
            self._torchinfo.setChecked(False)
            self._tree.expand(index)
            self._select(name)

    def select_layer(self, name: str) -> None:
        """Make a block or a layer current; no effect if the network lacks it."""
        index = self._model.find_layer(name)
        if index.isValid():
            self._tree.setCurrentIndex(index)
            self._tree.scrollTo(index)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()

    def _fit_columns(self) -> None:
        """Distribute the width over the columns, each at least as wide as its contents; else the table scrolls."""
        narrowest, widest = (sum(widths[wide] for widths in WIDTHS.values()) for wide in (0, 1))
        header, share = self._tree.header(), self._needed_widths.get(LayerColumn.SHARE, SHARE_WIDTH)
        available = self.width() - 4 * GRID - share
        fraction = min(max((available - narrowest) / (widest - narrowest), 0.0), 1.0)
        for column, (narrow, wide) in WIDTHS.items():
            header.resizeSection(
                column, max(round(narrow + fraction * (wide - narrow)), self._needed_widths.get(column, 0))
            )
        header.setStretchLastSection(sum(map(header.sectionSize, WIDTHS)) + share <= self._tree.viewport().width())
        if not header.stretchLastSection():
            header.resizeSection(LayerColumn.SHARE, share)

    def _measure_columns(self) -> None:
        """Measure the width that the contents of each column need."""
        usual, bold = QFont(theme.text_font()), QFont(theme.text_font())
        bold.setWeight(QFont.Weight.DemiBold)
        metrics = {False: QFontMetrics(usual), True: QFontMetrics(bold)}
        for column in LayerColumn:
            indent = self._tree.indentation() if column == LayerColumn.NAME else 0
            texts = [
                metrics[heavy].horizontalAdvance(text) + (depth + 1) * indent
                for text, depth, heavy in self._model.longest_texts(column)
            ]
            heading = self._tree.header().sectionSizeHint(column)
            self._needed_widths[column] = max(
                max(texts) + CELL_PADDING, heading, SHARE_WIDTH if column == LayerColumn.SHARE else 0
            )
        self._fit_columns()

    def start_search(self) -> None:
        """Focus the search for layers."""
        self._search.setFocus()
        self._search.selectAll()

    def _make_tree(self) -> QTreeView:
        tree = set_names(QTreeView(), "layerTable", "Layer table")
        tree.setModel(self._model)
        tree.setUniformRowHeights(True)
        tree.setItemDelegateForColumn(LayerColumn.SHARE, ShareDelegate(tree))
        tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        header = tree.header()
        header.setStretchLastSection(True)
        header.setSectionsMovable(False)
        for column in WIDTHS:
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
        tree.selectionModel().currentChanged.connect(self._on_current_changed)
        return tree

    def _make_total(self) -> QTreeView:
        """The total, which stays visible under the scrolling table: a second view of one row of the model."""
        total = set_names(QTreeView(headerHidden=True), "layerTotal", "Total")
        total.setModel(self._model)
        total.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        total.setSelectionMode(QTreeView.SelectionMode.NoSelection)
        total.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        total.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        total.setFixedHeight(TOTAL_HEIGHT)
        header = self._tree.header()
        for column in WIDTHS:
            total.header().resizeSection(column, header.sectionSize(column))
        header.sectionResized.connect(lambda column, _, size: total.header().resizeSection(column, size))
        self._tree.horizontalScrollBar().valueChanged.connect(total.horizontalScrollBar().setValue)
        return total

    def _show_total(self) -> None:
        last = self._model.rowCount() - 1
        for row in range(last + 1):
            self._total.setRowHidden(row, QModelIndex(), row != last)
            self._tree.setRowHidden(row, QModelIndex(), row == last)

    def _make_tools(self) -> QHBoxLayout:
        tip = "Part of a layer's name; Enter finds the next one (Ctrl+F)"
        self._search = set_names(QLineEdit(), "findLayer", "Find layer", tip)
        self._search.setPlaceholderText("Find layer")
        self._search.setClearButtonEnabled(True)
        self._search.setMaximumWidth(260)
        self._search.textEdited.connect(lambda: self._find_next(again=False))
        self._search.returnPressed.connect(lambda: self._find_next(again=True))
        tips = {str(unit): f"{label}: {units.MEANINGS[unit]}" for unit, label in units.LABELS.items()}
        labels = {str(unit): label for unit, label in units.LABELS.items()}
        self._unit = SegmentedControl(labels, "unitSwitch", "Unit", tips)
        self._unit.valueSelected.connect(self._show_unit)
        tip = "Convolutions and linear layers, as in the paper,\n"
        tip += "or everything fvcore counts, including batch norm and average pooling"
        self._count = set_names(QComboBox(), "countChoice", "Counted layers", tip)
        self._count.addItems(["conv + fc", "all (fvcore)"])
        self._count.activated.connect(self._show_unit)
        copy = set_names(QToolButton(), "copyTable", "Copy the table", "Copy the whole table")
        copy.setText("Copy")
        copy.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        copy.setMenu(self._copy_menu())
        reserve_width(copy, "Copied")
        self._copy_button = copy
        tip = "torchinfo's summary of this network"
        self._torchinfo = set_names(QPushButton("torchinfo"), "torchinfo", "torchinfo's summary", tip)
        self._torchinfo.setCheckable(True)
        self._torchinfo.toggled.connect(self._toggle_summary)
        tools = QHBoxLayout()
        tools.setSpacing(GRID)
        tools.addWidget(self._search, 1)
        tools.addStretch(1)
        for widget in (self._unit, self._count, copy, self._torchinfo):
            tools.addWidget(widget)
        return tools

    def _copy_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction("As Markdown", lambda: self._copy("markdown"))
        menu.addAction("As CSV", lambda: self._copy("csv"))
        menu.addAction("As JSON", lambda: self._copy("json"))
        menu.addAction("As LaTeX", lambda: self._copy("latex"))
        menu.addAction("As HTML", lambda: self._copy("html"))
        return menu

    def _copy(self, format: Literal["markdown", "csv", "json", "latex", "html"]) -> None:
        if self._table is None:
            return
        if format == "json":
            copied = json.dumps(self._table.to_json(), indent=1)
        else:
            copied = text.table(self._table, format, cast("units.FlopUnit", self._unit.value()))
        QGuiApplication.clipboard().setText(copied)
        show_briefly(self._copy_button, "Copied")

    def _toggle_summary(self, wanted: bool) -> None:
        self._pages.setCurrentIndex(1 if wanted else 0)
        if wanted:
            self._summary.setPlainText("Running torchinfo…")
            self.summaryRequested.emit()

    def _show_unit(self) -> None:
        self._model.unit = 1 if self._unit.value() == "flops" else 2
        self._model.everything = self._count.currentIndex() == 1
        self._model.headerDataChanged.emit(Qt.Orientation.Horizontal, LayerColumn.FLOPS, LayerColumn.SHARE)
        if self._table is not None:
            self._model.set_table(self._table)
            self._measure_columns()

    def _find_next(self, *, again: bool) -> None:
        wanted = self._search.text().strip().lower()
        names = self._model.names()
        start = names.index(self._current_name()) + again if self._current_name() in names else 0
        for name in names[start:] + names[:start]:
            if wanted and wanted in name.lower():
                self._torchinfo.setChecked(False)
                self._select(name)
                return

    def _opened(self) -> dict[str, set[str]]:
        """The expanded stages with their expanded blocks. A long stage, collapsed by default, counts as expanded."""
        opened = {}
        for index, stage in self._model.child_nodes(QModelIndex()):
            if self._tree.isExpanded(index) or stage.blocks > LONG_STAGE:
                inside = self._model.child_nodes(index, loaded=True)
                opened[stage.name] = {block.name for at, block in inside if self._tree.isExpanded(at)}
        return opened

    def _open(self, opened: dict[str, set[str]] | None) -> None:
        """Expand these, or all stages if None, except long stages, and at most `MOST_OPEN` blocks."""
        left = MOST_OPEN
        for index, stage in self._model.child_nodes(QModelIndex()):
            if (opened is None or stage.name in opened) and stage.blocks <= LONG_STAGE:
                self._tree.expand(index)
                blocks = opened[stage.name] if opened else set()
                for at, block in self._model.child_nodes(index) if blocks and left > 0 else ():
                    if block.name in blocks and left > 0:
                        self._tree.expand(at)
                        left -= 1

    def _current_name(self) -> str:
        index = self._tree.currentIndex()
        return self._model.node(index).name if index.isValid() else ""

    def _select(self, name: str) -> None:
        index = self._model.find(name)
        if index.isValid():
            self._tree.setCurrentIndex(index)
            self._tree.scrollTo(index)

    def _on_current_changed(self, index: QModelIndex) -> None:
        if index.column() > 0:  # the keys * + − work only in the first column
            self._tree.setCurrentIndex(index.siblingAtColumn(0))
        elif index.isValid():
            self.layerSelected.emit(self._model.node(index).name)


def _stacked(*widgets: QWidget) -> QWidget:
    container = QWidget()
    column = QVBoxLayout(container)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    for widget in widgets:
        column.addWidget(widget)
    return container


def caveat(table: LayerTable) -> str:
    """What the table doesn't count, and whether the counters agree, in one line."""
    if table.checks is None or table.totals.macs_all is None:
        return "analytic count; fvcore is counting…"
    missing = ", ".join(f"{name.removeprefix('aten::')} ×{times}" for name, times in table.uncounted.items())
    products = f"attention's matrix products {units.short(table.products)}" if table.products else ""
    total = f"fvcore total {units.short(table.totals.macs_all)}"
    checks = table.checks
    agree = (
        "fvcore, torch, and the analytic count agree ✓"
        if checks.agree
        else (f"counts disagree: fvcore {checks.fvcore:,}, torch {checks.torch:,}, analytic {checks.plan:,}")
    )
    return "   ·   ".join(filter(None, (f"not counted: {missing}" if missing else "", products, total, agree)))
