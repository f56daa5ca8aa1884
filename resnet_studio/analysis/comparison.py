"""Architectures side by side, aligned by stage. Needs no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, Literal

from resnet_studio.analysis.results import NOTHING, NetworkResults
from resnet_studio.analysis.table import BlockGroup, LayerTable
from resnet_studio.networks.architecture import Architecture, Residual, to_json
from resnet_studio.networks.layers import Layer, Shape, kernel_line
from resnet_studio.networks.presets import title
from resnet_studio.progress import finish

Cost = Literal["parameters", "macs", "activation_bytes"]
WEIGHTED, MOST_LINES = ("conv", "linear", "attention"), 6
"""Kinds of layers that make up a stage without blocks, and how many different ones in a row are listed."""
COSTS: tuple[Cost, ...] = ("parameters", "macs", "activation_bytes")


@dataclass(frozen=True, slots=True)
class ComparisonCell:
    """One stage, or the whole, of one architecture."""

    output: Shape
    makeup: str
    """What it is made of: "3 × [1×1, 64; 3×3, 64; 1×1, 256], 1 projection"."""
    parameters: int
    macs: int
    activation_bytes: int
    layers: int


@dataclass(frozen=True, slots=True)
class ComparisonLine:
    """A stage in every architecture; None where one doesn't have it. The first is the reference."""

    name: str
    cells: tuple[ComparisonCell | None, ...]

    def differs(self, index: int) -> bool:
        """Whether the architecture's stage is another than the first architecture's."""
        return self.cells[index] != self.cells[0]

    def delta(self, index: int, cost: Cost) -> int:
        """How much more it costs than in the first; a stage that isn't there costs nothing."""
        return self.cost(index, cost) - self.cost(0, cost)

    def relative(self, index: int, cost: Cost) -> float | None:
        """The delta as a part of what the first costs; None where that is nothing."""
        reference = self.cost(0, cost)
        return self.delta(index, cost) / reference if reference else None

    def cost(self, index: int, cost: Cost) -> int:
        cell = self.cells[index]
        return 0 if cell is None else int(getattr(cell, cost))


@dataclass(frozen=True, slots=True)
class Comparison:
    architectures: tuple[Architecture, ...]
    lines: tuple[ComparisonLine, ...]
    total: ComparisonLine
    results: tuple[NetworkResults, ...]
    """What was measured of each architecture, and reached by training it."""

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(map(title, self.architectures))

    @property
    def depths(self) -> tuple[int, ...]:
        """Weighted layers on the main path, as the paper counts them."""
        return tuple(architecture.depth for architecture in self.architectures)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; costs are in multiply-adds (`macs`) and bytes, deltas to the first architecture."""
        return {
            "architectures": [
                {"title": name, "depth": architecture.depth, "architecture": to_json(architecture)}
                for name, architecture in zip(self.titles, self.architectures, strict=True)
            ],
            "stages": [_line_json(line) for line in self.lines],
            "totals": _line_json(self.total)["cells"],
        }


def compare(tables: Sequence[LayerTable], results: Mapping[Architecture, NetworkResults] | None = None) -> Comparison:
    """Put layer tables side by side, in the given order; `ValueError` if there are none.

    `results` has what else is known of some of the architectures.
    """
    return finish(compare_steps(tables, results))


def compare_steps(
    tables: Sequence[LayerTable], results: Mapping[Architecture, NetworkResults] | None = None
) -> Generator[None, None, Comparison]:
    """The same, with a yield after each stage of each table: the window's event loop can run in between."""
    if not tables:
        raise ValueError("nothing to compare: name at least one architecture")
    stages: list[dict[str, ComparisonCell]] = []
    for table in tables:
        stages.append({})
        for stage in table.stages:
            stages[-1][stage.name] = _cell(stage, makeup(stage, table.architecture))
            yield
    lines = tuple(ComparisonLine(name, tuple(cells.get(name) for cells in stages)) for name in merged(stages))
    total = ComparisonLine(
        "total", tuple(_cell(table.totals, f"{table.architecture.depth} weighted layers") for table in tables)
    )
    architectures = tuple(table.architecture for table in tables)
    known = results or {}
    return Comparison(architectures, lines, total, tuple(known.get(network, NOTHING) for network in architectures))


def merged(sequences: Sequence[Iterable[str]]) -> list[str]:
    """All names, each once, in an order that is that of every sequence as far as they agree: those of a sequence that
    shares none with the ones before it come last."""
    found: list[str] = []
    for names in map(list, sequences):
        place = next((found.index(name) for name in names if name in found), len(found))
        for name in names:
            if name in found:
                place = found.index(name) + 1
            else:
                found.insert(place, name)
                place += 1
    return found


def makeup(stage: BlockGroup, architecture: Architecture) -> str:
    """What a stage is made of, as the paper's Table 1 writes it, with its stride and what its shortcuts need."""
    if not isinstance(architecture, Residual) or not stage.blocks:
        return makeup_of_modules([row.layer for row in stage.rows])
    layers = [[row.layer for row in block.rows if row.layer.called] for block in stage.blocks]
    blocks = _run_lengths("; ".join(architecture.block.lines(block)) for block in layers)
    return ", ".join([blocks, *_stride(layers[0]), *_shortcuts([layer for block in layers for layer in block])])


def makeup_of_modules(layers: Sequence[Layer]) -> str:
    """A stage without blocks: its layers with weights, or how many of each kind there are if there are many."""
    called = [layer for layer in layers if any(layer.output)]
    if not called:
        return ", ".join(dict.fromkeys(one.kind if one.kind == "parameter" else "never called" for one in layers))
    weighted = [layer for layer in called if layer.kind in WEIGHTED]
    lines = _run_lengths(map(_layer, weighted))
    if lines.count(";") < MOST_LINES:
        return lines or ", ".join(dict.fromkeys(layer.kind for layer in called))
    return ", ".join(f"{times} {kind}" for kind, times in Counter(layer.kind for layer in weighted).items())


def _run_lengths(parts: Iterable[str]) -> str:
    counted = [(part, len(list(run))) for part, run in groupby(parts)]
    return "; ".join(f"{count} × [{part}]" if count > 1 or ";" in part else part for part, count in counted)


def _stride(block: list[Layer]) -> list[str]:
    """Where a bottleneck halves the size. A basic block has only one place for it."""
    main = [layer for layer in block if _on_main_path(layer)]
    strided = [layer for layer in main if layer.stride > 1]
    return [f"stride on the {layer.kernel}×{layer.kernel}" for layer in strided if len(main) == 3]


def _shortcuts(layers: list[Layer]) -> list[str]:
    kinds = Counter(layer.kind for layer in layers)
    if not kinds["add"]:
        return ["no shortcuts"]
    projections = sum(layer.kind == "conv" and layer.role == "shortcut" for layer in layers)
    found = {"projection": projections, "zero pad": kinds["zero pad"]}
    return [f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in found.items() if count]


def _on_main_path(layer: Layer) -> bool:
    return layer.kind == "conv" and layer.on_main_path


def _layer(layer: Layer) -> str:
    if layer.kind == "linear":
        return f"{layer.output[0]}-d fc"
    if layer.kind == "attention":
        return f"{layer.output[0]}-d attention"
    return kernel_line(layer) + (f", stride {layer.stride}" if layer.stride > 1 else "")


def _cell(group: BlockGroup, parts: str) -> ComparisonCell:
    return ComparisonCell(group.output, parts, group.parameters, group.macs, group.activation_bytes, len(group.rows))


def _line_json(line: ComparisonLine) -> dict[str, Any]:
    return {"name": line.name, "cells": [_cell_json(line, index) for index in range(len(line.cells))]}


def _cell_json(line: ComparisonLine, index: int) -> dict[str, Any] | None:
    cell = line.cells[index]
    if cell is None:
        return None
    deltas = {cost: {"absolute": line.delta(index, cost), "relative": line.relative(index, cost)} for cost in COSTS}
    return {**asdict(cell), "output": list(cell.output), "differs": line.differs(index), "delta": deltas}
