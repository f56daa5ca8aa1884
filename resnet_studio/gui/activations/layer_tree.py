"""The layers that are called in a forward pass as a tree, stage → block → layer, of which a search leaves a part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, Qt

from resnet_studio.formatting import counted, dimensions
from resnet_studio.gui import theme
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.figure_parts import figure_parts
from resnet_studio.networks.layers import Layer
from resnet_studio.networks.plan import called_layers

Index = QModelIndex | QPersistentModelIndex
NAME_ROLE = Qt.ItemDataRole.UserRole


@dataclass(slots=True, eq=False)
class LayerNode:
    """A stage, a block or a layer. Rows are created when they are asked for: a deep network has tens of thousands."""

    name: str
    layers: Sequence[Layer]
    """Those in it; of a layer, itself."""
    is_layer: bool = False
    parent: LayerNode | None = None
    row: int = 0
    rows: list[LayerNode] | None = None

    def children(self) -> list[LayerNode]:
        """The rows below: of the root stages, of a stage blocks and layers, of a block layers."""
        if self.rows is None:
            self.rows = [] if self.is_layer else self._make_children()
            for row, child in enumerate(self.rows):
                child.parent, child.row = self, row
        return self.rows

    def _make_children(self) -> list[LayerNode]:
        if not self.name:
            return [LayerNode(stage, tuple(found)) for stage, found in groupby(self.layers, lambda one: one.stage)]
        found: list[LayerNode] = []
        for block, layers in groupby(self.layers, lambda layer: layer.block):
            if block and block != self.name:
                found.append(LayerNode(block, tuple(layers)))
            else:
                found += [LayerNode(layer.name, (layer,), is_layer=True) for layer in layers]
        return found


class LayerTreeModel(QAbstractItemModel):
    """Read-only, one column. A search leaves the layers whose name, or whose stage's name, has the text in it."""

    def __init__(self) -> None:
        super().__init__()
        self._architecture: Architecture | None = None
        self._layers: tuple[Layer, ...] = ()
        self._names: list[str] = []
        """In lower case."""
        self._root = LayerNode("", ())
        self.search = ""

    def set_architecture(self, architecture: Architecture) -> None:
        """List an architecture's layers. Rows stay if their names are the same, so that what is expanded stays so."""
        self._architecture, self._layers = architecture, called_layers(architecture)
        before, self._names = self._names, [layer.name.lower() for layer in self._layers]
        if self._names != before:
            self._update()

    def set_search(self, text: str) -> None:
        """Leave the layers that match; all for an empty text."""
        self.search = text.strip().lower()
        self._update()

    def find(self, name: str) -> QModelIndex:
        """The index of a block or a layer; invalid if the search leaves it out."""
        layer = next((one for one in self._layers if name and name in (one.name, one.block)), None)
        if layer is None:
            return QModelIndex()
        node = self._root
        for step in filter(None, (layer.stage, layer.block, name if name != layer.block else "")):
            below = next((child for child in node.children() if child.name == step), None)
            if below is None:
                return QModelIndex()
            node = below
        return self.createIndex(node.row, 0, node)

    def rows_below(self, parent: Index) -> Iterator[QModelIndex]:
        """The indices of the rows directly below."""
        return (self.createIndex(node.row, 0, node) for node in self.node(parent).children())

    def node(self, index: Index) -> LayerNode:
        """The row at an index; the root for an invalid one."""
        found: LayerNode = index.internalPointer() if index.isValid() else self._root
        return found

    def index(self, row: int, column: int, parent: Index | None = None) -> QModelIndex:
        rows = self.node(parent or QModelIndex()).children()
        return self.createIndex(row, 0, rows[row]) if column == 0 and 0 <= row < len(rows) else QModelIndex()

    def parent(self, index: Index) -> QModelIndex:  # type: ignore[override]
        above = self.node(index).parent if index.isValid() else None
        return QModelIndex() if above is None or above is self._root else self.createIndex(above.row, 0, above)

    def rowCount(self, parent: Index | None = None) -> int:
        return len(self.node(parent or QModelIndex()).children())

    def columnCount(self, parent: Index | None = None) -> int:
        return 1

    def hasChildren(self, parent: Index | None = None) -> bool:
        node = self.node(parent or QModelIndex())
        return not node.is_layer and bool(node.layers)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        node = self.node(index)
        is_stage = node.parent is self._root
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return node.name if is_stage or node.parent is None else node.name.removeprefix(f"{node.parent.name}.")
            case Qt.ItemDataRole.DecorationRole if is_stage:
                return theme.stage_color(node.name)
            case Qt.ItemDataRole.ToolTipRole:
                return f"{self._description(node)}\noutput {dimensions(self._current(node).output)}"
        return node.name if role == NAME_ROLE and not is_stage else None

    def _current(self, node: LayerNode) -> Layer:
        """The last layer of a row, as it is in the current architecture."""
        return next(layer for layer in self._layers if layer.name == node.layers[-1].name)

    def _description(self, node: LayerNode) -> str:
        if node.is_layer:
            return f"{node.name}: {self._current(node).kind}"
        if node.parent is not self._root and self._architecture is not None:
            return next(part.label for part in figure_parts(self._architecture) if part.name == node.name)
        blocks = {layer.block for layer in node.layers} - {""}
        return counted(len(blocks), "block") if blocks else node.name

    def _update(self) -> None:
        self.beginResetModel()
        text = self.search
        matches = self._layers if not text else tuple(
            layer for layer, name in zip(self._layers, self._names, strict=True)
            if text in name or text in layer.stage.lower()
        )  # fmt: skip
        self._root = LayerNode("", matches)
        self.endResetModel()
