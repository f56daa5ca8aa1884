"""Trains the runs of an experiment one after another in this process, and prints the results."""

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
from resnet_studio.cli.terminal import echo, echo_json, print_grid
from resnet_studio.cli.train import create_run, train_run
from resnet_studio.formatting import percent
from resnet_studio.plain import plain, printable
from resnet_studio.training.degradation import experiment as experiments
from resnet_studio.training.degradation.experiment import Experiment, ExperimentRun
from resnet_studio.training.degradation.verdict import Verdict, judge
from resnet_studio.training.errors import TrainingFailedError
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Event, Measured, Noted, Prepared, Stepped, Working
from resnet_studio.training.runs.run_folder import STOP, STOP_NOW, RunError
from resnet_studio.training.runs.summary import Summary, summarize_any
from resnet_studio.training.runs.writer import still_running_message

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

FAILED = 1
Listener = Callable[[Event], object]


def train_all(
    folder: Path, experiment: Experiment, make_listener: Callable[[ExperimentRun], Listener], *, download: bool = False
) -> list[Summary]:
    """Train the unfinished runs of an experiment until it is stopped; the summaries of all runs that exist."""
    run_folder.check_entries(folder)
    for request in (STOP, STOP_NOW):
        withdraw_stale_request(folder, request)
    for run in experiment.runs:
        if any((folder / request).exists() for request in (STOP, STOP_NOW)):
            break
        if _train_one(folder, run, make_listener(run), download=download) == "stopped":
            break
    return [summarize_any(folder / run.name) for run in experiment.runs if run_folder.is_run(folder / run.name)]


def withdraw_stale_request(folder: Path, request: str) -> None:
    """Withdraw a request from before this process started; one that came while libraries were loading counts."""
    with suppress(OSError):
        if (folder / request).lstat().st_mtime < STARTED:
            run_folder.withdraw_request(folder, request)


def _train_one(folder: Path, run: ExperimentRun, listener: Listener, *, download: bool) -> str:
    """Start or resume a run, and return how it ended.

    A NaN loss ends only this run, and a damaged run is left unchanged.
    """
    run_path = folder / run.name
    if run_path.is_symlink():
        raise RunError(
            f"{folder.name}: {run.name} is a symbolic link. Replace it with the run's own directory, or remove it"
        )
    exists = run_folder.is_run(run_path)
    if exists:
        summary = summarize_any(run_path)
        if summary.live:
            raise RunError(f"{folder.name}: {still_running_message(run_path)}")
        if summary.how in ("finished", "damaged", "newer"):
            return summary.how
    else:
        create_run(run_path, run.network.architecture, run.recipe, threads=0)

    try:
        return train_run(run_path, resume=exists, download=download, listener=listener, parents=[folder]).how
    except TrainingFailedError:
        return "failed"


def print_results(folder: Path, experiment: Experiment, summaries: list[Summary], *, as_json: bool) -> None:
    """Print the results of an experiment; exit code 1 if a run failed."""
    verdict = judge(experiment, experiments.read_curves(folder, experiment))
    if as_json:
        echo_json(results_to_json(folder, experiment, summaries, verdict))
    else:
        print_grid(_grid(summaries))
        echo(
            "\n".join(
                [
                    "",
                    *_unreadable_reasons(summaries),
                    *verdict.sentences,
                    *filter(None, [verdict.rule]),
                    f"saved in {folder}",
                ]
            )
        )
    if any(summary.how in ("failed", "damaged", "newer") for summary in summaries):
        raise typer.Exit(FAILED)


def results_to_json(folder: Path, experiment: Experiment, summaries: list[Summary], verdict: Verdict) -> dict[str, Any]:
    """An experiment, its runs and the verdict as plain JSON values. Errors are fractions, 0 … 1."""
    seeds = {run.name: run.recipe.seed for run in experiment.runs}
    runs = [
        {
            "name": summary.name, "depth": summary.depth, "shortcut": summary.shortcut, "seed": seeds[summary.name],
            "state": summary.how, "why": summary.why, "steps": summary.steps, "seconds": summary.seconds,
            "training_error": summary.to_json()["training_error"], "test_error": summary.to_json()["test_error"],
        }
        for summary in summaries
    ]  # fmt: skip
    configuration = experiments.to_json(experiment)
    return {"name": folder.name, "folder": str(folder), **configuration, "runs": runs, "verdict": verdict.to_json()}


def _grid(summaries: list[Summary]) -> Grid:
    rows = tuple(
        (summary.name, str(summary.depth or DASH), summary.shortcut, summary.how, f"{summary.steps:,}",
         _error(summary.training_error), _error(summary.test_error))
        for summary in summaries
    )  # fmt: skip
    header = ("run", "depth", "shortcut", "state", "steps", "measured training error", "test error")
    return Grid(header, rows, frozenset({1, 4, 5, 6}))


def _unreadable_reasons(summaries: list[Summary]) -> list[str]:
    """Why runs can't be read."""
    return [summary.why for summary in summaries if summary.how in ("damaged", "newer")]


def _error(fraction: float | None) -> str:
    return DASH if fraction is None else percent(fraction)


@contextmanager
def progress_listeners(folder: Path, experiment: Experiment) -> Iterator[Callable[[ExperimentRun], Listener]]:
    """A factory of listeners, one per run, that draw a shared progress bar if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda run: lambda event: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    description, error = (TextColumn(f"{{task.{what}}}", markup=False) for what in ("description", "fields[error]"))
    columns = (description, BarColumn(), error, TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True, markup=False, emoji=False)) as bar:
        yield _ExperimentProgress(bar, folder.name, experiment).listener_for


class _ExperimentProgress:
    """The runs of an experiment on one rich progress bar."""

    def __init__(self, bar: Bar, name: str, experiment: Experiment) -> None:
        self._bar, self._experiment, self._steps, self._per_epoch = bar, experiment, 0, 1
        self._task = bar.add_task(f"{plain(name)}: loading PyTorch", total=None, error="")

    def listener_for(self, run: ExperimentRun) -> Listener:
        """A listener for the next run."""
        number = self._experiment.runs.index(run)
        what = f"{run.name}, {number + 1} of {len(self._experiment.runs)}"

        def on_event(event: Event) -> None:
            match event:
                case Working():
                    self._bar.update(self._task, description=f"{what}: {plain(event.what)}")
                case Prepared():
                    self._steps, self._per_epoch = event.steps, event.steps_per_epoch
                    total = event.steps * len(self._experiment.runs)
                    self._bar.update(self._task, description=what, total=total, completed=number * event.steps)
                case Stepped():
                    done = event.first + len(event.losses)
                    epoch = f"epoch {-(-done // self._per_epoch)} of {-(-self._steps // self._per_epoch)}"
                    self._bar.update(self._task, description=f"{what}, {epoch}", completed=number * self._steps + done)
                case Measured(split="test"):
                    self._bar.update(self._task, error=f"test error {percent(event.error)}")
                case Noted():
                    self._bar.console.print(f"{run.name}: {printable(event.text)}")

        return on_event
