"""The runs of an experiment one after another in this process, and what is printed of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from resnet_studio import STARTED
from resnet_studio.analysis.grids import Grid
from resnet_studio.analysis.units import DASH
from resnet_studio.cli.terminal import say, say_json, show
from resnet_studio.cli.train import begin, carry_on
from resnet_studio.formatting import percent
from resnet_studio.plain import plain, printable
from resnet_studio.training.degradation import experiment as experiments
from resnet_studio.training.degradation.experiment import Experiment, ExperimentRun
from resnet_studio.training.degradation.verdict import Verdict, judge
from resnet_studio.training.errors import TrainingFailedError
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Event, Measured, Noted, Prepared, Stepped, Working
from resnet_studio.training.runs.run_folder import STOP, STOP_NOW, RunError
from resnet_studio.training.runs.summary import Summary, listed
from resnet_studio.training.runs.writer import still_running

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

FAILED = 1
Listener = Callable[[Event], object]


def train_all(
    folder: Path, value: Experiment, progress: Callable[[ExperimentRun], Listener], *, download: bool = False
) -> list[Summary]:
    """Do what is not finished of an experiment, until somebody stops it; what came of the runs that are there."""
    run_folder.check(folder)
    for request in (STOP, STOP_NOW):
        withdraw_old(folder, request)
    for part in value.parts:
        if any((folder / request).exists() for request in (STOP, STOP_NOW)):
            break
        if _train_one(folder, part, progress(part), download=download) == "stopped":
            break
    return [listed(folder / part.name) for part in value.parts if run_folder.is_run(folder / part.name)]


def withdraw_old(folder: Path, request: str) -> None:
    """Take back a request from before this process began; one that came while libraries were loaded counts."""
    with suppress(OSError):
        if (folder / request).lstat().st_mtime < STARTED:
            run_folder.withdraw(folder, request)


def _train_one(folder: Path, part: ExperimentRun, listener: Listener, *, download: bool) -> str:
    """Begin a run or go on with it, and say how it ended.

    A loss that is no number ends that run alone, and a run that is damaged is left as it is.
    """
    run = folder / part.name
    if run.is_symlink():
        raise RunError(f"{folder.name}: {part.name} is a link. Put the run's own folder there, or remove the link")
    there = run_folder.is_run(run)
    if there:
        state = listed(run)
        if state.live:
            raise RunError(f"{folder.name}: {still_running(run)}")
        if state.how in ("finished", "damaged", "newer"):
            return state.how
    else:
        begin(run, part.twin.architecture, part.recipe, threads=0)

    try:
        return carry_on(run, resume=there, download=download, listener=listener, above=[folder]).how
    except TrainingFailedError:
        return "failed"


def finished(folder: Path, value: Experiment, done: list[Summary], *, as_json: bool) -> None:
    """Print what came of an experiment; exit code 1 if a run failed."""
    verdict = judge(value, experiments.read_curves(folder, value))
    if as_json:
        say_json(as_values(folder, value, done, verdict))
    else:
        show(_grid(done))
        say("\n".join(["", *_broken(done), *verdict.sentences, *filter(None, [verdict.rule]), f"kept in {folder}"]))
    if any(one.how in ("failed", "damaged", "newer") for one in done):
        raise typer.Exit(FAILED)


def as_values(folder: Path, value: Experiment, done: list[Summary], verdict: Verdict) -> dict[str, Any]:
    """An experiment, its runs and the verdict as plain JSON values. Errors are shares, 0 … 1."""
    seeds = {part.name: part.recipe.seed for part in value.parts}
    of_runs = [
        {
            "name": one.name, "depth": one.depth, "shortcut": one.shortcut, "seed": seeds[one.name],
            "state": one.how, "why": one.why, "steps": one.steps, "seconds": one.seconds,
            "training_error": one.to_json()["training_error"], "test_error": one.to_json()["test_error"],
        }
        for one in done
    ]  # fmt: skip
    asked = experiments.to_json(value)
    return {"name": folder.name, "folder": str(folder), **asked, "runs": of_runs, "verdict": verdict.to_json()}


def _grid(done: list[Summary]) -> Grid:
    rows = tuple(
        (one.name, str(one.depth or DASH), one.shortcut, one.how, f"{one.steps:,}", _error(one.training_error),
         _error(one.test_error))
        for one in done
    )  # fmt: skip
    header = ("run", "depth", "shortcut", "state", "steps", "measured training error", "test error")
    return Grid(header, rows, frozenset({1, 4, 5, 6}))


def _broken(done: list[Summary]) -> list[str]:
    """Why runs were left as they are."""
    return [one.why for one in done if one.how in ("damaged", "newer")]


def _error(share: float | None) -> str:
    return DASH if share is None else percent(share)


@contextmanager
def shown_progress(folder: Path, value: Experiment) -> Iterator[Callable[[ExperimentRun], Listener]]:
    """Makes a listener for each run, all on one bar where stderr is a terminal; nothing is drawn elsewhere."""
    if not sys.stderr.isatty():
        yield lambda part: lambda event: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    said, error = (TextColumn(f"{{task.{what}}}", markup=False) for what in ("description", "fields[error]"))
    columns = (said, BarColumn(), error, TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True, markup=False, emoji=False)) as bar:
        yield _Drawn(bar, folder.name, value).follow


class _Drawn:
    """The runs of an experiment on one bar of rich's."""

    def __init__(self, bar: Bar, name: str, value: Experiment) -> None:
        self._bar, self._value, self._steps, self._per_epoch = bar, value, 0, 1
        self._task = bar.add_task(f"{plain(name)}: starting torch", total=None, error="")

    def follow(self, part: ExperimentRun) -> Listener:
        """A listener for the run that comes next."""
        number = self._value.parts.index(part)
        what = f"{part.name}, {number + 1} of {len(self._value.parts)}"

        def take(event: Event) -> None:
            match event:
                case Working():
                    self._bar.update(self._task, description=f"{what}: {plain(event.what)}")
                case Prepared():
                    self._steps, self._per_epoch = event.steps, event.steps_per_epoch
                    total = event.steps * len(self._value.parts)
                    self._bar.update(self._task, description=what, total=total, completed=number * event.steps)
                case Stepped():
                    done = event.first + len(event.losses)
                    epoch = f"epoch {-(-done // self._per_epoch)} of {-(-self._steps // self._per_epoch)}"
                    self._bar.update(self._task, description=f"{what}, {epoch}", completed=number * self._steps + done)
                case Measured(split="test"):
                    self._bar.update(self._task, error=f"test error {percent(event.error)}")
                case Noted():
                    self._bar.console.print(f"{part.name}: {printable(event.text)}")

        return take
