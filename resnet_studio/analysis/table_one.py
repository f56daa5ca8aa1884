"""The paper's Table 1 row by row, for whichever networks stand in it: their blocks, then their FLOPs. Needs no Qt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from typing import Literal

from resnet_studio.analysis import units
from resnet_studio.analysis.comparison import makeup_of_modules
from resnet_studio.analysis.published import PublishedFigure, VerifiedFigure, nearest_figure
from resnet_studio.analysis.table import BlockGroup, plan_table
from resnet_studio.formatting import dimensions
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.baselines import PLAIN
from resnet_studio.networks.layers import Layer, kernel_line
from resnet_studio.networks.presets import title

Tone = Literal["", "good", "bad", "muted"]
FLOPS, G = "FLOPs", 10**9
FIGURES = ("published", "measured", "difference", "verdict")


@dataclass(frozen=True, slots=True)
class TableOneNetwork:
    """A column: a network and, once it is measured, its FLOPs with the published ones."""

    architecture: Architecture
    is_current: bool = False
    result: VerifiedFigure | None = None

    @property
    def figure(self) -> PublishedFigure | None:
        """The published FLOPs that the network is held against."""
        return self.result.figure if self.result else expected(self.architecture)


@dataclass(frozen=True, slots=True)
class TableOneItem:
    """What one network has in one row: a stage, or a figure."""

    text: str
    tip: str
    tone: Tone = ""
    blocks: BlockCell | None = None


@dataclass(frozen=True, slots=True)
class TableOneRow:
    name: str
    detail: str
    items: tuple[TableOneItem, ...]
    pool: bool = False
    """Whether it is conv2_x's row for its max pool; a network without one shows its stage there already."""


def expected(architecture: Architecture) -> PublishedFigure | None:
    """The FLOPs that are published of a network: its own, else the paper's of one of its depth."""
    figure = nearest_figure(architecture)
    return figure if figure and figure.quantity == "macs" else None


def has_stages(architecture: Architecture) -> bool:
    """Whether the network consists of the table's stages: all but those baselines whose parts are of their own."""
    return isinstance(architecture, Residual) or architecture.name in PLAIN


def rows(networks: Sequence[TableOneNetwork]) -> tuple[TableOneRow, ...]:
    """The stages of the deepest network, then the four rows of figures."""
    columns = [block_cells(network.architecture) for network in networks]
    stages = max(columns, key=len, default={})
    found = [row for stage in stages for row in _stage(stage, networks, [column.get(stage) for column in columns])]
    figures = (TableOneRow(FLOPS, what, tuple(_figure(what, network) for network in networks)) for what in FIGURES)
    return (*found, *figures)


def _stage(stage: str, networks: Sequence[TableOneNetwork], cells: Sequence[BlockCell | None]) -> Iterator[TableOneRow]:
    size = Counter(cell.size for cell in cells if cell).most_common(1)[0][0]
    shown = [replace(cell, below=() if cell.size == size else (cell.size,)) if cell else None for cell in cells]
    tips = [_stage_tip(network, stage) for network in networks]
    if stage == "conv2_x" and any(cell.pool for cell in shown if cell):
        alone = [replace(cell, pool=()) if cell else None for cell in shown]
        pools = [BlockCell(cell.pool, 0, "") if cell and cell.pool else cell for cell in shown]
        yield TableOneRow(stage, size, _items(pools, tips), pool=True)
        shown = alone
    yield TableOneRow(stage, size, _items(shown, tips))


def _items(cells: Sequence[BlockCell | None], tips: Sequence[str]) -> tuple[TableOneItem, ...]:
    return tuple(
        TableOneItem(cell.words if cell else "", tip, blocks=cell) for cell, tip in zip(cells, tips, strict=True)
    )


def _stage_tip(network: TableOneNetwork, stage: str) -> str:
    group = stage_groups(network.architecture).get(stage)
    if group is None:
        return f"{title(network.architecture)} has no {stage}"
    output = dimensions(group.output)
    costs = f"{units.exact(group.parameters)} parameters, {units.exact(group.macs)} FLOPs"
    return (
        f"{title(network.architecture)}, {stage}: {block_cells(network.architecture)[stage].words}\n{output}, {costs}"
    )


def _figure(what: str, network: TableOneNetwork) -> TableOneItem:
    figure, result = network.figure, network.result
    if figure is None:
        return _unpublished(what, network)
    if what == "published":
        return TableOneItem(figure.text, f"{units.exact(figure.value)} {figure.unit}: {figure.source}", "muted")
    if result is None:
        return TableOneItem("…", "Measuring…", "muted")
    more = result.measured - figure.value
    match what:
        case "measured":
            exact = f"{units.exact(result.measured)} multiply-adds in {figure.counting.layers}, counted by fvcore"
            return TableOneItem(units.scaled(result.measured, figure.scale), exact)
        case "difference":
            exact = f"{units.signed(more)} multiply-adds vs. {figure.text}"
            return TableOneItem(units.delta_scaled(more, figure.scale), exact, "muted")
    return TableOneItem(
        "✓ matches" if result.holds else "✗ doesn't match", result.reason, "good" if result.holds else "bad"
    )


def _unpublished(what: str, network: TableOneNetwork) -> TableOneItem:
    if what != "measured":
        return TableOneItem(units.DASH, "No published FLOPs for this network", "muted")
    macs = sum(stage.macs for stage in stage_groups(network.architecture).values())
    return TableOneItem(
        units.scaled(macs, G), f"{units.exact(macs)} multiply-adds in conv + fc, analytic count", "muted"
    )


@dataclass(frozen=True, slots=True)
class BlockCell:
    """One stage of one network. With `times` the lines stand in brackets and are repeated that often; else they are
    one text that may be broken between them."""

    lines: tuple[str, ...]
    times: int
    size: str
    """Height × width of the stage's output."""
    pool: tuple[str, ...] = ()
    """The max pool that the stage begins with."""
    below: tuple[str, ...] = ()
    """What is worth a quiet line under the blocks."""

    @property
    def words(self) -> str:
        """The cell for a screen reader or a tooltip."""
        blocks = f"{self.times} × [{'; '.join(self.lines)}]" if self.times else ", ".join(self.lines)
        return ", ".join((*self.pool, blocks))


@lru_cache(maxsize=64)
def stage_groups(architecture: Architecture) -> dict[str, BlockGroup]:
    """The stages of a network by name, from conv1 to fc, with what they cost by the plan's closed form."""
    return {stage.name: stage for stage in plan_table(architecture).stages}


@lru_cache(maxsize=64)
def block_cells(architecture: Architecture) -> dict[str, BlockCell]:
    """The cells of a network by the name of their stage."""
    return {name: _cell(stage, architecture) for name, stage in stage_groups(architecture).items()}


def _cell(stage: BlockGroup, architecture: Architecture) -> BlockCell:
    layers = [row.layer for row in stage.rows if row.layer.called]
    size = dimensions(stage.output[1:]) if any(stage.output) else units.DASH
    if not (isinstance(architecture, Residual) or architecture.name in PLAIN):
        return BlockCell((makeup_of_modules([row.layer for row in stage.rows]),), 0, size)
    pools = [layer for layer in layers if layer.kind == "max pool"]
    pool = tuple(part for layer in pools for part in (f"{layer.kernel}×{layer.kernel} max pool", *_stride(layer)))
    if stage.name == "fc":
        return BlockCell(_head(layers), 0, size, pool)
    if not isinstance(architecture, Residual) or not stage.blocks:
        return BlockCell(*_convolutions(layers), size, pool)
    block = [row.layer for row in stage.blocks[0].rows if row.layer.called]
    return BlockCell(architecture.block.lines(block), len(stage.blocks), size, pool)


def _convolutions(layers: list[Layer]) -> tuple[tuple[str, ...], int]:
    """The convolutions of a stage without blocks; equal ones in a row are one, repeated."""
    convolutions = [layer for layer in layers if layer.kind == "conv"]
    if len(convolutions) == 1:
        return (kernel_line(convolutions[0]), *_stride(convolutions[0])), 0
    lines = tuple(map(kernel_line, convolutions))
    return (lines[:1], len(lines)) if len(set(lines)) == 1 else (lines, 1)


def _stride(layer: Layer) -> tuple[str, ...]:
    return (f"stride {layer.stride}",) if layer.stride > 1 else ()


def _head(layers: list[Layer]) -> tuple[str, ...]:
    """Pooling and classifier. An average pool that finds the size it makes is not worth a word."""
    parts = [f"{layer.output[0]}-d fc" for layer in layers if layer.kind == "linear"]
    runs = ((part, len(list(run))) for part, run in groupby(parts))
    pooled = any(layer.kind == "average pool" and layer.input != layer.output for layer in layers)
    classifier = (f"{times} × {part}" if times > 1 else part for part, times in runs)
    return (*(["average pool"] if pooled else []), *classifier, "softmax")
