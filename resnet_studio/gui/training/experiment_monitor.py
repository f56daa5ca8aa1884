"""Following the experiments among the runs of a folder."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from resnet_studio.gui.background import BackgroundReader, cause
from resnet_studio.gui.training.experiment_state import BETWEEN, STARTING, ExperimentState
from resnet_studio.gui.training.run_monitor import RunMonitor, requests
from resnet_studio.gui.training.run_state import RunState
from resnet_studio.training.degradation import experiment as degradation
from resnet_studio.training.degradation.experiment import EXPERIMENT, Experiment, ExperimentError


class ExperimentMonitor(QObject):
    """Puts the runs that a `RunWatch` follows together to experiments; `stop` before the window goes."""

    experiments_changed = Signal(object)
    """All experiments, as a tuple of `FollowedExperiment`, oldest first: some came or went."""
    experiment_changed = Signal(object)
    """A `FollowedExperiment` some run of which has grown, begun or gone."""
    damaged_changed = Signal(object)
    """Why folders that look like experiments can't be read: all of these sentences."""

    def __init__(self, watch: RunMonitor) -> None:
        super().__init__(watch)
        self._watch = watch
        self._experiments: dict[Path, Experiment] = {}
        self._begun: dict[Path, float] = {}
        self._seen: set[Path] = set()
        self._damaged: dict[Path, str] = {}
        """Why folders can't be read; they are looked at again whenever runs come or go."""
        self._settling = QTimer(self, singleShot=True)
        self._settling.timeout.connect(self._settle)
        self._reading = BackgroundReader(self)
        watch.runs_changed.connect(self._take_runs)
        watch.run_changed.connect(self._take_run)
        self._take_runs(watch.runs())

    def experiments(self) -> tuple[ExperimentState, ...]:
        """All that are followed, oldest first."""
        return tuple(self._followed(folder) for folder in sorted(self._experiments, key=self._created))

    def experiment(self, folder: Path) -> ExperimentState | None:
        """The one in that folder, if it is followed."""
        return self._followed(folder) if folder in self._experiments else None

    def begin(self, folder: Path, experiment: Experiment) -> None:
        """Follow an experiment that this window has just started; its runs will appear."""
        self._begun[folder] = time.time()
        self._seen.add(folder)
        self._experiments.setdefault(folder, experiment)
        self._watch.look_again()
        self._await(STARTING)
        self.experiments_changed.emit(self.experiments())

    def note_request(self, folder: Path) -> None:
        """This window has just asked an experiment to stop."""
        if folder in self._experiments:
            self.experiment_changed.emit(self._followed(folder))

    def damaged(self) -> tuple[str, ...]:
        """Why folders that look like experiments can't be read."""
        return tuple(self._damaged.values())

    def stop(self) -> None:
        """End following, after the `RunWatch` has ended."""
        self._settling.stop()
        self._reading.stop()

    def _take_runs(self, runs: Iterable[RunState]) -> None:
        parents = {run.folder.parent for run in runs}
        fresh = sorted((parents - self._seen) | self._damaged.keys())
        self._seen |= parents
        if fresh:
            self._reading.run(lambda: read(fresh), self._take)
        gone = [folder for folder in self._experiments if folder not in parents and folder not in self._begun]
        for folder in gone:
            del self._experiments[folder]
            self._seen.discard(folder)
        if gone:
            self.experiments_changed.emit(self.experiments())
        for folder in parents & self._experiments.keys():
            self.experiment_changed.emit(self._followed(folder))

    def _take(self, found: tuple[dict[Path, Experiment], dict[Path, str]]) -> None:
        experiments, damaged = found
        self._experiments.update(experiments)
        if damaged != self._damaged:
            self._damaged = damaged
            self.damaged_changed.emit(tuple(damaged.values()))
        if experiments:
            self.experiments_changed.emit(self.experiments())

    def _take_run(self, run: RunState) -> None:
        folder = run.folder.parent
        if folder in self._experiments:
            self._begun.pop(folder, None)
            if run.curves.state in ("finished", "failed"):
                self._await(BETWEEN)
            self.experiment_changed.emit(self._followed(folder))

    def _await(self, seconds: float) -> None:
        """Look again after a while in which something should have come."""
        self._settling.start(round(1000 * seconds) + 100)

    def _settle(self) -> None:
        """Nothing new has come for a while: what was awaited is no longer."""
        for one in self.experiments():
            if not one.complete and one.current is None:
                self.experiment_changed.emit(one)

    def _created(self, folder: Path) -> float:
        """When its first run was made; an experiment without runs is the newest."""
        runs = (self._watch.run(folder / part.name) for part in self._experiments[folder].parts)
        return min((run.created for run in runs if run is not None), default=math.inf)

    def _followed(self, folder: Path) -> ExperimentState:
        experiment = self._experiments[folder]
        runs = {part.name: self._watch.run(folder / part.name) for part in experiment.parts}
        found = {name: run for name, run in runs.items() if run is not None}
        curves = {name: run.curves for name, run in found.items()}
        left = next((run.step_left for run in found.values() if run.live), math.nan)
        return ExperimentState(folder, experiment, curves, self._begun.get(folder, 0.0), requests(folder), left)


def read(folders: Iterable[Path]) -> tuple[dict[Path, Experiment], dict[Path, str]]:
    """The experiments among these folders, and why others can't be read. One of them hides no other."""
    found: dict[Path, Experiment] = {}
    problems: dict[Path, str] = {}
    for folder in folders:
        if os.path.lexists(folder / EXPERIMENT):
            try:
                found[folder] = degradation.read(folder)
            except ExperimentError as error:
                problems[folder] = str(error)
            except Exception as error:
                problems[folder] = f"{folder.name} can't be read: {cause(error)}"
    return found, problems
