"""The rows of a comparison: what is known of the whole, and output, blocks and costs of every stage. No torch or Qt."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

from resnet_studio.analysis import units
from resnet_studio.analysis.comparison import COSTS, Comparison, ComparisonLine, Cost
from resnet_studio.analysis.comparison_entries import TOTAL, ComparisonEntry, ComparisonRow, ratio_to
from resnet_studio.analysis.result_rows import result_rows
from resnet_studio.analysis.table_one import block_cells, has_stages
from resnet_studio.analysis.units import FlopUnit, in_unit
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
OPERATIONS = "FLOPs in conv + fc, 2 per multiply-add"


def rows(
    comparison: Comparison, shown: Shown = "all", unit: FlopUnit = "flops", *, makeups: bool = False
) -> tuple[ComparisonRow, ...]:
    """The whole first, as it is what is asked for first; then the stages in order.

    With `makeups` each stage also says what it is made of, where all is shown.
    """
    costs: tuple[Cost, ...] = COSTS if shown == "all" else tuple(cost for cost in COSTS if cost == shown)
    found = [_depths(comparison)] if shown in ("all", "blocks") else []
    found += [_costs(comparison.total, cost, unit) for cost in costs]
    found += result_rows(comparison) if shown == "all" else []
    staged = [has_stages(architecture) for architecture in comparison.architectures]
    for line in comparison.lines:
        rows_of_line = [_outputs(line), *_block_counts(line, comparison)] if shown == "all" else []
        rows_of_line += [_makeup_texts(line)] if makeups and shown == "all" else []
        rows_of_line += [_makeups(line, comparison)] if shown == "blocks" else []
        rows_of_line += [_costs(line, cost, unit) for cost in costs]
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
            else replace(entry, matched=False, delta="", share="", ratio=1.0, tip=entry.tip.partition("\n")[0])
            for column, (entry, cell) in enumerate(zip(row.entries, line.cells, strict=True))
        ),
    )


def _depths(comparison: Comparison) -> ComparisonRow:
    return ComparisonRow(TOTAL, "depth", _integers(comparison.depths, "weighted layers"))


def shape(output: Shape) -> str:
    """Channels × height × width; a dash for what is no layer, such as a class token."""
    return dimensions(output) if any(output) else units.DASH


def _outputs(line: ComparisonLine) -> ComparisonRow:
    first = line.cells[0] and line.cells[0].output
    entries = []
    for cell in line.cells:
        if cell is None:
            entries.append(_absent(line, differs=first is not None))
            continue
        text, values = shape(cell.output), math.prod(cell.output)
        ratio = ratio_to(values, math.prod(first)) if first else math.inf
        tip = f"{text}: channels, height, width"
        entries.append(ComparisonEntry(text, cell.output != first, tip=tip, ratio=ratio))
    return ComparisonRow(line.name, "output", tuple(entries))


def _block_counts(line: ComparisonLine, comparison: Comparison) -> Iterator[ComparisonRow]:
    counts = [_blocks(architecture).get(line.name, 0) for architecture in comparison.architectures]
    if any(counts):
        without = "This network has no residual blocks"
        entries = (
            entry if isinstance(architecture, Residual) else ComparisonEntry(units.DASH, tip=without, matched=False)
            for entry, architecture in zip(
                _integers(counts, "residual or plain blocks"), comparison.architectures, strict=True
            )
        )
        yield ComparisonRow(line.name, "blocks", tuple(entries))


def _costs(line: ComparisonLine, cost: Cost, unit: FlopUnit) -> ComparisonRow:
    label, meaning = LABELS[cost]
    if cost == "macs" and unit == "operations":
        label, meaning = units.NAMES[unit], OPERATIONS
    show: Callable[[int], str] = units.memory if cost == "activation_bytes" else units.short
    values = [line.cost(column, cost) for column in range(len(line.cells))]
    values = [in_unit(value, unit) for value in values] if cost == "macs" else values
    reference, entries = values[0], []
    for column, (cell, value) in enumerate(zip(line.cells, values, strict=True)):
        more = value - reference
        delta = f"{'+' if more > 0 else ''}{show(more)}" if more else ""
        share = units.delta_share(value, reference) if more and reference else ""
        text, tip = show(value) if cell else units.DASH, _tip(value, reference, meaning, column)
        number = value if cell else None
        entries.append(ComparisonEntry(text, bool(more), delta, share, tip, number, ratio=ratio_to(value, reference)))
    return ComparisonRow(line.name, label, tuple(entries))


def _makeup_texts(line: ComparisonLine) -> ComparisonRow:
    first = line.cells[0] and line.cells[0].makeup
    entries = (
        ComparisonEntry(cell.makeup, cell.makeup != first, tip=cell.makeup)
        if cell
        else _absent(line, differs=first is not None)
        for cell in line.cells
    )
    return ComparisonRow(line.name, "layers", tuple(entries))


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
            number=number or None,
            ratio=ratio_to(number, numbers[0]),
        )
        for column, number in enumerate(numbers)
    )


def _absent(line: ComparisonLine, *, differs: bool, matched: bool = True) -> ComparisonEntry:
    ratio = 0.0 if differs else 1.0
    return ComparisonEntry(units.DASH, differs, tip=f"This network has no {line.name}", matched=matched, ratio=ratio)


def _tip(value: int, reference: int, meaning: str, column: int) -> str:
    exact = f"{units.exact(value)} {meaning}"
    if column == 0:
        return exact
    return f"{exact}\n{units.signed(value - reference)} vs. {units.exact(reference)}"


def _with_bars(found: list[ComparisonRow]) -> Iterator[ComparisonRow]:
    """Bars are as long as their part of the costliest stage of any network; the whole has none."""
    stages = [entry.number or 0 for row in found if row.name != TOTAL for entry in row.entries]
    longest = max([*stages, 1])
    for row in found:
        bars = tuple(replace(entry, bar=(entry.number or 0) / longest) for entry in row.entries)
        yield row if row.name == TOTAL else replace(row, label="", entries=bars)


def _blocks(architecture: Architecture) -> dict[str, int]:
    counts = architecture.blocks if isinstance(architecture, Residual) else ()
    return {f"conv{number}_x": count for number, count in enumerate(counts, start=2)}
