"""The layer table as an item model: stages, their blocks, the blocks' layers, and the total."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import groupby
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QFont

from resnet_studio.analysis import units
from resnet_studio.analysis.table import BlockGroup, LayerRow, LayerTable
from resnet_studio.formatting import dimensions, percent, percentages
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import cell_alignment
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.layers import NOTHING, Layer, Shape, kernel_line, output_size
from resnet_studio.networks.plan import blocks

Index = QModelIndex | QPersistentModelIndex
SHARE_ROLE = Qt.ItemDataRole.UserRole
"""A row's share of the network as text, and its cost relative to the most expensive stage, 0 … 1."""
STAGE_ROLE = Qt.ItemDataRole.UserRole + 1
MAX_DIFFERENT = 10
"""The rows of a stage that may differ; the blocks after them repeat."""


class LayerColumn(IntEnum):
    """The table's columns, from left to right."""

    NAME = 0
    KERNEL = 1
    OUTPUT = 2
    PARAMETERS = 3
    FLOPS = 4
    MEMORY = 5
    SHARE = 6


NUMBERS = {LayerColumn.OUTPUT, LayerColumn.PARAMETERS, LayerColumn.FLOPS, LayerColumn.MEMORY}


@dataclass(slots=True, eq=False)
class LayerNode:
    """One row of the tree."""

    name: str
    stage: str
    kernel: str
    output: Shape
    parameters: int
    macs: int | None
    memory: int
    formula: str = ""
    note: str = ""
    bold: bool = False
    parent: LayerNode | None = None
    row: int = 0
    blocks: int = 0
    """How many blocks a stage has."""
    length: int = 0
    """Number of child rows."""
    unloaded: Iterator[LayerNode] = field(default_factory=lambda: iter(()))
    """The children that are not created yet: a deep network has tens of thousands of rows."""
    loaded: list[LayerNode] = field(default_factory=list)

    def child(self, row: int) -> LayerNode:
        """The child in that row, created if necessary."""
        while len(self.loaded) <= row:
            child = next(self.unloaded)
            child.parent, child.row = self, len(self.loaded)
            self.loaded.append(child)
        return self.loaded[row]

    def children(self) -> Iterator[LayerNode]:
        """All children."""
        return map(self.child, range(self.length))


class LayerModel(QAbstractItemModel):
    """Read-only. `unit` 2 shows operations, 1 multiply-adds; `everything` counts all that fvcore counts."""

    def __init__(self) -> None:
        super().__init__()
        self._root = LayerNode("", "", "", (0, 0, 0), 0, 0, 0)
        self._table: LayerTable | None = None
        self._total = self._largest = 1
        self._shares: dict[str, tuple[int | None, str]] = {}
        self.unit = 1
        self.everything = False

    def set_table(self, table: LayerTable) -> None:
        """Set the table. Rows stay if the layers are the same, so that the selection stays."""
        before, self._table = self._table, table
        root = _tree(table, everything=self.everything)
        if before is not None and _same_structure(before, table):
            self.layoutAboutToBeChanged.emit()  # one signal: one per block takes a view a second
            _update_node(self._root, root)
            self._measure(root)
            self.layoutChanged.emit()
        else:
            self.beginResetModel()
            self._root = root
            self._measure(root)
            self.endResetModel()

    def _measure(self, root: LayerNode) -> None:
        *stages, total = root.children()
        self._total = total.macs or 1
        self._largest = max(stage.macs or 1 for stage in stages)
        shown = percentages([stage.macs or 0 for stage in stages])
        self._shares = {stage.name: (stage.macs, text) for stage, text in zip(stages, shown, strict=True)}

    def _share(self, node: LayerNode) -> str:
        """The share of the network. Stages add up to 100 %; a row that costs as much as its stage has the same text."""
        macs, text = self._shares.get(node.stage, (None, ""))
        return text if node.macs == macs else units.share(node.macs or 0, self._total)

    def find(self, name: str) -> QModelIndex:
        """The index of a stage, a block or a layer; invalid if there is none."""
        stage = next((node for node in self._root.children() if node.name == name), None)
        return self.createIndex(stage.row, 0, stage) if stage else self.find_layer(name)

    def find_layer(self, name: str) -> QModelIndex:
        """The index of a block or a layer; unlike `find`, "conv1" and "fc" are the layers, not the stages."""
        rows = self._table.rows if self._table and name else ()
        layer = next((row.layer for row in rows if name in (row.layer.name, row.layer.block)), None)
        if layer is None:
            return QModelIndex()
        node = _child(self._root, layer.stage)
        for below in dict.fromkeys(filter(None, (layer.block, name))):
            node = _child(node, below)
        return self.createIndex(node.row, 0, node)

    def longest_texts(self, column: int) -> set[tuple[str, int, bool]]:
        """Candidates for a column's longest text, each with its depth in the tree and whether it is bold.

        Of repeating blocks only the first are considered, and the number of the last.
        """
        lines, numbers = [], []
        for stage in self._root.children():
            parts = [stage.child(row) for row in range(min(stage.length, MAX_DIFFERENT))]
            lines += [(stage, 0), *((part, 1) for part in parts)]
            lines += [(layer, 2) for part in parts for layer in part.children()]
            if column == LayerColumn.NAME and stage.length > len(parts):
                numbers.append((f"{parts[-1].name.rpartition('.')[0]}.{stage.length - 1}", 1, False))
        return {*numbers, *((self._text(node, column), depth, node.bold) for node, depth in lines)}

    def names(self) -> list[str]:
        """The name of every row, from top to bottom."""
        found: list[str] = []
        stage = block = ""
        for row in self._table.rows if self._table else ():
            layer = row.layer
            if layer.stage != stage:
                found.append(stage := layer.stage)
            if layer.block != block and (block := layer.block):
                found.append(block)
            found.append(layer.name)
        return [*found, "total"] if found else found

    def child_nodes(self, parent: QModelIndex, *, loaded: bool = False) -> Iterator[tuple[QModelIndex, LayerNode]]:
        """The children that have children; `loaded` leaves out those whose children are not created yet."""
        node = self.node(parent)
        for child in list(node.loaded) if loaded else node.children():
            if child.loaded if loaded else child.length:
                yield self.createIndex(child.row, 0, child), child

    def node(self, index: Index) -> LayerNode:
        found: LayerNode = index.internalPointer() if index.isValid() else self._root
        return found

    def index(self, row: int, column: int, parent: Index | None = None) -> QModelIndex:
        node = self.node(parent or QModelIndex())
        if 0 <= row < node.length and 0 <= column < len(LayerColumn):
            return self.createIndex(row, column, node.child(row))
        return QModelIndex()

    def parent(self, index: Index) -> QModelIndex:  # type: ignore[override]
        above = self.node(index).parent if index.isValid() else None
        return QModelIndex() if above is None or above is self._root else self.createIndex(above.row, 0, above)

    def rowCount(self, parent: Index | None = None) -> int:
        parent = parent or QModelIndex()
        return 0 if parent.column() > 0 else self.node(parent).length

    def columnCount(self, parent: Index | None = None) -> int:
        return len(LayerColumn)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation != Qt.Orientation.Horizontal or section >= len(LayerColumn):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._headings()[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return cell_alignment(right=section in NUMBERS)
        if role == Qt.ItemDataRole.ToolTipRole and section == LayerColumn.OUTPUT:
            return "Channels × height × width of the output for one image"
        return None

    def _headings(self) -> tuple[str, ...]:
        cost = "FLOPs" if self.unit == 1 else "FLOPs (2 × MAC)"
        return "stage / layer", "kernel", "output", "parameters", cost, "activations", "share of FLOPs"

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        node, column = self.node(index), index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(node, column)
            case Qt.ItemDataRole.ToolTipRole:
                return self._tip(node, column)
            case Qt.ItemDataRole.TextAlignmentRole:
                return cell_alignment(right=column in NUMBERS)
            case Qt.ItemDataRole.FontRole if node.bold:
                font = QFont(theme.text_font())
                font.setWeight(QFont.Weight.DemiBold)
                return font
            case Qt.ItemDataRole.ForegroundRole if not node.bold and (
                column == LayerColumn.KERNEL or not any(node.output)
            ):
                return QColor(theme.current().muted)
        if role == SHARE_ROLE and column == LayerColumn.SHARE:
            return (self._share(node), (node.macs or 0) / self._largest) if node.macs and not node.bold else None
        return node.stage if role == STAGE_ROLE else None

    def _text(self, node: LayerNode, column: int) -> str:
        match column:
            case LayerColumn.NAME:
                above = f"{node.parent.name}." if node.parent else ""
                return node.name.removeprefix(above)  # the parent's row has this part of the name
            case LayerColumn.KERNEL:
                return node.kernel
            case LayerColumn.OUTPUT:
                if any(node.output):
                    return dimensions(node.output)
                return "" if node.bold or node.kernel == "parameter" else "never called"
            case LayerColumn.PARAMETERS:
                return units.exact(node.parameters) if node.parameters else "–"
            case LayerColumn.FLOPS:
                return "…" if node.macs is None else units.short(node.macs * self.unit) if node.macs else "–"
            case LayerColumn.MEMORY:
                return units.memory(node.memory) if node.memory else "–"
        return ""

    def _tip(self, node: LayerNode, column: int) -> str:
        match column:
            case LayerColumn.FLOPS if node.macs is not None:
                what = "multiply-adds" if self.unit == 1 else "FLOPs, 2 per multiply-add"
                return f"{units.exact(node.macs * self.unit)} {what}"
            case LayerColumn.MEMORY:
                return f"{units.exact(node.memory)} bytes: all outputs, float32, one image"
            case LayerColumn.SHARE if not node.bold:
                return f"{percent((node.macs or 0) / self._total)} of the total"
        return "\n".join(filter(None, (node.note, node.formula))) or node.name


def _child(node: LayerNode, name: str) -> LayerNode:
    return next(child for child in node.children() if child.name == name)


def _same_structure(one: LayerTable, other: LayerTable) -> bool:
    """Whether both have the same rows, whatever their values."""
    a, b = one.architecture, other.architecture
    if not isinstance(a, Residual) or not isinstance(b, Residual):
        return a == b
    same_kind = (type(a.block), a.stem, a.se > 0) == (type(b.block), b.stem, b.se > 0)
    return same_kind and _rows_of_blocks(a) == _rows_of_blocks(b)


def _rows_of_blocks(architecture: Residual) -> list[tuple[str, str, int]]:
    """What decides, with the kind of block, which layers each block has."""
    return [(block.name, block.shortcut, block.stride) for block in blocks(architecture)]


def _update_node(old: LayerNode, new: LayerNode) -> None:
    """Update a row and its created descendants with the values of the rows of the same names."""
    old.kernel, old.output, old.parameters = new.kernel, new.output, new.parameters
    old.macs, old.memory, old.formula, old.note = new.macs, new.memory, new.formula, new.note
    for row, child in enumerate(old.loaded):
        _update_node(child, new.child(row))
    old.unloaded = new.unloaded


def _tree(table: LayerTable, *, everything: bool) -> LayerNode:
    lines = [_stage_node(table, stage, everything) for stage in table.stages]
    total = _group_node(table.totals, "", "", everything)
    total.output, total.bold = (0, 0, 0), True
    return LayerNode("", "", "", (0, 0, 0), 0, 0, 0, length=len(lines) + 1, unloaded=iter([*lines, total]))


def _stage_node(table: LayerTable, stage: BlockGroup, everything: bool) -> LayerNode:
    """A stage's row, with its blocks and the layers that are in no block as children."""
    block_names = [row.layer.block for row in stage.rows]
    count = len(set(block_names) - {""})
    alone = kernel_text(stage.rows[0].layer) if len(stage.rows) == 1 else ""
    node = _group_node(stage, stage.name, f"{count} block{'s' if count > 1 else ''}" if count else alone, everything)
    node.blocks, node.length = count, count + block_names.count("")
    node.unloaded = _below(table, stage, everything)
    return node


def _below(table: LayerTable, stage: BlockGroup, everything: bool) -> Iterator[LayerNode]:
    architecture = table.architecture
    labels = {b.name: b.label for b in blocks(architecture)} if isinstance(architecture, Residual) else {}
    for block, rows in groupby(stage.rows, lambda row: row.layer.block):
        if not block:
            yield from (_row_node(row, everything) for row in rows)
            continue
        group = BlockGroup(block, tuple(rows))
        node = _group_node(group, stage.name, labels[block], everything)
        node.length, node.unloaded = len(group.rows), _layer_nodes(group.rows, everything)
        yield node


def _layer_nodes(rows: tuple[LayerRow, ...], everything: bool) -> Iterator[LayerNode]:
    return (_row_node(row, everything) for row in rows)


def _group_node(group: BlockGroup, stage: str, kernel: str, everything: bool) -> LayerNode:
    macs = group.macs_all if everything else group.macs
    return LayerNode(group.name, stage, kernel, group.output, group.parameters, macs, group.activation_bytes)


def _row_node(row: LayerRow, everything: bool) -> LayerNode:
    layer = row.layer
    macs = row.macs_all if everything else row.macs
    return LayerNode(
        layer.name, layer.stage, kernel_text(layer), layer.output, layer.parameters, macs, layer.activation_bytes,
        formula="\n".join(formulas(layer)), note=f"{layer.name}: {layer.kind}",
    )  # fmt: skip


def kernel_text(layer: Layer) -> str:
    """A layer's kernel as papers print it: "7×7, 64, /2", "3×3, 128, C=32"."""
    if layer.kind == "conv":
        stride = f", /{layer.stride}" if layer.stride > 1 else ""
        return f"{kernel_line(layer)}{stride}" if layer.called else layer.kernel_text
    if layer.kernel and layer.kind.endswith("pool"):
        return f"{layer.kernel_text} {layer.kind}, /{layer.stride}"
    return layer.kind


def formulas(layer: Layer) -> list[str]:
    """The formulas of a layer's size, parameters and multiply-adds, with their numbers."""
    if layer.kind == "parameter":
        return ["a parameter of the network itself, which is no layer"]
    if layer.output == NOTHING:
        return ["created but never called: it has parameters but no output"]
    lines = []
    if layer.kind in ("conv", "max pool"):
        lines += _size_formulas(layer)
    (c_out, height, width), c_in = layer.output, str(layer.input[0])
    c_in += f" / {layer.groups}" if layer.groups > 1 else ""
    area = f"{height}²" if height == width else f"{height} · {width}"
    if layer.kind == "conv":
        window = " · ".join(str(kernel) for kernel, _ in layer.windows) if layer.across else f"{layer.kernel}²"
        lines.append(f"FLOPs: {c_in} · {window} · {c_out} · {area} = {units.exact(layer.macs)}")
        bias = f" + {c_out}" if layer.bias else ""
        lines.append(f"parameters: {c_in} · {window} · {c_out}{bias} = {units.exact(layer.parameters)}")
    if layer.kind == "linear":
        weights = layer.macs // layer.positions
        times = f" · {layer.positions}" if layer.positions > 1 else ""
        bias = f" + {layer.parameters - weights:,}" if layer.parameters > weights else ""
        lines.append(f"FLOPs: {weights // c_out:,} · {c_out:,}{times} = {units.exact(layer.macs)}")
        lines.append(f"parameters: {weights:,}{bias} = {units.exact(layer.parameters)}")
    if layer.kind in ("batch norm", "layer norm"):
        lines.append(f"parameters: 2 · {c_out} = {units.exact(layer.parameters)}")
    return lines


def _size_formulas(layer: Layer) -> list[str]:
    """The formula of the output's size, or those of its height and width if they differ."""
    sides = zip(layer.input[1:], layer.output[1:], layer.windows, strict=True)
    found = [_size_formula(layer, *side) for side in sides]
    names = ("size",) if found[0] == found[1] else ("height", "width")
    return [f"{name}: {formula}" for name, formula in zip(names, found, strict=False)]


def _size_formula(layer: Layer, n_in: int, n_out: int, window: tuple[int, int]) -> str:
    """The formula of one side. A pool whose last window is cut off by the edge rounds up."""
    kernel, padding = window
    reach = f"{layer.dilation}·({kernel} − 1) − 1" if layer.dilation > 1 else str(kernel)
    left, right = "⌊⌋" if output_size(n_in, kernel, layer.stride, padding, layer.dilation) == n_out else "⌈⌉"
    return f"{left}({n_in} + 2·{padding} − {reach}) / {layer.stride}{right} + 1 = {n_out}"
