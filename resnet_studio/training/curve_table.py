"""The curves of runs as one table of text, for whoever draws them with something else. Needs neither torch nor Qt."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from resnet_studio.atomic import write_file
from resnet_studio.plain import cell
from resnet_studio.training.curves import Curves, Values
from resnet_studio.training.events import Measured

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
