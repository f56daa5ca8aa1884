"""The rows of the layer table as a tree: stages, their blocks, the blocks' layers, and the total."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

from resnet_studio.analysis.formulas import formulas, kernel_text
from resnet_studio.analysis.intensity import intensity_of
from resnet_studio.analysis.measurement import Measurement
from resnet_studio.analysis.table import BlockGroup, LayerRow, LayerTable
from resnet_studio.formatting import counted
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.layers import NOTHING, Shape
from resnet_studio.networks.plan import blocks


@dataclass(eq=False)
class LayerNode:
    """One row of the tree."""

    name: str
    stage: str
    kernel: str
    output: Shape
    parameters: int
    macs: int | None
    memory: int
    rows: tuple[LayerRow, ...] = ()
    """The layers it sums up."""
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

    @cached_property
    def last_layer(self) -> str:
        """The layer whose output this row gives; empty if none is ever called."""
        return next((row.layer.name for row in reversed(self.rows) if row.output != NOTHING), "")

    @cached_property
    def intensity(self) -> float | None:
        """FLOPs (2 × MAC) per byte that its layers move for one image."""
        return intensity_of(row.layer for row in self.rows)

    def seconds(self, measurement: Measurement) -> float | None:
        """The time of its layers for each image; None if none of them was timed."""
        known = [measurement.layers[row.layer.name] for row in self.rows if row.layer.name in measurement.layers]
        return sum(known) / measurement.spec.batch if known else None

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

    def named(self, name: str) -> LayerNode:
        """The child of that name."""
        return next(child for child in self.children() if child.name == name)

    def update(self, new: LayerNode) -> None:
        """Take over the values of a row of the same name, and those of its descendants that are created already."""
        self.kernel, self.output, self.parameters = new.kernel, new.output, new.parameters
        self.macs, self.memory, self.formula, self.note = new.macs, new.memory, new.formula, new.note
        self.rows = new.rows
        for name in ("last_layer", "intensity"):
            self.__dict__.pop(name, None)
        for row, child in enumerate(self.loaded):
            child.update(new.child(row))
        self.unloaded = new.unloaded


def make_tree(table: LayerTable, *, everything: bool) -> LayerNode:
    """The root, whose children are the stages and the total; `everything` counts all that fvcore counts."""
    lines = [_stage_node(table, stage, everything) for stage in table.stages]
    total = _group_node(table.totals, "", "", everything)
    total.output, total.bold = NOTHING, True
    return LayerNode("", "", "", NOTHING, 0, 0, 0, length=len(lines) + 1, unloaded=iter([*lines, total]))


def same_structure(one: LayerTable, other: LayerTable) -> bool:
    """Whether both have the same rows, whatever their values."""
    a, b = one.architecture, other.architecture
    if not isinstance(a, Residual) or not isinstance(b, Residual):
        return a == b
    same_kind = (type(a.block), a.stem, a.se > 0) == (type(b.block), b.stem, b.se > 0)
    return same_kind and _rows_of_blocks(a) == _rows_of_blocks(b)


def _rows_of_blocks(architecture: Residual) -> list[tuple[str, str, int]]:
    """What decides, with the kind of block, which layers each block has."""
    return [(block.name, block.shortcut, block.stride) for block in blocks(architecture)]


def _stage_node(table: LayerTable, stage: BlockGroup, everything: bool) -> LayerNode:
    """A stage's row, with its blocks and the layers that are in no block as children."""
    block_names = [row.layer.block for row in stage.rows]
    count = len(set(block_names) - {""})
    alone = kernel_text(stage.rows[0].layer) if len(stage.rows) == 1 else ""
    node = _group_node(stage, stage.name, counted(count, "block") if count else alone, everything)
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
    return LayerNode(
        group.name, stage, kernel, group.output, group.parameters, macs, group.activation_bytes, group.rows
    )


def _row_node(row: LayerRow, everything: bool) -> LayerNode:
    layer = row.layer
    macs = row.macs_all if everything else row.macs
    return LayerNode(
        layer.name, layer.stage, kernel_text(layer), layer.output, layer.parameters, macs, layer.activation_bytes,
        (row,), formula="\n".join(formulas(layer)), note=f"{layer.name}: {layer.kind}",
    )  # fmt: skip
