"""Layer tables, presets and verifications as grids of strings, for whoever prints them. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

from resnet_studio.analysis.comparison import makeup
from resnet_studio.analysis.preset_figures import planned_figures
from resnet_studio.analysis.published import VerifiedFigure
from resnet_studio.analysis.quantities import QUANTITIES
from resnet_studio.analysis.table import BlockGroup, LayerTable, plan_table
from resnet_studio.analysis.units import (  # fmt: skip
    DASH,
    LABELS,
    FlopUnit,
    delta_scaled,
    exact,
    in_unit,
    memory,
    scaled,
    share,
    short,
)
from resnet_studio.formatting import dimensions, percentages
from resnet_studio.networks.architecture import LATER, Architecture, Residual
from resnet_studio.networks.layers import NOTHING, Layer, Shape
from resnet_studio.networks.own_module import OwnModule
from resnet_studio.networks.plan import blocks
from resnet_studio.networks.presets import field_text


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of strings. `right` names the columns of numbers, `rules` the rows under which a line is drawn."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()
    rules: frozenset[int] = frozenset()


def layer_grid(table: LayerTable, unit: FlopUnit = "flops", *, layers: bool = False) -> Grid:
    """The paper's Table 1 as rows: stages with their blocks, equal consecutive ones merged; or with every layer."""
    rows: list[tuple[str, ...]] = []
    for stage in table.stages:
        rows.append(_costs(stage.name, makeup(stage, table.architecture), stage, table, unit))
        parts = _layers(stage) if layers else _blocks(table, stage)
        rows += [_costs(f"  {part.name}", what, part, table, unit) for part, what in parts]
    last = len(rows) - 1
    rows.append(_costs("total", f"{table.architecture.depth} weighted layers", table.totals, table, unit))
    header = ("stage", "layers", "output", "parameters", LABELS[unit], "activation memory", "% of FLOPs")
    return Grid(header, tuple(rows), frozenset({3, 4, 5, 6}), frozenset({last}))


def shape(output: Shape) -> str:
    """Channels × height × width; a dash for what is never called."""
    return dimensions(output) if any(output) else DASH


def preset_grid(presets: Mapping[str, Architecture]) -> Grid:
    """The named architectures, what they cost in the plan's closed form, and whether published figures say the same."""
    rows = []
    for name, architecture in presets.items():
        totals = plan_table(architecture).totals
        costs = exact(totals.parameters), short(totals.macs)
        size = dimensions(architecture.image_size)
        rows.append((name, _kind(architecture), str(architecture.depth), size, *costs, *_published(name)))
    header = ("preset", "kind", "depth", "image", "parameters", LABELS["flops"], "published", "match")
    return Grid(header, tuple(rows), frozenset({2, 4, 5}))


def _published(name: str) -> tuple[str, str]:
    """The first published figure of a preset, and how many of all match."""
    results = planned_figures(name)
    if not results:
        return DASH, ""
    figure, holding = results[0].figure, sum(result.holds for result in results)
    sign = "✓" if holding == len(results) else "✗"
    return f"{figure.text} ({figure.publisher})", f"{sign} {holding} of {len(results)}"


def _kind(architecture: Architecture) -> str:
    if isinstance(architecture, OwnModule):
        return "own network"
    if not isinstance(architecture, Residual):
        return "baseline, torchvision's implementation"
    block = architecture.block
    if block.variant == "article":
        return f"{block.label}, article's implementation"
    if architecture.shortcut == "none":
        return f"{block.label}, plain"
    values = architecture.values()
    fields = [name for name in ("stride_on", *LATER) if name in values and values[name] != LATER.get(name)]
    parts = [block.label, f"shortcut {architecture.shortcut}", *(field_text(name, values[name]) for name in fields)]
    return ", ".join((*parts, *([] if architecture.stem in ("imagenet", "cifar") else ["deep stem"])))


def verification_grids(results: Iterable[VerifiedFigure]) -> Iterator[tuple[str, Grid]]:
    """For each source a row for every figure: what is printed, what is measured, and why they agree or not."""
    header = ("network", "quantity", "published", "measured", "difference", "", "reason")
    for source, of_source in groupby(results, key=lambda result: result.figure.source):
        yield source, Grid(header, tuple(map(_verified_row, of_source)), right=frozenset({2, 3, 4}))


def _verified_row(result: VerifiedFigure) -> tuple[str, ...]:
    figure = result.figure
    measured = scaled(result.measured, figure.scale) if figure.scale > 1 else exact(result.measured)
    return (
        figure.name,
        QUANTITIES[figure.quantity],
        figure.text,
        measured,
        delta_scaled(result.measured - figure.value, figure.scale),
        "✓" if result.holds else "✗",
        result.reason,
    )


def _costs(name: str, what: str, group: BlockGroup, table: LayerTable, unit: FlopUnit) -> tuple[str, ...]:
    macs = group.macs
    return (
        name,
        what,
        shape(group.output),
        exact(group.parameters) if group.parameters else DASH,
        short(in_unit(macs, unit)) if macs else DASH,
        memory(group.activation_bytes) if group.activation_bytes else DASH,
        _share(group, table) if macs else DASH,
    )


def _share(group: BlockGroup, table: LayerTable) -> str:
    """Of the whole. Stages add up to 100 %, and what costs as much as its stage has the stage's number."""
    shares = percentages([stage.macs for stage in table.stages])
    for stage, shown in zip(table.stages, shares, strict=True):
        if group.name == stage.name or (group.macs == stage.macs and group in stage.blocks):
            return shown
    return share(group.macs, table.totals.macs)


def _blocks(table: LayerTable, stage: BlockGroup) -> Iterator[tuple[BlockGroup, str]]:
    """The stage's blocks; consecutive ones that cost the same share a row."""
    if not isinstance(table.architecture, Residual):
        return
    planned = [block for block in blocks(table.architecture) if block.stage == stage.name]
    pairs = zip(stage.blocks, planned, strict=True)
    for block, run in groupby(pairs, key=lambda pair: replace(pair[1], name="")):
        groups = [group for group, _ in run]
        name = groups[0].name if len(groups) == 1 else f"{groups[0].name} … {groups[-1].name}"
        count = f"{len(groups)} × " if len(groups) > 1 else ""
        yield BlockGroup(name, tuple(row for group in groups for row in group.rows)), f"{count}{block.label}"


def _layers(stage: BlockGroup) -> Iterator[tuple[BlockGroup, str]]:
    for row in stage.rows:
        yield BlockGroup(row.name, (row,)), _window(row.layer)


def _window(layer: Layer) -> str:
    if layer.output == NOTHING:
        return layer.kind if layer.kind == "parameter" else f"{layer.kind}, never called"
    if not layer.kernel:
        return layer.kind
    padding = f", padding {layer.padding}" if layer.padding else ""
    stride = f", stride {layer.stride}" if layer.stride > 1 else ""
    return f"{layer.kind} {layer.kernel_text}{stride}{padding}"
