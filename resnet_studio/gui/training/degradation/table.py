"""The table of an experiment's networks: the figure's legend, with their errors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from resnet_studio.analysis.units import DASH
from resnet_studio.formatting import percent
from resnet_studio.gui.common.helpers import set_names, set_style_property
from resnet_studio.gui.plots.styles import network_stroke, sample_pixmap
from resnet_studio.gui.theme import GRID
from resnet_studio.training.degradation.experiment import Experiment, NetworkSpec
from resnet_studio.training.degradation.statistics import (
    SPLITS,
    Split,
    error_curve,
    final_error,
    only_running_error,
    spread,
)
from resnet_studio.training.runs.curves import Curves


class ErrorTable(QWidget):
    """Shows the latest error of each network; the median if it was trained with several seeds."""

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "twinTable", "Networks and their errors")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(GRID)
        self._grid.setVerticalSpacing(GRID // 2)
        self._grid.setColumnStretch(1, 1)
        self._rows: dict[NetworkSpec, tuple[QLabel, ...]] = {}

    def show_errors(self, experiment: Experiment, curves: Mapping[str, Curves]) -> None:
        """Show the networks' latest errors."""
        if tuple(self._rows) != experiment.networks:
            self._make(experiment.networks)
        for network, (line, _, *cells) in self._rows.items():
            line.setPixmap(sample_pixmap(network_stroke(network, experiment.depths)))
            parts = [part for part in experiment.runs_of(network) if part.name in curves]
            done = bool(parts) and all(curves[part.name].state == "finished" for part in parts)
            for cell, split in zip(cells, SPLITS, strict=True):
                known = {part.recipe.seed: _last(curves[part.name], split) for part in parts}
                median = spread(known.values()).median
                cell.setText(DASH if math.isnan(median) else percent(median))
                cell.setToolTip(exact(known))
                set_style_property(cell, quiet=not done)
        running = any(map(_runs_on, curves.values()))
        self._training.setText(f"{'running' if running else 'measured'}\ntraining")

    def _make(self, networks: Sequence[NetworkSpec]) -> None:
        while item := self._grid.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        self._training = set_names(QLabel(), "trainingHeading", "Kind of training error")
        self._training.setAlignment(Qt.AlignmentFlag.AlignRight)
        for column, heading in ((1, QLabel("error")), (2, self._training), (3, QLabel("test"))):
            heading.setProperty("quiet", True)
            self._grid.addWidget(heading, 0, column, _side(column) | Qt.AlignmentFlag.AlignBottom)
        self._rows = {network: self._make_row(row, network) for row, network in enumerate(networks, start=1)}

    def _make_row(self, row: int, network: NetworkSpec) -> tuple[QLabel, ...]:
        name = network.title.replace("-", "")
        line = set_names(QLabel(), f"{name}Line", f"Line style of {network.title}")
        cells = [
            set_names(QLabel(DASH), f"{name}{split.title()}", f"{split} error of {network.title}") for split in SPLITS
        ]
        labels = (line, QLabel(network.title), *cells)
        for column, label in enumerate(labels):
            self._grid.addWidget(label, row, column, _side(column))
        return labels


def exact(errors_of: Mapping[int, float]) -> str:
    """The values of the single runs, with more digits."""
    known = {seed: value for seed, value in errors_of.items() if not math.isnan(value)}
    return "\n".join(f"seed {seed}: {100 * value:.6g} %" for seed, value in known.items())


def _runs_on(run: Curves) -> bool:
    """Whether the latest training error of a run is a running one."""
    return math.isnan(final_error(run, "training")) and only_running_error(run)


def _last(run: Curves, split: Split) -> float:
    if not math.isnan(last := final_error(run, split)):
        return last
    values = error_curve(run, split).y
    return float(values[-1]) if len(values) else math.nan


def _side(column: int) -> Qt.AlignmentFlag:
    return Qt.AlignmentFlag.AlignRight if column > 1 else Qt.AlignmentFlag.AlignLeft
