"""The networks of an experiment with their lines and errors: the figure's legend, with numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from resnet_studio.analysis.units import DASH
from resnet_studio.formatting import percent
from resnet_studio.gui.common.helpers import dress, named
from resnet_studio.gui.plots.styles import sample, twin_stroke
from resnet_studio.gui.theme import GRID
from resnet_studio.training.degradation.experiment import Experiment, NetworkSpec
from resnet_studio.training.degradation.statistics import SPLITS, Split, errors, final, runs_on, spread
from resnet_studio.training.runs.curves import Curves


class ErrorTable(QWidget):
    """Shows the newest error of each network; medians where it was trained with several seeds."""

    def __init__(self) -> None:
        super().__init__()
        named(self, "twinTable", "Networks and their errors")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(GRID)
        self._grid.setVerticalSpacing(GRID // 2)
        self._grid.setColumnStretch(1, 1)
        self._rows: dict[NetworkSpec, tuple[QLabel, ...]] = {}

    def show_errors(self, experiment: Experiment, curves: Mapping[str, Curves]) -> None:
        """Show how far the networks' errors are."""
        if tuple(self._rows) != experiment.twins:
            self._make(experiment.twins)
        for twin, (line, _, *cells) in self._rows.items():
            line.setPixmap(sample(twin_stroke(twin, experiment.depths)))
            parts = [part for part in experiment.parts_of(twin) if part.name in curves]
            done = bool(parts) and all(curves[part.name].state == "finished" for part in parts)
            for cell, split in zip(cells, SPLITS, strict=True):
                known = {part.recipe.seed: _last(curves[part.name], split) for part in parts}
                median = spread(known.values()).median
                cell.setText(DASH if math.isnan(median) else percent(median))
                cell.setToolTip(exact(known))
                dress(cell, quiet=not done)
        running = any(map(_runs_on, curves.values()))
        self._training.setText(f"{'running' if running else 'measured'}\ntraining")

    def _make(self, twins: Sequence[NetworkSpec]) -> None:
        while item := self._grid.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        self._training = named(QLabel(), "trainingHeading", "Which training error")
        self._training.setAlignment(Qt.AlignmentFlag.AlignRight)
        for column, heading in ((1, QLabel("error")), (2, self._training), (3, QLabel("test"))):
            heading.setProperty("quiet", True)
            self._grid.addWidget(heading, 0, column, _side(column) | Qt.AlignmentFlag.AlignBottom)
        self._rows = {twin: self._make_row(row, twin) for row, twin in enumerate(twins, start=1)}

    def _make_row(self, row: int, twin: NetworkSpec) -> tuple[QLabel, ...]:
        name = twin.title.replace("-", "")
        line = named(QLabel(), f"{name}Line", f"Line of {twin.title}")
        cells = [named(QLabel(DASH), f"{name}{split.title()}", f"{split} error of {twin.title}") for split in SPLITS]
        labels = (line, QLabel(twin.title), *cells)
        for column, label in enumerate(labels):
            self._grid.addWidget(label, row, column, _side(column))
        return labels


def exact(errors_of: Mapping[int, float]) -> str:
    """The values of single runs with all their digits."""
    known = {seed: value for seed, value in errors_of.items() if not math.isnan(value)}
    return "\n".join(f"seed {seed}: {100 * value:.6g} %" for seed, value in known.items())


def _runs_on(run: Curves) -> bool:
    """Whether the newest training error of a run is a running one."""
    return math.isnan(final(run, "training")) and runs_on(run)


def _last(run: Curves, split: Split) -> float:
    if not math.isnan(last := final(run, split)):
        return last
    values = errors(run, split).y
    return float(values[-1]) if len(values) else math.nan


def _side(column: int) -> Qt.AlignmentFlag:
    return Qt.AlignmentFlag.AlignRight if column > 1 else Qt.AlignmentFlag.AlignLeft
