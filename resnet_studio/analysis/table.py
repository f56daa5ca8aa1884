"""The layer table: what every layer, block and stage of a network costs. Needs no torch.

`plan_table` gives it at once from the plan's closed form; `analysis/counting.py` gives it as fvcore counts it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Any, NamedTuple

from resnet_studio.networks.architecture import Architecture, to_json
from resnet_studio.networks.layers import NOTHING, Layer, Shape
from resnet_studio.networks.plan import plan


class LayerRow(NamedTuple):
    """One layer and its cost in multiply-adds.

    `macs` counts convolutions and linear layers, as the paper does, and attention; `macs_all` is fvcore's total with
    batch norm and average pooling, and None where only the plan has been asked.
    """

    layer: Layer
    macs: int
    macs_all: int | None

    @property
    def name(self) -> str:
        return self.layer.name

    @property
    def stage(self) -> str:
        return self.layer.stage

    @property
    def kind(self) -> str:
        return self.layer.kind

    @property
    def output(self) -> Shape:
        return self.layer.output

    @property
    def parameters(self) -> int:
        return self.layer.parameters

    @property
    def activation_bytes(self) -> int:
        return self.layer.activation_bytes


@dataclass(frozen=True)
class BlockGroup:
    """Rows that belong together: a block, a stage, a network. Every figure is the sum of its rows."""

    name: str
    rows: tuple[LayerRow, ...]

    @cached_property
    def output(self) -> Shape:
        return next((row.output for row in reversed(self.rows) if row.output != NOTHING), NOTHING)

    @cached_property
    def parameters(self) -> int:
        return sum(row.layer.parameters for row in self.rows)

    @cached_property
    def macs(self) -> int:
        return sum(row.macs for row in self.rows)

    @cached_property
    def macs_all(self) -> int | None:
        counted = [row.macs_all for row in self.rows if row.macs_all is not None]
        return sum(counted) if len(counted) == len(self.rows) else None

    @cached_property
    def activation_bytes(self) -> int:
        return sum(row.layer.activation_bytes for row in self.rows)

    @cached_property
    def blocks(self) -> tuple[BlockGroup, ...]:
        """The rows gathered by block; layers outside any block (the stem, the head) are not among them."""
        return _grouped((row for row in self.rows if row.layer.block), lambda row: row.layer.block)


@dataclass(frozen=True, slots=True)
class CounterChecks:
    """Independent counters of the same network; None where one was not asked.

    `fvcore` and `torch` (FlopCounterMode / 2) and `plan` (closed form) count convolutions, linear layers and
    attention's matrix products in multiply-adds; `torchinfo` and `plan_parameters` count parameters.
    """

    fvcore: int
    torch: int
    plan: int
    torchinfo: int
    plan_parameters: int

    @property
    def agree(self) -> bool:
        return self.fvcore == self.torch == self.plan and self.torchinfo == self.plan_parameters


@dataclass(frozen=True)
class LayerTable:
    """The rows of one architecture, one image at a time, with what is not in them."""

    architecture: Architecture
    rows: tuple[LayerRow, ...]
    uncounted: dict[str, int] = field(default_factory=dict)
    """Operations that fvcore has no count for, with how often they occur: {"aten::add": 16, …}."""
    checks: CounterChecks | None = None
    """Results of the other counters; None as long as the table comes from the plan alone."""
    products: int = 0
    """Multiply-adds of attention's matrix products, once they are counted; they are in the rows."""

    def __reduce__(self) -> tuple[Callable[..., LayerTable], tuple[Any, ...]]:
        """What is not in the plan already: the window has that, and reads thousands of rows in no time."""
        costs = [[row.macs for row in self.rows], [row.macs_all for row in self.rows]]
        return _joined, (self.architecture, *costs, self.uncounted, self.checks, self.products)

    @property
    def counted(self) -> bool:
        """Whether fvcore has counted these rows; otherwise they are the plan's closed form."""
        return self.checks is not None

    @cached_property
    def input(self) -> tuple[int, int, int, int]:
        return 1, *self.architecture.input_shape

    @cached_property
    def totals(self) -> BlockGroup:
        return BlockGroup("total", self.rows)

    @cached_property
    def stages(self) -> tuple[BlockGroup, ...]:
        """The rows of the paper's Table 1: conv1, conv2_x, …, fc."""
        return _grouped(self.rows, lambda row: row.layer.stage)

    def to_json(self) -> dict[str, Any]:
        """The table as plain JSON values; FLOPs are in multiply-adds (`macs`)."""
        totals = self.totals
        names = ("parameters", "macs", "macs_all", "activation_bytes")
        return {
            "architecture": to_json(self.architecture),
            "input": list(self.input),
            "totals": {name: getattr(totals, name) for name in names},
            "stages": [
                {"name": stage.name, "output": list(stage.output)} | {name: getattr(stage, name) for name in names}
                for stage in self.stages
            ],
            "rows": [_row_json(row) for row in self.rows],
            "uncounted": self.uncounted,
        }


@lru_cache(maxsize=8)
def plan_table(architecture: Architecture) -> LayerTable:
    """The table as the plan's closed form has it, without waiting for a counter."""
    return LayerTable(architecture, tuple(LayerRow(layer, layer.macs, None) for layer in plan(architecture)))


def table_steps(table: LayerTable) -> Iterator[None]:
    """Work out a table's sums and blocks, which are remembered, with a yield after each."""
    for group in (table.totals, *table.stages):
        for column in ("parameters", "macs", "macs_all", "activation_bytes", "output"):
            getattr(group, column)
            yield
    for stage in table.stages:
        _ = stage.blocks
        yield


def _joined(
    architecture: Architecture, macs: list[int], macs_all: list[int | None], uncounted: dict[str, int],
    checks: CounterChecks | None, products: int,
) -> LayerTable:  # fmt: skip
    """The inverse of a table's `__reduce__`."""
    rows = tuple(map(LayerRow, plan(architecture), macs, macs_all))
    return LayerTable(architecture, rows, uncounted, checks, products)


def _grouped(rows: Iterable[LayerRow], key: Callable[[LayerRow], str]) -> tuple[BlockGroup, ...]:
    return tuple(BlockGroup(name, tuple(group)) for name, group in groupby(rows, key))


def _row_json(row: LayerRow) -> dict[str, Any]:
    layer = row.layer
    return {
        "name": layer.name,
        "stage": layer.stage,
        "block": layer.block,
        "kind": layer.kind,
        "kernel": layer.kernel,
        "stride": layer.stride,
        "padding": layer.padding,
        "output": list(layer.output),
        "parameters": layer.parameters,
        "macs": row.macs,
        "macs_all": row.macs_all,
        "activation_bytes": layer.activation_bytes,
    }
