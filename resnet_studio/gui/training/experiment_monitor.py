"""The experiments among the runs that a monitor follows, and how far they are."""

from __future__ import annotations

import math
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from resnet_studio.gui.training.experiment_state import BETWEEN, ExperimentState
from resnet_studio.gui.training.run_monitor import RunMonitor
from resnet_studio.gui.training.run_scan import requests_in
from resnet_studio.gui.training.run_state import RunState


class ExperimentMonitor(QObject):
    """Groups the runs of a `RunMonitor` into experiments."""

    experimentsChanged = Signal(object)
    """All experiments, as a tuple of `ExperimentState`, oldest first, after some were added or removed."""
    experimentChanged = Signal(object)
    """An `ExperimentState` after one of its runs has changed."""
    damagedChanged = Signal(object)
    """All messages about experiments that can't be read."""

    def __init__(self, monitor: RunMonitor) -> None:
        super().__init__(monitor)
        self._monitor = monitor
        self._settle_timer = QTimer(self, singleShot=True, interval=round(1000 * BETWEEN) + 100)
        self._settle_timer.timeout.connect(self._on_settled)
        monitor.experimentsChanged.connect(self._on_experiments_changed)
        monitor.runsChanged.connect(self._on_runs_changed)
        monitor.runChanged.connect(self._on_run_changed)
        monitor.startEnded.connect(self.emit_changed)

    def experiments(self) -> tuple[ExperimentState, ...]:
        """All followed experiments, oldest first."""
        return tuple(self._state(folder) for folder in sorted(self._monitor.experiments(), key=self._created))

    def emit_changed(self, folder: Path) -> None:
        """Emit an experiment again, if it is followed; as after this window has requested that it stop."""
        if folder in self._monitor.experiments():
            self.experimentChanged.emit(self._state(folder))

    def stop(self) -> None:
        """Emit nothing more, as the window closes."""
        self._settle_timer.stop()

    def _on_experiments_changed(self) -> None:
        self.experimentsChanged.emit(self.experiments())
        self.damagedChanged.emit(self._monitor.damaged_experiments())

    def _on_runs_changed(self, runs: tuple[RunState, ...]) -> None:
        for folder in {run.folder.parent for run in runs}:
            self.emit_changed(folder)

    def _on_run_changed(self, run: RunState) -> None:
        if run.curves.state in ("finished", "failed"):
            self._settle_timer.start()
        self.emit_changed(run.folder.parent)

    def _on_settled(self) -> None:
        """Emit unfinished experiments again, as they may have stopped waiting for their next run."""
        for experiment in self.experiments():
            if not experiment.complete and experiment.current is None:
                self.experimentChanged.emit(experiment)

    def _created(self, folder: Path) -> float:
        """When its first run was created; infinity, that is newest, without runs."""
        runs = (self._monitor.run(folder / part.name) for part in self._monitor.experiments()[folder].runs)
        return min((run.created for run in runs if run is not None), default=math.inf)

    def _state(self, folder: Path) -> ExperimentState:
        experiment = self._monitor.experiments()[folder]
        runs = {part.name: self._monitor.run(folder / part.name) for part in experiment.runs}
        found = {name: run for name, run in runs.items() if run is not None}
        return ExperimentState(
            folder,
            experiment,
            {name: run.curves for name, run in found.items()},
            starting=self._monitor.is_starting(folder),
            requests=requests_in(folder),
            step_left=next((run.step_left for run in found.values() if run.live), math.nan),
        )
