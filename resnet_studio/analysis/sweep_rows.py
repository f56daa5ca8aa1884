"""The candidates of a sweep as rows of a table, for the window and the command line alike. Needs no torch."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resnet_studio.analysis.budget import COSTS, cost_text
from resnet_studio.analysis.grids import Grid
from resnet_studio.analysis.roundings import change
from resnet_studio.analysis.sweep import DEPTH, SCALE, Candidate, SweepResult
from resnet_studio.analysis.sweep_text import value_text
from resnet_studio.analysis.units import DASH, LABELS, FlopUnit, exact, in_unit, memory, short
from resnet_studio.formatting import counted, short_time
from resnet_studio.networks.architecture import CHOICES, Architecture, Residual

FRONT = "★"
Measured = Mapping[Architecture, float]
"""Measured seconds for one image."""


@dataclass(frozen=True, slots=True)
class Column:
    """What a table has of each candidate."""

    key: str
    title: str
    tip: str
    text: Callable[[Candidate], str]
    order: Callable[[Candidate], Any]
    """What the column is sorted by; None for what has no value."""
    exact: Callable[[Candidate], str] = lambda _: ""
    """Every digit, for a tooltip."""
    right: bool = True


def columns(
    result: SweepResult, unit: FlopUnit = "flops", measured: Measured | None = None
) -> tuple[Column, ...]:  # fmt: skip
    """The columns of a result: its place on the front, the fields that are varied, and what the networks cost."""
    figures = [candidate.figures for candidate in result.candidates]
    found = [_front(result), *_fields(result), _parameters(), _macs(unit)]
    if any(one.seconds is not None for one in figures):
        found.append(_predicted())
    if measured:
        found += [_measured(measured, result.budget.seconds), _error(measured)]
    if any(one.memory is not None for one in figures):
        found.append(_memory(result))
    found.append(_activations())
    if result.budget.limited:
        found.append(_beyond(result))
    return tuple(found)


def sweep_grid(
    result: SweepResult, places: Sequence[int], unit: FlopUnit = "flops", measured: Measured | None = None
) -> Grid:  # fmt: skip
    """Some candidates of a result as a grid."""
    shown = columns(result, unit, measured)
    if all(result.candidates[at].fits for at in places):
        shown = tuple(column for column in shown if column.key != "beyond")
    rows = tuple(tuple(column.text(result.candidates[at]) for column in shown) for at in places)
    right = frozenset(number for number, column in enumerate(shown) if column.right)
    return Grid(tuple(column.title for column in shown), rows, right)


def sweep_csv(result: SweepResult, places: Sequence[int], measured: Measured | None = None) -> str:
    """Some candidates with exact numbers: multiply-adds, bytes and seconds; empty where there is no number."""
    lines, measured = io.StringIO(), measured or {}
    writer = csv.writer(lines, lineterminator="\n")
    fields = [column for column in _fields(result) if column.key != DEPTH]
    writer.writerow((
        "front", *(column.key for column in fields), "depth", "parameters", "macs", "activation_bytes", "memory_bytes",
        "predicted_seconds", "measured_seconds", "exceeds",
    ))  # fmt: skip
    on_front = {at: place for place, at in enumerate(result.front, start=1)}
    for at in places:
        candidate, figures = result.candidates[at], result.candidates[at].figures
        writer.writerow((
            on_front.get(at), *(column.text(candidate) for column in fields), figures.depth, figures.parameters,
            figures.macs, figures.activation_bytes, figures.memory, figures.seconds,
            measured.get(candidate.architecture), " ".join(candidate.exceeded),
        ))  # fmt: skip
    return lines.getvalue()


def summary(result: SweepResult) -> str:
    """How many networks there are, how many fit, and how many are on the front, in a sentence without a full stop."""
    networks = counted(len(result.candidates), "network")
    if not result.budget.limited:
        return f"{networks}, {len(result.front):,} on the front"
    return f"{networks}, {result.fitting:,} within {result.budget.words}, {len(result.front):,} on the front"


def impossible_reasons(result: SweepResult) -> list[str]:
    """Why combinations are impossible, what is said of most first, each with how often: "depth: 19 is … (×6)"."""
    reasons = Counter(one.reason for one in result.impossible)
    return [f"{reason} (×{times})" if times > 1 else reason for reason, times in reasons.most_common()]


def _front(result: SweepResult) -> Column:
    places = {result.candidates[at]: place for place, at in enumerate(result.front, start=1)}

    def text(candidate: Candidate) -> str:
        return f"{FRONT} {places[candidate]}" if candidate in places else ""

    tip = "Place on the front, the best first; empty for what is not on it"
    return Column("front", "front", tip, text, places.get)


def _fields(result: SweepResult) -> Iterator[Column]:
    varied = list(result.sweep.variations)
    if DEPTH not in varied:
        varied.append(DEPTH)
    blocks = {c.architecture.block.label for c in result.candidates if isinstance(c.architecture, Residual)}
    if "block" not in varied and len(blocks) > 1:
        varied.insert(varied.index(DEPTH) + 1, "block")
    for field in varied:
        title = "φ" if field == SCALE else field.replace("_", " ")
        number = field not in CHOICES and field != "blocks"
        yield Column(field, title, FIELD_TIPS.get(field, "Varied"), _field_text(field), _order(field), right=number)


FIELD_TIPS = {
    DEPTH: "Weighted layers on the main path, as the paper counts", "block": "The kind of the blocks",
    SCALE: "The coefficient of compound scaling",
}  # fmt: skip


def _value(candidate: Candidate, field: str) -> Any:
    """What a candidate has of a field that is varied, or that follows from others."""
    if field == DEPTH:
        return candidate.figures.depth
    if field == "block" and isinstance(candidate.architecture, Residual):
        return candidate.architecture.block.label
    return candidate.values[field] if field == SCALE else candidate.architecture.values().get(field)


def _field_text(field: str) -> Callable[[Candidate], str]:
    def text(candidate: Candidate) -> str:
        value = _value(candidate, field)
        return DASH if value is None else value_text(value)

    return text


def _order(field: str) -> Callable[[Candidate], Any]:
    def order(candidate: Candidate) -> Any:
        value = _value(candidate, field)
        if field == "image":  # by area
            return value**2 if isinstance(value, int) else value[0] * value[1]
        return value

    return order


def _parameters() -> Column:
    return Column(
        "parameters", "parameters", "Weights and biases, batch norm's among them",
        lambda c: short(c.figures.parameters), lambda c: c.figures.parameters, lambda c: exact(c.figures.parameters),
    )  # fmt: skip


def _macs(unit: FlopUnit) -> Column:
    return Column(
        "macs", LABELS[unit], "Of convolutions and linear layers, for one image",
        lambda c: short(in_unit(c.figures.macs, unit)), lambda c: c.figures.macs,
        lambda c: exact(in_unit(c.figures.macs, unit)),
    )  # fmt: skip


def _activations() -> Column:
    return Column(
        "activations", "activations", "Outputs of all layers, float32, one image",
        lambda c: memory(c.figures.activation_bytes), lambda c: c.figures.activation_bytes,
        lambda c: f"{exact(c.figures.activation_bytes)} bytes",
    )  # fmt: skip


def _memory(result: SweepResult) -> Column:
    budget = result.budget
    return Column(
        "memory", "memory", f"Predicted peak in {budget.purpose} at batch {budget.batch}, without the process itself",
        lambda c: cost_text("memory", c.figures.memory), lambda c: c.figures.memory,
    )  # fmt: skip


def _predicted() -> Column:
    return Column(
        "predicted", "predicted", "Time for one image, predicted from measured layer kinds",
        lambda c: cost_text("seconds", c.figures.seconds), lambda c: c.figures.seconds,
    )  # fmt: skip


def _measured(measured: Measured, limit: float | None) -> Column:
    def text(candidate: Candidate) -> str:
        seconds = measured.get(candidate.architecture)
        if seconds is None:
            return DASH
        sign = "" if limit is None else " ✓" if seconds <= limit else " ✗"
        return f"{short_time(seconds)}{sign}"

    tip = "Time for one image, measured" + ("" if limit is None else "; ✗ if it is over the budget after all")
    return Column("measured", "measured", tip, text, lambda c: measured.get(c.architecture))


def _error(measured: Measured) -> Column:
    def error(candidate: Candidate) -> float | None:
        seconds, predicted = measured.get(candidate.architecture), candidate.figures.seconds
        return None if seconds is None or predicted is None else predicted / seconds - 1

    def text(candidate: Candidate) -> str:
        share = error(candidate)
        return DASH if share is None else change(share)

    return Column("error", "error", "How far the predicted time is off the measured one", text, error)


def _beyond(result: SweepResult) -> Column:
    def text(candidate: Candidate) -> str:
        return ", ".join(COSTS[cost] for cost in candidate.exceeded)

    return Column(
        "beyond", "over budget", f"What exceeds the budget: {result.budget.words}", text,
        lambda c: len(c.exceeded), right=False,
    )  # fmt: skip
