"""A comparison as a grid of strings, as exact numbers for a spreadsheet, and as JSON. Needs no torch."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Literal

from resnet_studio.analysis import text
from resnet_studio.analysis.comparison import Comparison
from resnet_studio.analysis.comparison_entries import ComparisonEntry, ComparisonRow
from resnet_studio.analysis.comparison_order import Order, ordered
from resnet_studio.analysis.comparison_rows import rows
from resnet_studio.analysis.difference import Difference, MeasuredPair, difference
from resnet_studio.analysis.difference_wording import costed_steps, shorter_sentences
from resnet_studio.analysis.grids import Grid
from resnet_studio.analysis.published_errors import errors_of
from resnet_studio.analysis.units import FlopUnit
from resnet_studio.plain import csv_cell

ComparisonFormat = Literal["text", "json", "csv", "markdown", "latex", "html"]


def comparison_grid(
    comparison: Comparison, unit: FlopUnit = "flops", order: Order = "stage", *, equal_rows: bool = False
) -> Grid:
    """Rows down, architectures across. "=" is what equals the first architecture; a delta stands in brackets.

    Rows that are equal in all architectures are left out, unless `equal_rows`.
    """
    listed = _listed(comparison, unit, order, equal_rows=equal_rows)
    names = [row.name for row in listed]
    ends = {at for at, name in enumerate(names[:-1]) if name != names[at + 1]}
    cells = tuple(
        (name if at == 0 or at - 1 in ends else "", row.label, row.entries[0].value, *map(_cell, row.entries[1:]))
        for at, (name, row) in enumerate(zip(names, listed, strict=True))
    )
    return Grid(("stage", "", *comparison.titles), cells, rules=frozenset(ends if order == "stage" else ()))


def comparison_csv(comparison: Comparison, unit: FlopUnit = "flops", order: Order = "stage") -> str:
    """Every row with exact numbers: bytes, seconds, errors from 0 to 1, FLOPs in the unit. What is missing is empty."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(("stage", "quantity", *map(csv_cell, comparison.titles)))
    for row in _listed(comparison, unit, order, equal_rows=True):
        writer.writerow((csv_cell(row.name), csv_cell(row.label), *map(_exact, row.entries)))
    return lines.getvalue()


def comparison_text(
    comparison: Comparison, form: Literal["markdown", "latex", "html", "csv"], unit: FlopUnit = "flops",
    order: Order = "stage", *, equal_rows: bool = False,
) -> str:  # fmt: skip
    """The table in a format for other programs."""
    if form == "csv":
        return comparison_csv(comparison, unit, order)
    writers: dict[str, Callable[[Grid], str]] = {"markdown": text.markdown, "latex": text.latex, "html": text.html}
    return writers[form](comparison_grid(comparison, unit, order, equal_rows=equal_rows))


def differences(comparison: Comparison) -> tuple[Difference, ...]:
    """How each architecture differs from the first."""
    reference, *others = comparison.architectures
    return tuple(difference(reference, architecture) for architecture in others)


def measured_pair(comparison: Comparison, column: int) -> MeasuredPair | None:
    """The measured times of the first architecture and of another, if both are known and were measured in one way."""
    one, other = comparison.results[0].time, comparison.results[column].time
    if one is None or other is None or (one.device_name, one.threads) != (other.device_name, other.threads):
        return None
    return MeasuredPair(one, other)


def sentences(comparison: Comparison, unit: FlopUnit = "flops") -> list[str]:
    """For each architecture but the first a sentence: what it differs in from that, and what each field costs."""
    return [forms[0] for forms in sentence_forms(comparison, unit)]


def sentence_forms(comparison: Comparison, unit: FlopUnit = "flops") -> list[list[str]]:
    """The same, and shorter forms of each, which name fewer changes."""
    return [
        shorter_sentences(found, unit, measured_pair(comparison, column))
        for column, found in enumerate(differences(comparison), start=1)
    ]


def sentence_lines(comparison: Comparison, unit: FlopUnit = "flops") -> list[str]:
    """The sentences, and under each that leaves some costs out, every change with all of its costs."""
    lines = []
    for found, words in zip(differences(comparison), sentences(comparison, unit), strict=True):
        lines.append(words)
        steps = costed_steps(found, unit)
        if not all(f"{what} ({costs})" in words for what, costs in steps) and len(steps) > 1:
            lines += [f"  {what}: {costs}" for what, costs in steps]
    return lines


def fold_line(comparison: Comparison) -> str:
    """How many rows are left out as they are equal everywhere; empty if there are none."""
    return ordered(rows(comparison, makeups=True)).fold_text


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Plain JSON values: every stage, the rows about whole networks with exact numbers, and the differences."""
    whole = [row for row in rows(comparison) if row.name == "total"]
    return {
        **comparison.to_json(),
        "quantities": [{"name": row.label, "values": [entry.number for entry in row.entries]} for row in whole],
        "published_errors": [
            [error.to_json() for error in errors_of(architecture)] for architecture in comparison.architectures
        ],
        "best_runs": [[asdict(run) for run in result.runs] for result in comparison.results],
        "differences": [
            {**found.to_json(), "sentence": words}
            for found, words in zip(differences(comparison), sentences(comparison), strict=True)
        ],
    }


def _listed(comparison: Comparison, unit: FlopUnit, order: Order, *, equal_rows: bool) -> Sequence[ComparisonRow]:
    every = rows(comparison, unit=unit, makeups=True)
    if equal_rows and order == "stage":
        return every
    found = ordered(every, order)
    return (*found.listed, *(found.equal if equal_rows else ()))


def _cell(entry: ComparisonEntry) -> str:
    """What an architecture has, held against the first one."""
    changes = ", ".join(filter(None, (entry.delta, entry.share)))
    if entry.known and changes:
        return f"{entry.value} ({changes})"
    return entry.value if entry.differs or not entry.matched else "="


def _exact(entry: ComparisonEntry) -> str | float:
    if not entry.known:
        return ""
    return csv_cell(entry.value) if entry.number is None else entry.number
