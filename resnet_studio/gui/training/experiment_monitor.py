"""Following the experiments among the runs of a folder."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from resnet_studio.gui.background import BackgroundReader, failure_reason
from resnet_studio.gui.training.experiment_state import BETWEEN, STARTING, ExperimentState
from resnet_studio.gui.training.run_monitor import RunMonitor, requests_in
from resnet_studio.gui.training.run_state import RunState
from resnet_studio.training.degradation import experiment as degradation
from resnet_studio.training.degradation.experiment import EXPERIMENT, Experiment, ExperimentError


class ExperimentMonitor(QObject):
    """Groups the runs of a `RunMonitor` into experiments. Call `stop` before the window closes."""

    experimentsChanged = Signal(object)
    """All experiments, as a tuple of `ExperimentState`, oldest first, after some were added or removed."""
    experimentChanged = Signal(object)
    """An `ExperimentState` after one of its runs has changed."""
    damagedChanged = Signal(object)
    """All messages about experiments that can't be read."""

    def __init__(self, monitor: RunMonitor) -> None:
        super().__init__(monitor)
        self._monitor = monitor
        self._experiments: dict[Path, Experiment] = {}
        self._started: dict[Path, float] = {}
        self._checked: set[Path] = set()
        self._damaged: dict[Path, str] = {}
        """Why folders can't be read; they are read again whenever runs are added or removed."""
        self._settle_timer = QTimer(self, singleShot=True)
        self._settle_timer.timeout.connect(self._on_settled)
        self._reading = BackgroundReader(self)
        monitor.runsChanged.connect(self._on_runs_changed)
        monitor.runChanged.connect(self._on_run_changed)
        self._on_runs_changed(monitor.runs())

    def experiments(self) -> tuple[ExperimentState, ...]:
        """All followed experiments, oldest first."""
        return tuple(self._state(folder) for folder in sorted(self._experiments, key=self._created))

    def experiment(self, folder: Path) -> ExperimentState | None:
        """The experiment in that folder, if it is followed."""
        return self._state(folder) if folder in self._experiments else None

    def add_started(self, folder: Path, experiment: Experiment) -> None:
        """Follow an experiment that this window has just started and that has no runs yet."""
        self._started[folder] = time.time()
        self._checked.add(folder)
        self._experiments.setdefault(folder, experiment)
        self._monitor.rescan()
        self._recheck_after(STARTING)
        self.experimentsChanged.emit(self.experiments())

    def note_request(self, folder: Path) -> None:
        """Update an experiment after this window has requested that it stop."""
        if folder in self._experiments:
            self.experimentChanged.emit(self._state(folder))

    def damaged(self) -> tuple[str, ...]:
        """Messages about experiments that can't be read."""
        return tuple(self._damaged.values())

    def stop(self) -> None:
        """Stop following, after the `RunMonitor` has stopped."""
        self._settle_timer.stop()
        self._reading.stop()

    def _on_runs_changed(self, runs: Iterable[RunState]) -> None:
        parents = {run.folder.parent for run in runs}
        fresh = sorted((parents - self._checked) | self._damaged.keys())
        self._checked |= parents
        if fresh:
            self._reading.run(lambda: read(fresh), self._on_read)
        gone = [folder for folder in self._experiments if folder not in parents and folder not in self._started]
        for folder in gone:
            del self._experiments[folder]
            self._checked.discard(folder)
        if gone:
            self.experimentsChanged.emit(self.experiments())
        for folder in parents & self._experiments.keys():
            self.experimentChanged.emit(self._state(folder))

    def _on_read(self, found: tuple[dict[Path, Experiment], dict[Path, str]]) -> None:
        experiments, damaged = found
        self._experiments.update(experiments)
        if damaged != self._damaged:
            self._damaged = damaged
            self.damagedChanged.emit(tuple(damaged.values()))
        if experiments:
            self.experimentsChanged.emit(self.experiments())

    def _on_run_changed(self, run: RunState) -> None:
        folder = run.folder.parent
        if folder in self._experiments:
            self._started.pop(folder, None)
            if run.curves.state in ("finished", "failed"):
                self._recheck_after(BETWEEN)
            self.experimentChanged.emit(self._state(folder))

    def _recheck_after(self, seconds: float) -> None:
        """Check the states again after the time within which the next run should have begun."""
        self._settle_timer.start(round(1000 * seconds) + 100)

    def _on_settled(self) -> None:
        """Emit unfinished experiments again, as they may have stopped waiting for their next run."""
        for experiment in self.experiments():
            if not experiment.complete and experiment.current is None:
                self.experimentChanged.emit(experiment)

    def _created(self, folder: Path) -> float:
        """When its first run was created; infinity, that is newest, without runs."""
        runs = (self._monitor.run(folder / part.name) for part in self._experiments[folder].runs)
        return min((run.created for run in runs if run is not None), default=math.inf)

    def _state(self, folder: Path) -> ExperimentState:
        experiment = self._experiments[folder]
        runs = {part.name: self._monitor.run(folder / part.name) for part in experiment.runs}
        found = {name: run for name, run in runs.items() if run is not None}
        curves = {name: run.curves for name, run in found.items()}
        left = next((run.step_left for run in found.values() if run.live), math.nan)
        return ExperimentState(folder, experiment, curves, self._started.get(folder, 0.0), requests_in(folder), left)


def read(folders: Iterable[Path]) -> tuple[dict[Path, Experiment], dict[Path, str]]:
    """The experiments among these folders, and why others can't be read. An error affects only its own folder."""
    found: dict[Path, Experiment] = {}
    problems: dict[Path, str] = {}
    for folder in folders:
        if os.path.lexists(folder / EXPERIMENT):
            try:
                found[folder] = degradation.read_experiment(folder)
            except ExperimentError as error:
                problems[folder] = str(error)
            except Exception as error:
                problems[folder] = f"{folder.name} can't be read: {failure_reason(error)}"
    return found, problems
