"""The rows of a comparison: output, blocks and costs of every stage. Needs neither torch nor Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from resnet_studio.analysis import units
from resnet_studio.analysis.comparison import COSTS, Comparison, ComparisonLine, Cost
from resnet_studio.analysis.table_one import BlockCell, block_cells, has_stages
from resnet_studio.formatting import dimensions
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.layers import Shape

Shown = Literal["all", "blocks", "parameters", "macs", "activation_bytes"]
LABELS: dict[Cost, tuple[str, str]] = {
    "parameters": ("parameters", "parameters"),
    "macs": ("FLOPs", "multiply-adds in conv + fc"),
    "activation_bytes": ("activations", "bytes of activations"),
}
"""A cost as a row calls it, and what its exact value counts."""


@dataclass(frozen=True, slots=True)
class ComparisonEntry:
    """What one network has in one row, and how that stands to the first network."""

    value: str
    differs: bool = False
    delta: str = ""
    share: str = ""
    """The delta in per cent, or as a factor."""
    tip: str = ""
    number: int = 0
    bar: float | None = None
    """Part of the longest bar, where one cost alone is shown."""
    blocks: BlockCell | None = None
    matched: bool = True
    """Whether it can be held against the first network's: not a part that only one of both has by design."""

    @property
    def words(self) -> str:
        """The whole entry in one line, for a screen reader."""
        sign = "≠" if self.differs and self.matched else ""
        return " ".join(filter(None, (self.blocks.words if self.blocks else self.value, sign, self.delta, self.share)))


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """A row of one stage or of the whole, with an entry for every network."""

    name: str
    label: str
    entries: tuple[ComparisonEntry, ...]


def rows(comparison: Comparison, shown: Shown) -> tuple[ComparisonRow, ...]:
    """The whole first, as it is what is asked for first; then the stages in order."""
    costs: tuple[Cost, ...] = COSTS if shown == "all" else tuple(cost for cost in COSTS if cost == shown)
    found = [_depths(comparison)] if shown in ("all", "blocks") else []
    found += [_costs(comparison.total, cost) for cost in costs]
    staged = [has_stages(architecture) for architecture in comparison.architectures]
    for line in comparison.lines:
        rows_of_line = [_outputs(line), *_block_counts(line, comparison)] if shown == "all" else []
        rows_of_line += [_makeups(line, comparison)] if shown == "blocks" else []
        rows_of_line += [_costs(line, cost) for cost in costs]
        found += [_with_unmatched(row, line, staged) for row in rows_of_line]
    return tuple(found if shown in ("all", "blocks") else _with_bars(found))


def _with_unmatched(row: ComparisonRow, line: ComparisonLine, staged: Sequence[bool]) -> ComparisonRow:
    """The row without differences in what only one of two networks has, if they don't both have the paper's stages."""
    return replace(
        row,
        entries=tuple(
            entry
            if (cell is None) == (line.cells[0] is None) or (staged[0] and staged[column])
            else _absent(line, differs=False, matched=False)
            if cell is None
            else replace(entry, matched=False, delta="", share="", tip=entry.tip.partition("\n")[0])
            for column, (entry, cell) in enumerate(zip(row.entries, line.cells, strict=True))
        ),
    )


def _depths(comparison: Comparison) -> ComparisonRow:
    return ComparisonRow("total", "depth", _integers(comparison.depths, "weighted layers"))


def shape(output: Shape) -> str:
    """Channels × height × width; a dash for what is no layer, such as a class token."""
    return dimensions(output) if any(output) else units.DASH


def _outputs(line: ComparisonLine) -> ComparisonRow:
    first = line.cells[0] and line.cells[0].output
    return ComparisonRow(
        line.name,
        "output",
        tuple(
            ComparisonEntry(
                shape(cell.output), cell.output != first, tip=f"{shape(cell.output)}: channels, height, width"
            )
            if cell
            else _absent(line, differs=first is not None)
            for cell in line.cells
        ),
    )


def _block_counts(line: ComparisonLine, comparison: Comparison) -> Iterator[ComparisonRow]:
    counts = [_blocks(architecture).get(line.name, 0) for architecture in comparison.architectures]
    if any(counts):
        yield ComparisonRow(line.name, "blocks", _integers(counts, "residual or plain blocks"))


def _costs(line: ComparisonLine, cost: Cost) -> ComparisonRow:
    label, meaning = LABELS[cost]
    show: Callable[[int], str] = units.memory if cost == "activation_bytes" else units.short
    reference = line.cost(0, cost)
    entries = []
    for column, cell in enumerate(line.cells):
        value, more = line.cost(column, cost), line.delta(column, cost)
        delta = f"{'+' if more > 0 else ''}{show(more)}" if more else ""
        share = units.delta_share(value, reference) if more and reference else ""
        text = show(value) if cell else units.DASH
        entries.append(ComparisonEntry(text, bool(more), delta, share, _tip(value, reference, meaning, column), value))
    return ComparisonRow(line.name, label, tuple(entries))


def _makeups(line: ComparisonLine, comparison: Comparison) -> ComparisonRow:
    """The blocks as the paper prints them; the label is the first network's output size."""
    first = line.cells[0]
    entries = []
    for cell, architecture in zip(line.cells, comparison.architectures, strict=True):
        if cell is None:
            entries.append(_absent(line, differs=first is not None))
            continue
        differs = first is None or (cell.makeup, cell.output) != (first.makeup, first.output)
        output = f"→ {dimensions(cell.output)}" if first is None or cell.output != first.output else ""
        below = tuple(filter(None, (_shortcuts(cell.makeup, line.name, architecture), output)))
        blocks = replace(block_cells(architecture)[line.name], below=below)
        entries.append(ComparisonEntry("", differs, tip=f"{cell.makeup}\n{dimensions(cell.output)}", blocks=blocks))
    return ComparisonRow(line.name, dimensions(first.output[1:]) if first else "", tuple(entries))


def _shortcuts(makeup: str, stage: str, architecture: Architecture) -> str:
    """What a stage's makeup says after its blocks; a residual network that needs nothing there passes x on as it is."""
    if stage not in _blocks(architecture):
        return ""
    return makeup.rpartition("]")[2].strip(", ") or "identity shortcuts"


def _integers(numbers: Sequence[int], meaning: str) -> tuple[ComparisonEntry, ...]:
    return tuple(
        ComparisonEntry(
            units.exact(number) if number else units.DASH,
            number != numbers[0],
            units.signed(number - numbers[0]) if number != numbers[0] else "",
            tip=_tip(number, numbers[0], meaning, column),
        )
        for column, number in enumerate(numbers)
    )


def _absent(line: ComparisonLine, *, differs: bool, matched: bool = True) -> ComparisonEntry:
    return ComparisonEntry(units.DASH, differs, tip=f"This network has no {line.name}", matched=matched)


def _tip(value: int, reference: int, meaning: str, column: int) -> str:
    exact = f"{units.exact(value)} {meaning}"
    if column == 0:
        return exact
    return f"{exact}\n{units.signed(value - reference)} vs. {units.exact(reference)}"


def _with_bars(found: list[ComparisonRow]) -> Iterator[ComparisonRow]:
    """Bars are as long as their part of the costliest stage of any network; the whole has none."""
    stages = [entry.number for row in found if row.name != "total" for entry in row.entries]
    longest = max([*stages, 1])
    for row in found:
        bars = tuple(replace(entry, bar=entry.number / longest) for entry in row.entries)
        yield row if row.name == "total" else replace(row, label="", entries=bars)


def _blocks(architecture: Architecture) -> dict[str, int]:
    counts = architecture.blocks if isinstance(architecture, Residual) else ()
    return {f"conv{number}_x": count for number, count in enumerate(counts, start=2)}
