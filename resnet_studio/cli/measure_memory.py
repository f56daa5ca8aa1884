"""`measure --memory`: how much memory networks take here, beside what is predicted, and the largest batch that fits."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from resnet_studio.analysis.measurement import Precision
from resnet_studio.analysis.memory_measurement import FittingBatch, MemoryMeasurement, MemorySpec, Optimizer
from resnet_studio.cli.terminal import echo, echo_json, print_error, print_grid, run_with_progress
from resnet_studio.formatting import PREFIXES

if TYPE_CHECKING:
    from resnet_studio.analysis.memory_text import Results
    from resnet_studio.networks.architecture import Architecture

Form: TypeAlias = Literal["text", "csv", "markdown", "latex", "html"]
DEFAULT_BATCH = 16


def parse_memory(text: str) -> int:
    """Bytes from "8GB", "512 MB" or "8e9"; `ValueError` for anything else."""
    found = re.fullmatch(r"\s*([\d.]+(?:e\d+)?)\s*([kMGT]?)B?\s*", text, re.IGNORECASE)
    try:
        size = int(float(found[1]) * 1000 ** PREFIXES.index(_prefix(found[2]))) if found else 0
    except (ValueError, OverflowError):
        size = 0
    if size < 1:
        raise ValueError(f"--budget must be an amount of memory such as 8GB or 512MB, got {text!r}")
    return size


def print_memory(
    architectures: Sequence[Architecture], batches: Sequence[int], *, optimizer: Optimizer = "sgd",
    precision: Precision = "fp32", device: str = "cpu", budget: int | None = None, again: bool = False,
    form: Form = "text", as_json: bool = False,
) -> bool:  # fmt: skip
    """Measure inference and training with each batch, or with a budget the largest batch; whether anything was found.

    What was measured before on this device, with these versions, is not measured again, unless `again`.
    """
    if budget is not None:
        specs = [MemorySpec(one, "training", 1, optimizer, precision, device) for one in architectures]
        return _print_fitting(specs, budget, as_json=as_json)
    specs = [
        MemorySpec(one, task, batch, *_choices(task, optimizer, precision), device)
        for one in architectures
        for task in ("inference", "training")
        for batch in batches
    ]
    from resnet_studio.analysis import memory_text
    from resnet_studio.analysis.memory_cache import MemoryCache
    from resnet_studio.engine.memory_measuring import measured_memory_steps

    results = run_with_progress(measured_memory_steps(specs, MemoryCache(), again=again))
    if as_json:
        measured = [memory_text.to_json(one) for one in results]
        echo_json({"measurements": measured, "per_image": memory_text.growth_json(results)})
    else:
        _print_grid(results, form)
    return any(isinstance(one, MemoryMeasurement) for one in results)


def _choices(task: str, optimizer: Optimizer, precision: Precision) -> tuple[Optimizer, Precision]:
    """Those of a training; inference has none, as it is that of the training's evaluation."""
    return (optimizer, precision) if task == "training" else ("sgd", "fp32")


def _print_grid(results: Results, form: Form) -> None:
    from resnet_studio.analysis import memory_text, text

    grid = memory_text.memory_grid(results)
    if form == "csv":
        sys.stdout.write(memory_text.results_csv(results))
    elif form != "text":
        sys.stdout.write(text.grid_text(grid, form))
    else:
        print_grid(grid)
        echo()
        for note in memory_text.notes(results):
            echo(note)


def _print_fitting(specs: Sequence[MemorySpec], budget: int, *, as_json: bool) -> bool:
    from resnet_studio.analysis import memory_text
    from resnet_studio.engine.memory_measuring import fitting_steps

    found: list[tuple[MemorySpec, FittingBatch]] = []
    for spec in specs:
        try:
            fitting = run_with_progress(fitting_steps(spec, budget))
        except (MemoryError, ValueError) as error:
            print_error(str(error))
            continue
        found.append((spec, fitting))
        if not as_json:
            echo(memory_text.fitting_sentence(spec, fitting))
    if as_json:
        echo_json([memory_text.fitting_json(*one) for one in found])
    return any(fitting.batch for _, fitting in found)


def _prefix(text: str) -> str:
    return text.lower() if text.lower() == "k" else text.upper()
