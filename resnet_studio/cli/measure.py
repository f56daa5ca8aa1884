"""The command `measure`: how long networks take on a device of this machine."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from resnet_studio.analysis.measurement import Measurement, MeasurementFailure, MeasurementSpec, Mode
from resnet_studio.analysis.measurement import Precision as PrecisionName
from resnet_studio.analysis.memory_measurement import Optimizer as OptimizerName
from resnet_studio.analysis.units import FlopUnit
from resnet_studio.cli import measure_memory
from resnet_studio.cli.module import Channels, Modules, check_module_options, open_module
from resnet_studio.cli.parsing import resolve_architecture
from resnet_studio.cli.terminal import echo, echo_json, print_error, print_grid, run_with_progress
from resnet_studio.networks.presets import title

if TYPE_CHECKING:
    from resnet_studio.analysis.measurement_text import Part
    from resnet_studio.analysis.text import TextFormat
    from resnet_studio.networks.architecture import Architecture

Names = Annotated[list[str] | None, typer.Argument(metavar="ARCH", help="Preset names or architecture JSON files.")]
Device = Annotated[str, typer.Option("--device", metavar="NAME", help="cpu, cuda:0, …")]
Precision = Annotated[PrecisionName, typer.Option("--precision", help="Of weights and images.")]
Batch = Annotated[int | None, typer.Option("--batch", metavar="N", min=1, help="Images in a pass. Default: 1.")]
Batches = Annotated[
    str | None,
    typer.Option("--batches", metavar="N,…|N..M", help="Several batch sizes: 1,8,32, or 1..64 in powers of 2."),
]
Backward = Annotated[bool, typer.Option("--backward", help="Measure forward and backward pass, as in training.")]
Stages = Annotated[bool, typer.Option("--stages", help="List the time of each stage beside its FLOPs.")]
Layers = Annotated[bool, typer.Option("--layers", help="List the time of each layer beside its FLOPs.")]
Again = Annotated[bool, typer.Option("--again", help="Measure again what was measured before.")]
Memory = Annotated[bool, typer.Option("--memory", help="Measure memory instead, in inference and in training.")]
Optimizer = Annotated[
    OptimizerName | None, typer.Option("--optimizer", help="Of the training whose memory is measured. Default: sgd.")
]
Budget = Annotated[
    str | None, typer.Option("--budget", metavar="SIZE", help="Find the largest batch that fits into 8GB, for example.")
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Set a field of every network.")
]
ImageSize = Annotated[str | None, typer.Option("--image-size", metavar="N|HxW", help="Same as --set image=…")]
Unit = Annotated[FlopUnit, typer.Option(help="flops: FLOPs (MAC); operations: FLOPs (2 × MAC), in tables.")]
Form = Annotated[
    Literal["text", "csv", "markdown", "latex", "html"], typer.Option("--format", help="csv has all digits.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print only JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(measure)


def measure(
    names: Names = None,
    modules: Modules = None,
    channels: Channels = None,
    device: Device = "cpu",
    precision: Precision = "fp32",
    batch: Batch = None,
    batches: Batches = None,
    backward: Backward = False,
    stages: Stages = False,
    layers: Layers = False,
    again: Again = False,
    with_memory: Memory = False,
    optimizer: Optimizer = None,
    budget: Budget = None,
    settings: Settings = None,
    image_size: ImageSize = None,
    unit: Unit = "flops",
    form: Form = "text",
    as_json: AsJson = False,
) -> None:
    """Measure how long networks take here: for an image, and with --stages or --layers for each part.

    With --memory, how much memory they take, in inference and in training, beside what is predicted; with --budget, the
    largest batch whose training fits. What was measured before on this device, with these versions and threads, is not
    measured again.
    """
    from resnet_studio.analysis.measurement_cache import MeasurementCache
    from resnet_studio.engine.measuring import measured_steps

    if stages and layers:
        raise ValueError("choose --stages or --layers")
    sizes = _batch_sizes(batch, batches)
    architectures = _architectures(names or [], modules or [], settings, image_size, channels)
    if with_memory or budget is not None:
        if backward or stages or layers:
            raise ValueError("--memory and --budget have no use for --backward, --stages, and --layers")
        if budget is not None and (batch is not None or batches is not None):
            raise ValueError("--budget finds the batch: choose it, or --batch or --batches")
        default = [measure_memory.DEFAULT_BATCH] if batch is None and batches is None else sizes
        limit = None if budget is None else measure_memory.parse_memory(budget)
        found = measure_memory.print_memory(
            architectures, default, optimizer=optimizer or "sgd", precision=precision, device=device, budget=limit,
            again=again, form=form, as_json=as_json,
        )  # fmt: skip
        raise typer.Exit(0 if found else 1)
    if optimizer is not None:
        raise ValueError("--optimizer belongs to --memory or --budget")
    mode: Mode = "forward+backward" if backward else "forward"
    specs = [MeasurementSpec(one, device, precision, size, mode) for one in architectures for size in sizes]
    cache = MeasurementCache()
    results = run_with_progress(measured_steps(specs, cache, again=again))
    for problem in cache.problems:
        print_error(problem)
    if as_json:
        from resnet_studio.analysis.measurement_text import to_json

        echo_json([to_json(result) for result in results])
    else:
        _print(results, "layer" if layers else "stage" if stages else None, form, unit)
        _report_failures(results, form)
    raise typer.Exit(0 if any(isinstance(result, Measurement) for result in results) else 1)


def _architectures(
    names: Sequence[str], modules: Sequence[str], settings: Sequence[str] | None, image_size: str | None,
    channels: int | None,
) -> list[Architecture]:  # fmt: skip
    if not names and not modules:
        raise ValueError("name an architecture, as in `measure resnet50`, or give --module FILE.py:FUNCTION")
    check_module_options(modules, settings, channels)
    found: list[Architecture] = [resolve_architecture(name, settings, image_size) for name in names]
    return found + [open_module(module, image_size, channels) for module in modules]


def _batch_sizes(batch: int | None, batches: str | None) -> list[int]:
    if batch is not None and batches is not None:
        raise ValueError("choose --batch or --batches")
    if batches is None:
        return [batch or 1]
    first, dots, last = batches.partition("..")
    try:
        if dots:
            low, high = int(first), int(last)
            sizes = [low * 2**power for power in range(17) if low * 2**power <= high]
        else:
            sizes = [int(one) for one in batches.split(",")]
    except ValueError:
        sizes = []
    if not sizes or min(sizes) < 1:
        raise ValueError(f"--batches must be numbers such as 1,8,32, or 1..64 for powers of 2; got {batches!r}")
    return list(dict.fromkeys(sizes))


def _print(
    results: Sequence[Measurement | MeasurementFailure], part: Part | None, form: TextFormat, unit: FlopUnit
) -> None:
    from resnet_studio.analysis import measurement_text, text

    measured = [result for result in results if isinstance(result, Measurement)]
    grids = [measurement_text.results_grid(results, unit)]
    if part:
        grids += [measurement_text.parts_grid(one, part, unit) for one in measured if one.layers]
    if form == "csv":
        whole, parts = measurement_text.results_csv, measurement_text.parts_csv
        sys.stdout.write(parts(measured, part) if part else whole(results))
    elif form != "text":
        sys.stdout.write("\n".join(text.grid_text(grid, form) for grid in grids))
    else:
        for grid in grids:
            print_grid(grid)
            echo()
        for note in measurement_text.notes(results, parts=part is not None):
            echo(note)


def _report_failures(results: Sequence[Measurement | MeasurementFailure], form: str) -> None:
    """On stderr where a table has no notes."""
    for one in results:
        if form != "text" and isinstance(one, MeasurementFailure):
            print_error(f"{title(one.spec.architecture)}, batch {one.spec.batch:,}: {one.reason}")
