"""The results of a run as the numbers that one would cite, and its curves as CSV. Needs neither torch nor Qt."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from resnet_studio.atomic import write_file
from resnet_studio.formatting import percent
from resnet_studio.networks.architecture import Architecture, ArchitectureError, Residual, from_json
from resnet_studio.networks.presets import title
from resnet_studio.plain import csv_cell, plain
from resnet_studio.training.degradation import experiment
from resnet_studio.training.degradation.experiment import ExperimentError, NewerExperimentError
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.curves import LIVE_STATES, Curves, State, Values, read_run_curves
from resnet_studio.training.runs.events import Measured
from resnet_studio.training.runs.run_folder import NewerRunError, RunError

ListedState = State | Literal["damaged", "newer"]
"""State of a run; "damaged" if its manifest can't be read, "newer" if a newer version of the program wrote it."""


MAX_PATH_LENGTH = 4096
"""Characters up to which a folder's path is shown."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Summary of a run. Errors are fractions, 0 … 1; None if nothing was measured.

    For a damaged run the architecture, depth, shortcut and data may be unknown: empty or None.
    """

    name: str
    folder: str
    architecture: str
    depth: int | None
    shortcut: str
    data: str
    how: ListedState
    why: str
    steps: int
    seconds: float
    training_error: float | None
    """Measured on the whole training set, if that is as recent as the test error."""
    running_error: float | None
    """Mean over the batches of the last complete epoch, each measured during training."""
    test_error: float | None
    best_error: float | None
    best_step: int | None
    lost: int
    """Steps after the newest checkpoint of a run that has ended; a resumed run trains them again."""
    fitted: tuple[str, ...]
    """What was changed to fit the network to the data: "channels 3 → 1"."""
    notes: tuple[str, ...]

    @property
    def live(self) -> bool:
        return self.how in LIVE_STATES

    def to_json(self) -> dict[str, Any]:
        """The summary as plain JSON values; NaN and infinity become null."""
        values = asdict(self) | {"fitted": list(self.fitted), "notes": list(self.notes)}
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in values.items()
        }

    def lines(self) -> list[str]:
        """The summary as lines of text."""
        reason = f": {self.why}" if self.why else ""
        lines = [f"{plain(self.name)} {self.how} after {self.steps:,} steps, {self.seconds:.1f} s of training{reason}"]
        if self.test_error is not None and self.best_error is not None:
            lines.append(
                f"test error {percent(self.test_error)}, best {percent(self.best_error)} at step {self.best_step:,}"
            )
        if self.training_error is not None:
            lines.append(f"measured training error {percent(self.training_error)}")
        elif self.running_error is not None:
            lines.append(f"running training error {percent(self.running_error)}")
        if self.lost and self.how in ("failed", "killed"):
            lines.append(f"steps lost since the latest checkpoint: {self.lost:,}")
        if self.fitted:
            lines.append(f"network adapted to the data: {plain(', '.join(self.fitted))}")
        return [*lines, *self.notes, f"saved in {plain(self.folder, MAX_PATH_LENGTH)}"]


def summarize(folder: Path) -> Summary:
    """Summarize a run from its folder. `RunError` if it is not a run."""
    manifest, curves = run_folder.read_manifest(folder), read_run_curves(folder)
    architecture = fitted_architecture(curves) or manifest.architecture
    return _summary(folder, curves, architecture, manifest.recipe.data, curves.state, curves.reason)


def summarize_any(folder: Path) -> Summary:
    """As `summarize`, but never raises: for an unreadable manifest, the reason and what the events contain."""
    try:
        return summarize(folder)
    except RunError as error:
        curves = read_run_curves(folder)
        how: ListedState = "newer" if isinstance(error, NewerRunError) else "damaged"
        return _summary(folder, curves, fitted_architecture(curves), "", how, str(error))


def unreadable_experiments(where: Path) -> list[Summary]:
    """Summaries of the experiments in a folder of runs that can't be read, with the reason."""
    broken = []
    for folder in experiment.find_experiments(where):
        try:
            experiment.read_experiment(folder)
        except ExperimentError as error:
            how: ListedState = "newer" if isinstance(error, NewerExperimentError) else "damaged"
            broken.append(_summary(folder, Curves(), None, "", how, str(error)))
    return broken


def fitted_architecture(curves: Curves) -> Architecture | None:
    """The network as fitted to the data; None if the run has not recorded it or it is not a known architecture."""
    if curves.prepared is None:
        return None
    try:
        return from_json(curves.prepared.architecture)
    except ArchitectureError:
        return None


def _summary(
    folder: Path, curves: Curves, architecture: Architecture | None, data: str, how: ListedState, why: str
) -> Summary:
    last, best = curves.last("test"), curves.best
    return Summary(
        name=folder.name, folder=str(folder), architecture=title(architecture) if architecture else "",
        depth=architecture.depth if architecture else None, shortcut=_shortcut(architecture), data=data,
        how=how, why=why, steps=curves.steps, seconds=curves.seconds,
        training_error=_error(_training(curves)), running_error=_running(curves), test_error=_error(last),
        best_error=_error(best), best_step=best.step if best else None,
        lost=0 if how in LIVE_STATES else curves.unsaved_steps,
        fitted=curves.prepared.changes if curves.prepared else (), notes=tuple(curves.notes),
    )  # fmt: skip


def _shortcut(architecture: Architecture | None) -> str:
    if architecture is None:
        return ""
    return architecture.shortcut if isinstance(architecture, Residual) else "none"


def _training(curves: Curves) -> Measured | None:
    training, test = curves.last("training"), curves.last("test")
    return training if training and test and training.step >= test.step else None


def _running(curves: Curves) -> float | None:
    means = curves.per_epoch("error").y
    return float(means[-1]) if len(means) else None


def _error(measured: Measured | None) -> float | None:
    return None if measured is None else measured.error


HEADINGS = (
    "run", "set", "step", "epoch", "training time (s)", "loss", "error (%)", "learning rate", "images per second",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class CurveTable:
    """A copy of a run's curves, so that the run can continue while they are written."""

    name: str
    steps_per_epoch: int
    steps: Values
    seconds: Values
    losses: Values
    errors: Values
    rates: Values
    speed_steps: Values
    speeds: Values
    measured: tuple[Measured, ...]

    def rows(self) -> Iterator[tuple[object, ...]]:
        """One row per trained step, where the set is "training batch", then one per measurement."""
        speeds, name = self._speed_of_steps(), csv_cell(self.name)
        for index, step in enumerate(map(int, self.steps)):
            yield (
                name, "training batch", step, f"{step / self.steps_per_epoch:.6g}", f"{self.seconds[index]:.6g}",
                f"{self.losses[index]:.9g}", f"{100 * self.errors[index]:.6g}", f"{self.rates[index]:.9g}",
                f"{speeds[index]:.6g}",
            )  # fmt: skip
        for event in self.measured:
            yield (
                name, f"{event.split} set", event.step, f"{event.step / self.steps_per_epoch:.6g}",
                f"{event.seconds:.6g}", f"{event.loss:.9g}", f"{100 * event.error:.6g}", "", "",
            )  # fmt: skip

    def _speed_of_steps(self) -> Values:
        """Images per second, for each step: that of the event which contains it."""
        if not len(self.speeds):
            return np.full(len(self.losses), np.nan)
        at = np.searchsorted(self.speed_steps, self.steps, "left")
        spread: Values = self.speeds[np.minimum(at, len(self.speeds) - 1)]
        return spread


def curve_table(name: str, curves: Curves) -> CurveTable:
    """The table of a run's curves so far."""
    loss, speed = curves.per_step("loss"), curves.throughput()
    seconds = curves.per_step("loss", "seconds").x
    return CurveTable(
        name, curves.prepared.steps_per_epoch if curves.prepared else 1, loss.x, seconds, loss.y,
        curves.per_step("error").y, curves.per_step("rate").y, speed.x, speed.y, tuple(curves.measured),
    )  # fmt: skip


def write_csv(path: Path, tables: Sequence[CurveTable]) -> None:
    """Write the tables to one CSV file. On `OSError` an existing file is left unchanged."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADINGS)
    writer.writerows(_rows(tables))
    write_file(path, text.getvalue().encode())


def _rows(tables: Iterable[CurveTable]) -> Iterator[tuple[object, ...]]:
    for table in tables:
        yield from table.rows()
