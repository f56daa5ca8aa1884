"""The layer table as an item model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QFont

from resnet_studio.analysis import units
from resnet_studio.analysis.measurement import Measurement
from resnet_studio.analysis.table import LayerTable
from resnet_studio.analysis.units import FlopUnit
from resnet_studio.formatting import dimensions, percent, percentages, short_time, significant
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import cell_alignment
from resnet_studio.gui.layers.nodes import LayerNode, make_tree, same_structure
from resnet_studio.networks.layers import NOTHING
from resnet_studio.networks.receptive_field import field_sides

Index = QModelIndex | QPersistentModelIndex
SHARE_ROLE = Qt.ItemDataRole.UserRole
"""A row's share of the network as text, and its cost relative to the most expensive stage, 0 … 1."""
STAGE_ROLE = Qt.ItemDataRole.UserRole + 1
MAX_DIFFERENT = 10
"""The rows of a stage that may differ; the blocks after them repeat."""
HIGHLIGHT = 60
"""Opacity of the highlight behind what a search found, of 255."""
NOT_MEASURED = "not measured: click Measure"


class LayerColumn(IntEnum):
    """The table's columns, from left to right."""

    NAME = 0
    KERNEL = 1
    OUTPUT = 2
    PARAMETERS = 3
    FLOPS = 4
    MEMORY = 5
    FIELD = 6
    INTENSITY = 7
    TIME = 8
    SHARE = 9
    TIME_SHARE = 10


TITLES = {
    LayerColumn.NAME: "stage / layer", LayerColumn.KERNEL: "kernel", LayerColumn.OUTPUT: "output",
    LayerColumn.PARAMETERS: "parameters", LayerColumn.FLOPS: "FLOPs", LayerColumn.MEMORY: "activations",
    LayerColumn.FIELD: "rec. field", LayerColumn.INTENSITY: "FLOPs/byte", LayerColumn.TIME: "time",
    LayerColumn.SHARE: "share of FLOPs", LayerColumn.TIME_SHARE: "share of time",
}  # fmt: skip
NAMES = {
    **TITLES, LayerColumn.FIELD: "receptive field", LayerColumn.INTENSITY: "arithmetic intensity",
    LayerColumn.TIME: "measured time", LayerColumn.TIME_SHARE: "share of measured time",
}  # fmt: skip
"""What the columns are called where there is room."""
TIPS = {
    LayerColumn.OUTPUT: "Channels × height × width of the output for one image",
    LayerColumn.FIELD: "Height × width of the receptive field of a value in the middle, in pixels of the input;\n"
    "with padding, as papers count it, so it may be larger than the image",
    LayerColumn.INTENSITY: "FLOPs (2 × MAC) for each byte of inputs, weights and outputs, float32, one image",
    LayerColumn.TIME: "Measured time of each layer for one image",
    LayerColumn.TIME_SHARE: "Of the measured time of the whole pass",
}
NUMBERS = {
    LayerColumn.OUTPUT, LayerColumn.PARAMETERS, LayerColumn.FLOPS, LayerColumn.MEMORY, LayerColumn.FIELD,
    LayerColumn.INTENSITY, LayerColumn.TIME,
}  # fmt: skip
SHARES = {LayerColumn.SHARE, LayerColumn.TIME_SHARE}
MEASURED = {LayerColumn.TIME, LayerColumn.TIME_SHARE}
HIDEABLE = tuple(LayerColumn)[1:]


def highlight() -> QColor:
    """What is behind a name that a search found."""
    color = QColor(theme.current().accent)
    color.setAlpha(HIGHLIGHT)
    return color


class LayerModel(QAbstractItemModel):
    """Read-only. `unit` is that of the FLOPs; `everything` counts all that fvcore counts."""

    def __init__(self) -> None:
        super().__init__()
        self._root = LayerNode("", "", "", NOTHING, 0, 0, 0)
        self._table: LayerTable | None = None
        self._measurement: Measurement | None = None
        self._total = self._largest = 1
        self._longest = 1.0
        """Seconds of the stage that takes longest."""
        self._shares: dict[str, tuple[int | None, str]] = {}
        self._known_seconds: dict[LayerNode, float | None] = {}
        self._matches: frozenset[str] = frozenset()
        self.unit: FlopUnit = "flops"
        self.everything = False

    def set_table(self, table: LayerTable) -> None:
        """Set the table. Rows stay if the layers are the same, so that the selection stays."""
        before, self._table = self._table, table
        if before is None or table.architecture != before.architecture:
            self._measurement = None
        self._known_seconds.clear()
        root = make_tree(table, everything=self.everything)
        if before is not None and same_structure(before, table):
            self.layoutAboutToBeChanged.emit()  # one signal: one per block takes a view a second
            self._root.update(root)
            self._measure(root)
            self.layoutChanged.emit()
        else:
            self.beginResetModel()
            self._root = root
            self._measure(root)
            self.endResetModel()

    def set_measurement(self, measurement: Measurement | None) -> None:
        """Set the times of the layers, which are those of the table's architecture; None if there are none."""
        self.layoutAboutToBeChanged.emit()
        self._measurement = measurement
        self._known_seconds.clear()
        times = [self._seconds(node) or 0.0 for node in self._root.children() if not node.bold]
        self._longest = max(times, default=0.0) or 1.0
        self.layoutChanged.emit()

    def set_matches(self, names: Iterable[str]) -> None:
        """Highlight the rows with these names, which are what a search found."""
        self.layoutAboutToBeChanged.emit()
        self._matches = frozenset(names)
        self.layoutChanged.emit()

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
        node = self._root.named(layer.stage)
        for below in dict.fromkeys(filter(None, (layer.block, name))):
            node = node.named(below)
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
        column = LayerColumn(section)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return units.NAMES[self.unit] if column == LayerColumn.FLOPS else TITLES[column]
            case Qt.ItemDataRole.TextAlignmentRole:
                return cell_alignment(right=column in NUMBERS)
            case Qt.ItemDataRole.ToolTipRole:
                return TIPS.get(column)
        return None

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
            case Qt.ItemDataRole.BackgroundRole if column == LayerColumn.NAME and node.name in self._matches:
                return highlight()
        if role == SHARE_ROLE and column in SHARES:
            return self._bar(node, column)
        return node.stage if role == STAGE_ROLE else None

    def _bar(self, node: LayerNode, column: int) -> tuple[str, float] | None:
        """A row's share as text, and the length of its bar."""
        if node.bold:
            return None
        if column == LayerColumn.SHARE:
            return (self._share(node), (node.macs or 0) / self._largest) if node.macs else None
        seconds = self._seconds(node)
        return (self._time_share(seconds), seconds / self._longest) if seconds else None

    def _seconds(self, node: LayerNode) -> float | None:
        if node not in self._known_seconds:
            self._known_seconds[node] = node.seconds(self._measurement) if self._measurement else None
        return self._known_seconds[node]

    def _time_share(self, seconds: float) -> str:
        assert self._measurement is not None
        return f"{100 * seconds / self._measurement.per_image.median:.1f} %"

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
                return units.exact(node.parameters) if node.parameters else units.DASH
            case LayerColumn.FLOPS:
                return "…" if node.macs is None else self._flops(node.macs) if node.macs else units.DASH
            case LayerColumn.MEMORY:
                return units.memory(node.memory) if node.memory else units.DASH
            case LayerColumn.FIELD:
                return self._field(node)
            case LayerColumn.INTENSITY:
                return significant(node.intensity) if node.intensity else units.DASH
            case LayerColumn.TIME:
                return self._time(node)
            case LayerColumn.TIME_SHARE if node.bold and self._measurement and self._measurement.layers:
                return self._time_share(self._seconds(node) or 0.0)
        return ""

    def _flops(self, macs: int) -> str:
        return units.short(units.in_unit(macs, self.unit))

    def _field(self, node: LayerNode) -> str:
        """The total has none of its own: it is the last stage's."""
        if node.bold or not node.last_layer or self._table is None:
            return ""
        return dimensions(field_sides(self._table.architecture)[node.last_layer])

    def _time(self, node: LayerNode) -> str:
        if self._measurement is None:
            return units.DASH
        if node.bold:
            return short_time(self._measurement.per_image.median)
        seconds = self._seconds(node)
        return short_time(seconds) if seconds else units.DASH

    def _tip(self, node: LayerNode, column: int) -> str:
        match column:
            case LayerColumn.FLOPS if node.macs is not None:
                what = "multiply-adds" if self.unit == "flops" else "FLOPs, 2 per multiply-add"
                return f"{units.exact(units.in_unit(node.macs, self.unit))} {what}"
            case LayerColumn.MEMORY:
                return f"{units.exact(node.memory)} bytes: all outputs, float32, one image"
            case LayerColumn.SHARE if not node.bold:
                return f"{percent((node.macs or 0) / self._total)} of the total"
            case LayerColumn.TIME | LayerColumn.TIME_SHARE:
                return self._time_tip(node)
        return "\n".join(filter(None, (node.note, node.formula))) or node.name

    def _time_tip(self, node: LayerNode) -> str:
        """How long a row takes, how much of the pass that is, and how quickly it computes."""
        if self._measurement is None:
            return NOT_MEASURED
        seconds = self._seconds(node)
        if not seconds:
            return "no layer that can be timed by itself"
        reached = units.short(round(units.in_unit(node.macs or 0, self.unit) / seconds))
        what = "in its layers" if node.bold else "for each image"
        lines = (
            f"{short_time(seconds)} {what}, {self._time_share(seconds)} of the pass",
            f"{reached} {units.NAMES[self.unit]} a second" if node.macs else "",
        )
        return "\n".join(filter(None, lines))
