"""The layers whose maps can be looked at: stage → block → layer, with a search."""

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
from resnet_studio.gui import theme
from resnet_studio.gui.activations.architecture_strip import ArchitectureStrip
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.layer_model import LayerModel, LayerNode
from resnet_studio.gui.theme import GRID
from resnet_studio.networks.architecture import Architecture

Index = QModelIndex | QPersistentModelIndex
NAME = Qt.ItemDataRole.UserRole + 2
MARK = 10


class LayerPicker(QWidget):
    """Emits `layer_chosen` with the name of the layer or block that the user walks to; stages only open."""

    layer_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._chosen = ""
        self._layers = LayerModel()
        self._found = _Found(self._layers)
        self._tree = self._make_tree()
        self._figure = ArchitectureStrip()
        self._figure.layer_chosen.connect(self._take_chosen)
        tip = "A part of a layer's name, such as layer2 or relu; Enter goes to the first"
        self._search = QLineEdit(placeholderText="Find a layer", clearButtonEnabled=True)
        named(self._search, "findMaps", "Find a layer to look at", tip)
        for clear in self._search.findChildren(QToolButton):
            named(clear, "clearSearch", "Clear the search", "Show every layer again")
        self._search.setAcceptDrops(False)  # a dropped image is for the whole workspace
        self._search.textChanged.connect(self._filter)
        self._search.returnPressed.connect(self._go_to_first)
        self._search.installEventFilter(self)
        self._nothing = QLabel("No layer is called that. Clear the search to see them all.", wordWrap=True)
        self._nothing.setProperty("quiet", True)
        self._nothing.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        for widget in (self._figure, self._search, self._nothing, self._tree):
            column.addWidget(widget)

    def show_layers(self, architecture: Architecture) -> None:
        """List an architecture's layers; the chosen one stays chosen if the network has one of its name."""
        self._layers.show_table(plan_table(architecture))
        self._figure.show_architecture(architecture)
        self._figure.show_chosen(self._chosen)
        self._filter(self._search.text())

    def show_chosen(self, name: str) -> None:
        """Open the tree where that layer or block is and show it as chosen, without emitting."""
        if name != self._chosen:
            self._chosen = name
            self._select()
            self._figure.show_chosen(name)

    def start_search(self) -> None:
        """Put the cursor where a layer's name can be typed."""
        self._search.setFocus()
        self._search.selectAll()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  (Qt's name)
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Down:
            self._tree.setFocus()
            return True
        return super().eventFilter(watched, event)

    def _make_tree(self) -> QTreeView:
        tip = "↑ and ↓ walk the layers, → opens a stage or a block, ← closes it"
        tree = named(QTreeView(headerHidden=True), "layerList", "Layers", tip)
        tree.setModel(self._found)
        tree.setUniformRowHeights(True)
        tree.setIndentation(2 * GRID)
        tree.setIconSize(QSize(MARK, MARK))
        tree.selectionModel().currentChanged.connect(self._tell_chosen)
        return tree

    def _select(self) -> None:
        """Put the cursor on the chosen line; nowhere while a search hides it."""
        selection, index = self._tree.selectionModel(), self._index(self._chosen)
        with QSignalBlocker(selection):
            selection.clear()
            selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self._tree.viewport().update()  # the blocked selection can't tell it what to paint
        self._tree.scrollTo(index)

    def _index(self, name: str) -> QModelIndex:
        """The line of that layer or block, unless a search hides it."""
        return self._found.mapFromSource(self._layers.find_layer(name))

    def _filter(self, text: str) -> None:
        with QSignalBlocker(self._tree.selectionModel()):  # a line that goes would make its neighbour the current one
            self._found.look_for(text)
        self._nothing.setVisible(self._found.rowCount() == 0 and bool(text))
        if text:
            self._tree.expandAll()
        self._select()

    def _go_to_first(self) -> None:
        index = self._found.index(0, 0)
        while index.isValid() and not _choosable(index):
            index = self._tree.indexBelow(index)
        if index.isValid():
            self._tree.setCurrentIndex(index)
            self._tree.setFocus()

    def _tell_chosen(self, index: QModelIndex) -> None:
        name = _choosable(index)
        if name and name != self._chosen:
            self._chosen = name
            self._figure.show_chosen(name)
            self.layer_chosen.emit(name)

    def _take_chosen(self, name: str) -> None:
        self.show_chosen(name)
        self.layer_chosen.emit(name)


class _Found(QSortFilterProxyModel):
    """The layer table's first column: layers that an image meets and whose name holds the searched text."""

    def __init__(self, layers: LayerModel) -> None:
        super().__init__()
        self._layers = layers
        self._wanted = ""
        self.setRecursiveFilteringEnabled(True)
        self.setSourceModel(layers)

    def look_for(self, text: str) -> None:
        self._wanted = text.strip().lower()
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:  # noqa: N802  (Qt's names)
        node = self._layers.node(self._layers.index(row, 0, parent))
        return any(node.output) and any(self._wanted in name.lower() for name in _path(node))

    def hasChildren(self, parent: Index | None = None) -> bool:  # noqa: N802
        """Without a search Qt need not go through what is below a line to say that there is something."""
        if self._wanted:
            return super().hasChildren(parent or QModelIndex())
        return self._layers.hasChildren(self.mapToSource(parent or QModelIndex()))

    def filterAcceptsColumn(self, column: int, parent: Index) -> bool:  # noqa: N802
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
                return theme.stage_colour(node.stage)
            case Qt.ItemDataRole.ToolTipRole:
                return f"{node.note or node.kernel or node.name}\noutput {'×'.join(map(str, node.output))}"
        return node.name if role == NAME else None


def _path(node: LayerNode) -> list[str]:
    return [node.name, *_path(node.parent)] if node.parent else []


def _choosable(index: QModelIndex) -> str:
    return str(index.data(NAME)) if index.isValid() and index.parent().isValid() else ""
