"""The tree of layers to select from: stage → block → layer, with a search."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QItemSelectionModel, QModelIndex, QObject, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QToolButton, QTreeView, QVBoxLayout, QWidget

from resnet_studio.gui.activations.architecture_strip import ArchitectureStrip
from resnet_studio.gui.activations.layer_tree import NAME_ROLE, LayerTreeModel
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.theme import GRID
from resnet_studio.networks.architecture import Architecture

MARK_SIZE = 10
MAX_EXPANDED = 2000
"""Rows that a search expands: a tree view asks for each of them at every key press."""


class LayerPicker(QWidget):
    """Emits `layerSelected` with the name of a layer or block; stages can't be selected."""

    layerSelected = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._selected = ""
        self._layers = LayerTreeModel()
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
        with QSignalBlocker(self._tree.selectionModel()):
            self._layers.set_architecture(architecture)
        self._strip.show_architecture(architecture)
        self._strip.show_selected(self._selected)
        self._show_matches()

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
        tree.setModel(self._layers)
        tree.setTextElideMode(Qt.TextElideMode.ElideLeft)  # names of parts differ at their end
        tree.setUniformRowHeights(True)
        tree.setIndentation(2 * GRID)
        tree.setIconSize(QSize(MARK_SIZE, MARK_SIZE))
        tree.selectionModel().currentChanged.connect(self._on_current_changed)
        return tree

    def _select(self) -> None:
        """Make the selected layer's row current; none while a search hides it."""
        selection, index = self._tree.selectionModel(), self._layers.find(self._selected)
        with QSignalBlocker(selection):
            selection.clear()
            selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self._tree.viewport().update()  # the blocked selection model doesn't trigger a repaint
        self._tree.scrollTo(index)

    def _filter(self, text: str) -> None:
        with QSignalBlocker(self._tree.selectionModel()):
            self._layers.set_search(text)
        self._show_matches()

    def _show_matches(self) -> None:
        self._no_match.setVisible(self._layers.rowCount() == 0 and bool(self._layers.search))
        if self._layers.search:
            self._expand()
        self._select()

    def _expand(self) -> None:
        """Expand stages and blocks from the top, until there are `MAX_EXPANDED` rows."""
        shown = 0
        for stage in self._layers.rows_below(QModelIndex()):
            for above in (stage, *self._layers.rows_below(stage)):
                if shown > MAX_EXPANDED:
                    return
                self._tree.expand(above)
                shown += self._layers.rowCount(above)

    def _select_first(self) -> None:
        index = self._layers.index(0, 0)
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


def _selectable_name(index: QModelIndex) -> str:
    return str(index.data(NAME_ROLE) or "")
