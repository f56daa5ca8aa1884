"""Following the runs and experiments of a folder: they are read in a background thread and emitted as values."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from resnet_studio.gui.background import BackgroundReader, failure_reason
from resnet_studio.gui.training.run_scan import (
    FoundRun,
    RunUpdates,
    Scan,
    event_sizes,
    has_recent_heartbeat,
    read,
    requests_in,
    scan,
)
from resnet_studio.gui.training.run_state import RunState
from resnet_studio.training.degradation.experiment import Experiment
from resnet_studio.training.runs.reader import RunReader

TICK, SCAN = 200, 1.0
"""Milliseconds between checks of what is due; seconds between scans for new runs."""
LIVE_EVERY, ENDED_EVERY = 0.25, 5.0
"""Seconds between reads of a run that is live or starting, and of one that has ended, as that may be resumed."""
SLOW, WAIT_FOR_MORE = 0.05, 10
"""If updating the views takes longer than `SLOW` seconds and there is more to read, the next update waits
`WAIT_FOR_MORE` times as long: else a log of a million lines would update the views a thousand times."""
START_TIMEOUT = 30.0
"""Seconds in which a started process must write an event or have a heartbeat."""


@dataclass(frozen=True, slots=True)
class ProcessStart:
    """The start of a process that trains a run or an experiment."""

    at: float
    """On the monotonic clock."""
    sizes: Mapping[Path, int]
    """Bytes of events that the runs had by then."""


class RunMonitor(QObject):
    """Follows the runs of a folder (`set_folder`) and of others (`add_folder`). Call `stop` before the window closes.

    An experiment is followed with its runs, as its folder contains theirs. Any number of windows, on any machine, can
    follow one folder. The only thing written is the color of a run that has none yet, into its label.
    """

    runsChanged = Signal(object)
    """All runs, as a tuple of `RunState`, oldest first, after runs were added, removed, renamed or recolored."""
    runChanged = Signal(object)
    """A `RunState` that has new events or requests."""
    experimentsChanged = Signal()
    """Experiments were added or removed, or the messages about damaged ones have changed."""
    startEnded = Signal(object, bool)
    """The folder of a run or experiment for whose process `expect` waited, and whether that has written an event."""
    failed = Signal(str)
    """Why a run or a folder can't be read; each message is emitted once."""
    _updated = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folders: list[Path] = []
        self._runs: dict[Path, RunState] = {}
        self._readers: dict[Path, RunReader] = {}
        self._due: dict[Path, float] = {}
        self._starts: dict[Path, ProcessStart] = {}
        self._experiments: dict[Path, Experiment] = {}
        self._without_runs: set[Path] = set()
        """Folders of experiments that this window has started and that have no runs yet."""
        self._damaged: dict[Path, str] = {}
        self._next_update = 0.0
        self._reported: set[str] = set()
        self._next_scan = 0.0
        self._stopped = False
        self._scanning, self._reading = BackgroundReader(self), BackgroundReader(self)
        self._timer = QTimer(self, interval=TICK)
        self._timer.timeout.connect(self._run_due)
        self._updated.connect(self._on_updated)

    def set_folder(self, folder: Path) -> None:
        """Follow the runs of this folder, instead of those of another."""
        self._folders = [folder]
        self.rescan()

    def add_folder(self, path: Path) -> None:
        """Follow a run, or the runs of a folder, in addition to those of the main folder."""
        if path not in self._folders:
            self._folders.append(path)
        self.rescan()

    def runs(self) -> tuple[RunState, ...]:
        """All followed runs, oldest first."""
        return tuple(self._runs.values())

    def run(self, folder: Path) -> RunState | None:
        """The run in that folder, if it is followed."""
        return self._runs.get(folder)

    def note_request(self, folder: Path) -> None:
        """Update a run's requests after this window has made or withdrawn one."""
        if run := self._runs.get(folder):
            run.requests, run.requested_at = requests_in(folder), time.monotonic()
            self.runChanged.emit(run)

    def experiments(self) -> Mapping[Path, Experiment]:
        """The experiments that runs belong to, and those that were added, by folder."""
        return self._experiments

    def damaged_experiments(self) -> tuple[str, ...]:
        """Messages about experiments that can't be read."""
        return tuple(self._damaged.values())

    def add_experiment(self, folder: Path, experiment: Experiment) -> None:
        """Follow an experiment that may have no runs yet."""
        self._experiments.setdefault(folder, experiment)
        self._without_runs.add(folder)
        self.rescan()
        self.experimentsChanged.emit()

    def expect(self, folder: Path) -> None:
        """Wait for the first event of a process that this window has just started in a run's or experiment's folder."""
        self._starts[folder] = ProcessStart(time.monotonic(), event_sizes(folder))
        self._due.update({run: 0.0 for run in self._due if folder in (run, run.parent)})
        self._set_resuming(folder, resuming=True)
        self.rescan()

    def is_starting(self, folder: Path) -> bool:
        """Whether a process was started there by this window and has not written an event yet."""
        return folder in self._starts

    def rescan(self) -> None:
        """Scan all folders now, as when this window has changed something in them."""
        self._next_scan = 0.0
        if not self._stopped:
            self._timer.start()
            self._run_due()

    def remove(self, folder: Path) -> None:
        """Remove a run whose folder was moved away, without waiting for the next scan."""
        if self._runs.pop(folder, None):
            self._readers.pop(folder)
            self._due.pop(folder)
            self.runsChanged.emit(self.runs())

    def stop(self) -> None:
        """Stop following. Waits for reads in progress, some milliseconds."""
        self._stopped = True
        self._timer.stop()
        self._scanning.stop()
        self._reading.stop()

    def _run_due(self) -> None:
        """Start the scan and the reads that are due, unless they are running already."""
        now = time.monotonic()
        if not self._scanning.busy and now >= self._next_scan:
            self._next_scan = now + SCAN
            known = self._experiments.keys() | {run.folder for run in self.runs() if not run.problem}
            task = partial(scan, tuple(self._folders), frozenset(known), frozenset(self._without_runs))
            self._scanning.run(task, partial(self._on_scanned, now), self._on_read_error)
        due = [self._readers[folder] for when, folder in sorted((w, f) for f, w in self._due.items()) if when <= now]
        if due and not self._reading.busy:
            self._reading.run(partial(read, due, self._updated.emit), lambda _: self._run_due(), self._on_read_error)
        for folder in [folder for folder, start in self._starts.items() if now - start.at > START_TIMEOUT]:
            if not has_recent_heartbeat(folder):
                self._end_start(folder, began=False)

    def _on_scanned(self, began: float, found: Scan) -> None:
        self._update_runs(found.runs, began)
        self._update_experiments(found)
        self._run_due()

    def _update_runs(self, found: Sequence[FoundRun], began: float) -> None:
        before = {folder: (run, run.label) for folder, run in self._runs.items()}
        for found_run in found:
            self._add_found(found_run)
            self._report_once(found_run.label_problem)
            run = self._runs[found_run.folder]
            run.label = found_run.label
            if run.requests != found_run.requests and run.requested_at < began:  # perhaps by another window
                run.requests = found_run.requests
                self.runChanged.emit(run)
        for gone in self._runs.keys() - {found_run.folder for found_run in found}:
            del self._runs[gone], self._readers[gone], self._due[gone]
        if before != {folder: (run, run.label) for folder, run in self._runs.items()}:
            self._runs = dict(sorted(self._runs.items(), key=lambda item: (item[1].created, item[0])))
            self.runsChanged.emit(self.runs())

    def _update_experiments(self, found: Scan) -> None:
        parents = {run.folder.parent for run in found.runs}
        self._without_runs -= parents
        there = parents | self._without_runs
        experiments = {
            folder: experiment
            for folder, experiment in (self._experiments | dict(found.experiments)).items()
            if folder in there
        }
        if experiments.keys() != self._experiments.keys() or found.damaged != self._damaged:
            self._experiments, self._damaged = experiments, dict(found.damaged)
            self.experimentsChanged.emit()

    def _on_read_error(self, error: Exception) -> None:
        """Report an unexpected error; the next scan or read may succeed."""
        self._report_once(f"The runs could not be read: {failure_reason(error)}")

    def _report_once(self, problem: str) -> None:
        if problem and problem not in self._reported:
            self._reported.add(problem)
            self.failed.emit(problem)

    def _add_found(self, found: FoundRun) -> None:
        """Start following a run that is new, or whose damage has changed or been repaired."""
        run = self._runs.get(found.folder)
        if run is None or (run.problem and run.problem != found.problem):
            self._runs[found.folder] = RunState(found.folder, found.manifest, found.problem, found.newer)
            self._readers[found.folder] = RunReader(found.folder)
            self._due[found.folder] = 0.0

    def _on_updated(self, news: RunUpdates) -> None:
        run = self._runs.get(news.reader.folder)
        if self._stopped or run is None or self._readers[run.folder] is not news.reader:
            return
        self._report_once(news.problem)
        run.add_events(news.events, news.cost)
        active = run.live or self.is_starting(run.folder) or self.is_starting(run.folder.parent)
        wait = 0.0 if news.more else LIVE_EVERY if active else ENDED_EVERY
        self._due[run.folder] = time.monotonic() + wait
        fresh, run.loaded = not run.loaded, run.loaded or not news.more
        start = time.monotonic()
        if (news.events or fresh) and not (news.more and start < self._next_update):
            self.runChanged.emit(run)
            took = time.monotonic() - start
            self._next_update = start + (WAIT_FOR_MORE * took if took > SLOW else 0.0)
        for folder in (run.folder, run.folder.parent):
            expected = self._starts.get(folder)
            if expected and news.position > expected.sizes.get(run.folder, 0):
                self._end_start(folder, began=True)

    def _end_start(self, folder: Path, *, began: bool) -> None:
        """Stop waiting for a process that has begun or failed to start."""
        del self._starts[folder]
        self._set_resuming(folder, resuming=False)
        self.startEnded.emit(folder, began)

    def _set_resuming(self, folder: Path, *, resuming: bool) -> None:
        if run := self._runs.get(folder):
            run.resuming = resuming
            self.runChanged.emit(run)
