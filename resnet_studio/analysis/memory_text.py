"""Measured memory as tables, sentences and JSON. Needs no torch."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from itertools import groupby
from typing import Any, TypeAlias

from resnet_studio.analysis.grids import Grid
from resnet_studio.analysis.memory_measurement import (
    FittingBatch,
    MemoryFailure,
    MemoryMeasurement,
    MemorySpec,
    growth,
)
from resnet_studio.analysis.units import DASH
from resnet_studio.formatting import MINUS, counted, memory
from resnet_studio.networks.presets import title

Results: TypeAlias = Sequence[MemoryMeasurement | MemoryFailure]
TITLES = {"sgd": "SGD", "adamw": "AdamW"}
COLUMNS = (
    "network", "task", "optimizer", "precision", "device", "batch", "predicted", "measured", "error", "process",
)  # fmt: skip
"""Of the CSV; bytes."""
PER_IMAGE = "per image"
"""What stands in the place of a batch where two or more are compared."""


def memory_grid(results: Results) -> Grid:
    """A line for each network, pass, and batch: what was predicted beside what was measured. Below several batches of
    the same, what an image adds."""
    rows: list[tuple[str, ...]] = []
    for _, group in groupby(results, key=lambda one: _without_batch(one.spec)):
        same = list(group)
        rows += map(_row, same)
        rows += _growth_rows([one for one in same if isinstance(one, MemoryMeasurement)])
    header = ("network", "pass", "batch", "predicted", "measured", "error", "process itself")
    return Grid(header, tuple(rows), frozenset({2, 3, 4, 5, 6}))


def notes(results: Results) -> list[str]:
    """What the figures are, and why some are missing."""
    measured = [one for one in results if isinstance(one, MemoryMeasurement)]
    found = list(dict.fromkeys(map(_conditions, measured)))
    if measured:
        found.append("peaks of a process of its own, without what Python, PyTorch and this program take themselves")
    found += [
        f"! {title(one.spec.architecture)}, {_pass(one.spec)}, batch {one.spec.batch:,}: {one.reason}"
        for one in results if isinstance(one, MemoryFailure)
    ]  # fmt: skip
    return found


def fitting_sentence(spec: MemorySpec, fitting: FittingBatch) -> str:
    """The answer to which batch fits into a budget."""
    name, budget = f"{title(spec.architecture)} with {TITLES[spec.optimizer]}", memory(fitting.budget)
    if fitting.measured is None:
        return f"No batch of {name} fits into {budget}."
    peak, process = fitting.measured.peak, fitting.measured.process
    predicted = "as predicted" if fitting.batch == fitting.predicted else f"{fitting.predicted:,} were predicted"
    return (
        f"The largest batch of {name} that fits into {budget} has {counted(fitting.batch, 'image')} ({predicted}): a "
        f"few steps took {memory(peak + process)}, {memory(process)} of it the process itself."
    )


def to_json(result: MemoryMeasurement | MemoryFailure) -> dict[str, Any]:
    """All that was measured, with what was predicted."""
    if isinstance(result, MemoryFailure):
        return {"spec": result.spec.to_json(), "predicted": result.spec.predicted, "failed": result.reason}
    return result.to_json() | {"predicted": result.spec.predicted, "error": result.error}


def growth_json(results: Results) -> list[dict[str, Any]]:
    """What an image adds, of every network and pass that has several batches."""
    found: list[dict[str, Any]] = []
    for _, group in groupby(results, key=lambda one: _without_batch(one.spec)):
        measured = [one for one in group if isinstance(one, MemoryMeasurement)]
        if slopes := _growths(measured):
            predicted, line = slopes
            spec = {name: value for name, value in measured[0].spec.to_json().items() if name != "batch"}
            found.append({"spec": spec, "predicted": round(predicted), "measured": round(line)})
    return found


def fitting_json(spec: MemorySpec, fitting: FittingBatch) -> dict[str, Any]:
    """The answer to which batch fits into a budget, with the measurement that shows it."""
    return {
        "architecture": spec.to_json()["architecture"],
        "optimizer": spec.optimizer,
        "budget": fitting.budget,
        "predicted_batch": fitting.predicted,
        "batch": fitting.batch,
        "measured": to_json(fitting.measured) if fitting.measured else None,
    }


def results_csv(results: Results) -> str:
    """A row for each measurement, with all digits."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in results:
        spec = one.spec
        found = (one.peak, one.error, one.process) if isinstance(one, MemoryMeasurement) else ("", "", "")
        optimizer = spec.optimizer if spec.task == "training" else ""
        name = title(spec.architecture)
        writer.writerow((name, spec.task, optimizer, spec.precision, spec.device, spec.batch, spec.predicted, *found))
    return lines.getvalue()


def _row(result: MemoryMeasurement | MemoryFailure) -> tuple[str, ...]:
    spec = result.spec
    first = title(spec.architecture), _pass(spec), f"{spec.batch:,}", memory(spec.predicted)
    if isinstance(result, MemoryFailure):
        return (*first, DASH, DASH, DASH)
    return (*first, memory(result.peak), _signed(result.error), memory(result.process))


def _growth_rows(measured: Sequence[MemoryMeasurement]) -> list[tuple[str, ...]]:
    if not (slopes := _growths(measured)):
        return []
    predicted, line = slopes
    error = _signed(predicted / line - 1) if line > 0 else DASH
    spec = measured[0].spec
    cells = memory(round(predicted)), memory(round(line)), error, ""
    return [(title(spec.architecture), _pass(spec), PER_IMAGE, *cells)]


def _growths(measured: Sequence[MemoryMeasurement]) -> tuple[float, float] | None:
    """Bytes that an image adds, predicted and measured; None without two batches."""
    predicted = growth((one.spec.batch, one.spec.predicted) for one in measured)
    found = growth((one.spec.batch, one.peak) for one in measured)
    return (predicted.per_image, found.per_image) if predicted and found else None


def _pass(spec: MemorySpec) -> str:
    return spec.task if spec.task == "inference" else f"training, {TITLES[spec.optimizer]}"


def _without_batch(spec: MemorySpec) -> MemorySpec:
    return spec.with_batch(1)


def _conditions(measurement: MemoryMeasurement) -> str:
    """What several measurements have in common."""
    spec = measurement.spec
    versions = ", ".join(f"{library} {version}" for library, version in measurement.versions.items())
    threads = counted(measurement.threads, "thread")
    return f"{spec.device}: {measurement.device_name}, {threads}, {spec.precision}, {versions}"


def _signed(share: float) -> str:
    """0.034 → "+3.4 %"."""
    return f"{MINUS if share < 0 else '+'}{100 * abs(share):.1f} %"
