"""The command `sweep`: variants of an architecture, and the best of them in a budget."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from resnet_studio.analysis.units import FlopUnit
from resnet_studio.cli.parsing import resolve_architecture
from resnet_studio.cli.terminal import echo, echo_json, print_grid, run_with_progress
from resnet_studio.cli.usage_errors import reject_options
from resnet_studio.formatting import counted

if TYPE_CHECKING:
    from resnet_studio.analysis.budget import Budget
    from resnet_studio.analysis.measurement import Measurement
    from resnet_studio.analysis.predicted_time import LayerTimes, PredictionError
    from resnet_studio.analysis.sweep import SweepResult

Value = TypeVar("Value")
SHOWN = 20
"""Networks that are listed unless more are asked for."""

Base = Annotated[str, typer.Argument(metavar="ARCH", help="Preset name or architecture JSON file that is varied.")]
Vary = Annotated[
    list[str] | None,
    typer.Option(
        "--vary", metavar="FIELD=VALUES",
        help="depth=18,34,50 · width=32..96:16 · width=fit:8 (the widest in the budget) · blocks=2,2,2,2;3,4,6,3 … "
        "Repeatable.",
    ),
]  # fmt: skip
Scale = Annotated[str | None, typer.Option("--scale", metavar="PHI,…", help="Compound scaling: same as --vary scale=…")]
MaxMacs = Annotated[str | None, typer.Option("--max-macs", metavar="N", help="Budget of multiply-adds: 2G.")]
MaxParameters = Annotated[str | None, typer.Option("--max-parameters", metavar="N", help="Budget of parameters: 10M.")]
MaxMemory = Annotated[
    str | None, typer.Option("--max-memory", metavar="SIZE", help="Budget of memory at --batch: 2GB. See --memory-of.")
]
MaxTime = Annotated[
    str | None,
    typer.Option("--max-ms", metavar="MS", help="Budget of time for one image, predicted. Measures layers first."),
]
Batch = Annotated[int, typer.Option("--batch", metavar="N", help="Images at a time, of which the memory is.")]
Purpose = Annotated[Literal["training", "inference"], typer.Option("--memory-of", help="What takes the memory.")]
Best = Annotated[
    Literal["macs", "parameters", "depth"] | None,
    typer.Option("--best", help="What to have most of. Default: the first of these without a budget."),
]
Check = Annotated[
    int, typer.Option("--check", metavar="N", min=0, max=50, help="Measure the best N, beside what was predicted.")
]
Device = Annotated[str, typer.Option("--device", metavar="NAME", help="Where time is predicted and measured.")]
Again = Annotated[bool, typer.Option("--again", help="Measure layers and networks again, also if they were.")]
Top = Annotated[int, typer.Option("--top", metavar="N", min=1, help="List at most so many networks.")]
Everything = Annotated[bool, typer.Option("--all", help="List every network, not just the front.")]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Set a field of the base.")]
ImageSize = Annotated[str | None, typer.Option("--image-size", metavar="N|HxW", help="Same as --set image=…")]
Unit = Annotated[FlopUnit, typer.Option(help="flops: FLOPs (MAC); operations: FLOPs (2 × MAC), in tables.")]
TextForm = Literal["text", "csv", "markdown", "latex", "html"]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(sweep)


def sweep(
    context: typer.Context,
    name: Base,
    vary: Vary = None,
    scale: Scale = None,
    max_macs: MaxMacs = None,
    max_parameters: MaxParameters = None,
    max_memory: MaxMemory = None,
    max_ms: MaxTime = None,
    batch: Batch = 32,
    purpose: Purpose = "training",
    best: Best = None,
    check: Check = 0,
    device: Device = "cpu",
    again: Again = False,
    top: Top = SHOWN,
    everything: Everything = False,
    settings: Settings = None,
    image_size: ImageSize = None,
    unit: Unit = "flops",
    form: Annotated[TextForm, typer.Option("--format", help="How the table is printed.")] = "text",
    as_json: Annotated[bool, typer.Option("--json", help="Print only JSON.")] = False,
) -> None:
    """Vary an architecture, and find the best variants within a budget.

    Best is what has most parameters, FLOPs or layers: capacity, not accuracy. Times are predicted from layers of other
    networks, which are measured once on this device; the error of that is printed.
    """
    from resnet_studio.analysis.sweep import Sweep, sweep_steps
    from resnet_studio.analysis.sweep_text import read_variations

    _reject_unused(context, memory=max_memory is not None, time=max_ms is not None or check > 0, as_json=as_json)
    base = resolve_architecture(name, settings, image_size)
    texts = [*(vary or ()), *([] if scale is None else [f"scale={scale}"])]
    if not texts:
        raise ValueError("sweep needs a field to vary, as in `sweep resnet50 --vary depth=18,34,50 --vary width=fit`")
    swept = Sweep(base, read_variations(texts, base))
    budget = _budget(max_macs, max_parameters, max_memory, max_ms, batch, purpose)
    times = _layer_times(device, again=again) if budget.seconds is not None or check else None
    seconds_of = times.seconds if times else None
    result = run_with_progress(sweep_steps(swept, budget, best, seconds_of), "tabling the networks")
    answer = _Answer(result, times, _measured(result, check, device, again=again))
    if as_json:
        echo_json(answer.to_json())
        return
    places = list(range(len(result.candidates))) if everything else list(result.front)
    answer.print(places[:top], len(places), unit, form)


def _reject_unused(context: typer.Context, *, memory: bool, time: bool, as_json: bool) -> None:
    """`ValueError` for options that would have no effect."""
    if not memory:
        reject_options(context, {"batch", "purpose"}, "without --max-memory, some options have no effect")
    if not time:
        reject_options(context, {"device", "again"}, "without --max-ms or --check, some options have no effect")
    if as_json:
        reject_options(context, {"form", "top", "everything", "unit"}, "with --json, some options have no effect")


def _budget(
    macs: str | None, parameters: str | None, size: str | None, milliseconds: str | None, batch: int, purpose: Purpose
) -> Budget:  # fmt: skip
    from resnet_studio.analysis.budget import Budget, check_batch, read_bytes, read_count, read_milliseconds

    return Budget(
        _option("--max-macs", macs, read_count),
        _option("--max-parameters", parameters, read_count),
        _option("--max-memory", size, read_bytes),
        _option("--max-ms", milliseconds, read_milliseconds),
        check_batch(batch),
        purpose,
    )


def _option(name: str, text: str | None, read: Callable[[str], Value]) -> Value | None:
    """An option's value from its text; `ValueError` names the option."""
    try:
        return None if text is None else read(text)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _layer_times(device: str, *, again: bool) -> LayerTimes:
    from resnet_studio.analysis.compute.layer_times import layer_times_steps
    from resnet_studio.analysis.measurement_cache import MeasurementCache
    from resnet_studio.analysis.predicted_time import LayerTimes

    return LayerTimes(run_with_progress(layer_times_steps(device, MeasurementCache(), again=again)))


def _measured(result: SweepResult, count: int, device: str, *, again: bool) -> list[Measurement]:
    """The best of the front, measured now or before."""
    if not count:
        return []
    from resnet_studio.analysis.compute.layer_times import measured_steps
    from resnet_studio.analysis.measurement import MeasurementSpec
    from resnet_studio.analysis.measurement_cache import MeasurementCache

    specs = [MeasurementSpec(result.candidates[at].architecture, device) for at in result.front[:count]]
    return run_with_progress(measured_steps(specs, MeasurementCache(), again=again))


@dataclass(frozen=True)
class _Answer:
    """What the command prints: the result, and how its times were predicted and measured."""

    result: SweepResult
    times: LayerTimes | None
    measurements: Sequence[Measurement]

    def error(self) -> PredictionError | None:
        from resnet_studio.analysis.predicted_time import error_steps

        return run_with_progress(error_steps(self.times.measurements)) if self.times else None

    def to_json(self) -> dict[str, Any]:
        error = self.error()
        prediction = None
        if self.times and error:
            first = self.times.measurements[0]
            prediction = {"device": first.device_name, "threads": first.threads, "error": error.to_json()}
        return {
            **self.result.to_json(),
            "prediction": prediction,
            "measured": [one.to_json() for one in self.measurements],
        }

    def print(self, places: Sequence[int], of: int, unit: FlopUnit, form: TextForm) -> None:
        """Print the table, and, unless it is for another program, the sentences around it."""
        from resnet_studio.analysis import text
        from resnet_studio.analysis.sweep_rows import summary, sweep_csv, sweep_grid

        measured = {one.spec.architecture: one.per_image.median for one in self.measurements}
        if form == "csv":
            sys.stdout.write(sweep_csv(self.result, places, measured))
            return
        grid = sweep_grid(self.result, places, unit, measured)
        if form != "text":
            sys.stdout.write(text.grid_text(grid, form))
            return
        echo(f"{summary(self.result)}.")
        echo(self.result.meaning)
        echo()
        if places:
            print_grid(grid)
        else:
            echo("No network is within the budget. Allow more, or vary other fields.")
        if of > len(places):
            echo(f"… and {of - len(places):,} more (--top)")
        echo("\n".join(["", *self._notes(places)]).rstrip())

    def _notes(self, places: Sequence[int]) -> list[str]:
        """What stands under the table: roundings, the error of predicted times, and what was impossible."""
        from resnet_studio.analysis.predicted_time import guess_note
        from resnet_studio.analysis.scaling import published_notes
        from resnet_studio.analysis.sweep_rows import impossible_reasons
        from resnet_studio.networks.presets import title

        found = []
        for at in places:
            candidate = self.result.candidates[at]
            found += [f"{candidate.title}: {rounding.words}" for rounding in candidate.roundings]
        if (error := self.error()) and self.times:
            found.append(f"predicted times: {error.words} ({self.times.where}; each from the layers of the others)")
            if kinds := self.times.guessed(self.result.sweep.base):
                found.append(guess_note(kinds))
        for one in self.measurements:
            found += [f"{title(one.spec.architecture)}: {caveat}" for caveat in one.caveats]
        if reasons := impossible_reasons(self.result):
            count = len(self.result.impossible)
            found.append(f"{counted(count, 'combination')} {'is' if count == 1 else 'are'} impossible:")
            found += [f"  {reason}" for reason in reasons]
        return [*found, *published_notes(self.result.sweep.variations.get("scale", ()))]
