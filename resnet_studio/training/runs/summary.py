"""What became of a run, in the numbers that one would cite. Needs neither torch nor Qt."""

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
from resnet_studio.plain import cell, plain
from resnet_studio.training.degradation import experiment
from resnet_studio.training.degradation.experiment import ExperimentError, NewerExperimentError
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.curves import LIVE, Curves, State, Values
from resnet_studio.training.runs.events import Measured
from resnet_studio.training.runs.reader import RunReader
from resnet_studio.training.runs.run_folder import NewerRunError, RunError

Standing = State | Literal["damaged", "newer"]
"""How a run is; "damaged" where its manifest can't be read, "newer" where a newer version of the program wrote it."""


LONGEST_PATH = 4096
"""Characters of a folder's path that are shown."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in short. Errors are shares, 0 … 1; None where nothing was measured.

    Of a damaged run the architecture, its depth and shortcut, and the data may be unknown: empty or None.
    """

    name: str
    folder: str
    architecture: str
    depth: int | None
    shortcut: str
    data: str
    how: Standing
    why: str
    steps: int
    seconds: float
    training_error: float | None
    """Measured on the whole training set, where that is as new as the test error."""
    running_error: float | None
    """Of the last whole epoch's batches, each as it was met while the network was learning."""
    test_error: float | None
    best_error: float | None
    best_step: int | None
    lost: int
    """Steps after the newest checkpoint, where the run is over: one that goes on trains them again."""
    fitted: tuple[str, ...]
    """What of the network was fitted to the data: "channels 3 → 1"."""
    notes: tuple[str, ...]

    @property
    def live(self) -> bool:
        return self.how in LIVE

    def to_json(self) -> dict[str, Any]:
        """The summary as plain JSON values; what is not a number is null."""
        values = asdict(self) | {"fitted": list(self.fitted), "notes": list(self.notes)}
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in values.items()
        }

    def lines(self) -> list[str]:
        """The summary in words."""
        why = f": {self.why}" if self.why else ""
        told = [f"{plain(self.name)} {self.how} after {self.steps:,} steps, {self.seconds:.1f} s of training{why}"]
        if self.test_error is not None and self.best_error is not None:
            told.append(
                f"test error {percent(self.test_error)}, best {percent(self.best_error)} at step {self.best_step:,}"
            )
        if self.training_error is not None:
            told.append(f"measured training error {percent(self.training_error)}")
        elif self.running_error is not None:
            told.append(f"running training error {percent(self.running_error)}")
        if self.lost and self.how in ("failed", "killed"):
            told.append(f"steps after the last checkpoint, which are lost: {self.lost:,}")
        if self.fitted:
            told.append(f"network fitted to the data: {plain(', '.join(self.fitted))}")
        return [*told, *self.notes, f"kept in {plain(self.folder, LONGEST_PATH)}"]


def summarise(folder: Path) -> Summary:
    """Read a run's folder. `RunError` if it is none."""
    manifest, curves = run_folder.read(folder), curves_of(folder)
    architecture = fitted_architecture(curves) or manifest.architecture
    return _summary(folder, curves, architecture, manifest.recipe.data, curves.state, curves.why)


def listed(folder: Path) -> Summary:
    """What a list of runs shows of one. Where its manifest can't be read, the reason, and what its events tell."""
    try:
        return summarise(folder)
    except RunError as error:
        curves = curves_of(folder)
        how: Standing = "newer" if isinstance(error, NewerRunError) else "damaged"
        return _summary(folder, curves, fitted_architecture(curves), "", how, str(error))


def listed_experiments(where: Path) -> list[Summary]:
    """The experiments in a folder of runs that can't be read, with the reason; of the others their runs are listed."""
    broken = []
    for folder in experiment.find(where):
        try:
            experiment.read(folder)
        except ExperimentError as error:
            how: Standing = "newer" if isinstance(error, NewerExperimentError) else "damaged"
            broken.append(_summary(folder, Curves(), None, "", how, str(error)))
    return broken


def fitted_architecture(curves: Curves) -> Architecture | None:
    """The network as it was fitted to the data; None where the run does not tell, or tells of none that is known."""
    if curves.prepared is None:
        return None
    try:
        return from_json(curves.prepared.architecture)
    except ArchitectureError:
        return None


def _summary(
    folder: Path, curves: Curves, architecture: Architecture | None, data: str, how: Standing, why: str
) -> Summary:
    last, best = curves.last("test"), curves.best
    return Summary(
        name=folder.name, folder=str(folder), architecture=title(architecture) if architecture else "",
        depth=architecture.depth if architecture else None, shortcut=_shortcut(architecture), data=data,
        how=how, why=why, steps=curves.steps, seconds=curves.seconds,
        training_error=_error(_training(curves)), running_error=_running(curves), test_error=_error(last),
        best_error=_error(best), best_step=best.step if best else None,
        lost=0 if how in LIVE else curves.unsaved, fitted=curves.prepared.changes if curves.prepared else (),
        notes=tuple(curves.notes),
    )  # fmt: skip


def _shortcut(architecture: Architecture | None) -> str:
    if architecture is None:
        return ""
    return architecture.shortcut if isinstance(architecture, Residual) else "none"


def curves_of(folder: Path) -> Curves:
    """All that a run has told so far."""
    curves = Curves()
    for event in RunReader(folder).new_events(-1):
        curves.take(event)
    return curves


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
    """A copy of a run's curves, so that the run may go on while they are written."""

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
        """A row per trained step, then one per measurement; a batch's images are the set "training batch"."""
        speeds, name = self._speed_of_steps(), cell(self.name)
        for index, step in enumerate(map(int, self.steps)):
            yield (
                name, "training batch", step, f"{step / self.steps_per_epoch:.6g}", f"{self.seconds[index]:.6g}",
                f"{self.losses[index]:.9g}", f"{100 * self.errors[index]:.6g}", f"{self.rates[index]:.9g}",
                f"{speeds[index]:.6g}",
            )  # fmt: skip
        for one in self.measured:
            yield (
                name, f"{one.split} set", one.step, f"{one.step / self.steps_per_epoch:.6g}",
                f"{one.seconds:.6g}", f"{one.loss:.9g}", f"{100 * one.error:.6g}", "", "",
            )  # fmt: skip

    def _speed_of_steps(self) -> Values:
        """The speed that was told with each step."""
        if not len(self.speeds):
            return np.full(len(self.losses), np.nan)
        at = np.searchsorted(self.speed_steps, self.steps, "left")
        spread: Values = self.speeds[np.minimum(at, len(self.speeds) - 1)]
        return spread


def curve_table(name: str, curves: Curves) -> CurveTable:
    """What there is of a run now."""
    loss, speed = curves.training("loss"), curves.throughput()
    seconds = curves.training("loss", "seconds").x
    return CurveTable(
        name, curves.prepared.steps_per_epoch if curves.prepared else 1, loss.x, seconds, loss.y,
        curves.training("error").y, curves.training("rate").y, speed.x, speed.y, tuple(curves.measured),
    )  # fmt: skip


def write_csv(path: Path, tables: Sequence[CurveTable]) -> None:
    """Write them below one another; `OSError` if that can't be done, and then the old file is there as before."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADINGS)
    writer.writerows(_rows(tables))
    write_file(path, text.getvalue().encode())


def _rows(tables: Iterable[CurveTable]) -> Iterator[tuple[object, ...]]:
    for table in tables:
        yield from table.rows()
