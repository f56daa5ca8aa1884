"""The tree of layers to select from: stage → block → layer, with a search."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import (
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSignalBlocker,
    QSize,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QToolButton, QTreeView, QVBoxLayout, QWidget

from resnet_studio.analysis.table import plan_table
from resnet_studio.formatting import dimensions
from resnet_studio.gui import theme
from resnet_studio.gui.activations.architecture_strip import ArchitectureStrip
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.layer_model import LayerModel, LayerNode
from resnet_studio.gui.theme import GRID
from resnet_studio.networks.architecture import Architecture

Index = QModelIndex | QPersistentModelIndex
NAME_ROLE = Qt.ItemDataRole.UserRole + 2
MARK_SIZE = 10


class LayerPicker(QWidget):
    """Emits `layerSelected` with the name of a layer or block; stages can't be selected."""

    layerSelected = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._selected = ""
        self._layers = LayerModel()
        self._filtered = _LayerFilter(self._layers)
        self._tree = self._make_tree()
        self._strip = ArchitectureStrip()
        self._strip.layerSelected.connect(self._on_strip_selected)
        tip = "Part of a layer's name, such as layer2 or relu; Enter selects the first match"
        self._search = QLineEdit(placeholderText="Find layer", clearButtonEnabled=True)
        set_names(self._search, "findMaps", "Find layer", tip)
        for clear in self._search.findChildren(QToolButton):
            set_names(clear, "clearSearch", "Clear search", "Show all layers")
        self._search.setAcceptDrops(False)  # the workspace takes dropped files
        self._search.textChanged.connect(self._filter)
        self._search.returnPressed.connect(self._select_first)
        self._search.installEventFilter(self)
        self._no_match = QLabel("No matching layers. Clear the search to see all layers.", wordWrap=True)
        self._no_match.setProperty("quiet", True)
        self._no_match.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        for widget in (self._strip, self._search, self._no_match, self._tree):
            column.addWidget(widget)

    def show_layers(self, architecture: Architecture) -> None:
        """List an architecture's layers; the selection stays if the network has a layer of that name."""
        self._layers.set_table(plan_table(architecture))
        self._strip.show_architecture(architecture)
        self._strip.show_selected(self._selected)
        self._filter(self._search.text())

    def show_selected(self, name: str) -> None:
        """Select that layer or block and scroll to it, without emitting."""
        if name != self._selected:
            self._selected = name
            self._select()
            self._strip.show_selected(name)

    def start_search(self) -> None:
        """Focus the search field."""
        self._search.setFocus()
        self._search.selectAll()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Down:
            self._tree.setFocus()
            return True
        return super().eventFilter(watched, event)

    def _make_tree(self) -> QTreeView:
        tip = "↑ and ↓ move between layers; → expands a stage or block, ← collapses it"
        tree = set_names(QTreeView(headerHidden=True), "layerList", "Layers", tip)
        tree.setModel(self._filtered)
        tree.setUniformRowHeights(True)
        tree.setIndentation(2 * GRID)
        tree.setIconSize(QSize(MARK_SIZE, MARK_SIZE))
        tree.selectionModel().currentChanged.connect(self._on_current_changed)
        return tree

    def _select(self) -> None:
        """Make the selected layer's row current; none while a search hides it."""
        selection, index = self._tree.selectionModel(), self._index(self._selected)
        with QSignalBlocker(selection):
            selection.clear()
            selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self._tree.viewport().update()  # the blocked selection model doesn't trigger a repaint
        self._tree.scrollTo(index)

    def _index(self, name: str) -> QModelIndex:
        """The index of that layer or block; invalid while a search hides it."""
        return self._filtered.mapFromSource(self._layers.find_layer(name))

    def _filter(self, text: str) -> None:
        with QSignalBlocker(self._tree.selectionModel()):  # a row that is filtered out would make its neighbor current
            self._filtered.set_search(text)
        self._no_match.setVisible(self._filtered.rowCount() == 0 and bool(text))
        if text:
            self._tree.expandAll()
        self._select()

    def _select_first(self) -> None:
        index = self._filtered.index(0, 0)
        while index.isValid() and not _selectable_name(index):
            index = self._tree.indexBelow(index)
        if index.isValid():
            self._tree.setCurrentIndex(index)
            self._tree.setFocus()

    def _on_current_changed(self, index: QModelIndex) -> None:
        name = _selectable_name(index)
        if name and name != self._selected:
            self._selected = name
            self._strip.show_selected(name)
            self.layerSelected.emit(name)

    def _on_strip_selected(self, name: str) -> None:
        self.show_selected(name)
        self.layerSelected.emit(name)


class _LayerFilter(QSortFilterProxyModel):
    """The layer table's first column, filtered to called layers whose name contains the search text."""

    def __init__(self, layers: LayerModel) -> None:
        super().__init__()
        self._layers = layers
        self._search = ""
        self.setRecursiveFilteringEnabled(True)
        self.setSourceModel(layers)

    def set_search(self, text: str) -> None:
        self._search = text.strip().lower()
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:
        node = self._layers.node(self._layers.index(row, 0, parent))
        return any(node.output) and any(self._search in name.lower() for name in _path(node))

    def hasChildren(self, parent: Index | None = None) -> bool:
        """Without a search, Qt need not filter all children to know whether there are any."""
        if self._search:
            return super().hasChildren(parent or QModelIndex())
        return self._layers.hasChildren(self.mapToSource(parent or QModelIndex()))

    def filterAcceptsColumn(self, column: int, parent: Index) -> bool:
        return column == 0

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        node = self._layers.node(self.mapToSource(index))
        above = node.parent.name if node.parent else ""
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return node.name.removeprefix(f"{above}.")
            case Qt.ItemDataRole.DecorationRole if not above:
                return theme.stage_color(node.stage)
            case Qt.ItemDataRole.ToolTipRole:
                return f"{node.note or node.kernel or node.name}\noutput {dimensions(node.output)}"
        return node.name if role == NAME_ROLE else None


def _path(node: LayerNode) -> list[str]:
    return [node.name, *_path(node.parent)] if node.parent else []


def _selectable_name(index: QModelIndex) -> str:
    return str(index.data(NAME_ROLE)) if index.isValid() and index.parent().isValid() else ""
