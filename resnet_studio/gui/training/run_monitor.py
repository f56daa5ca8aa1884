"""Following the runs of a folder: new events are read in a background thread and emitted as values."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from resnet_studio.gui.background import BackgroundReader, failure_reason
from resnet_studio.gui.training.run_state import Cost, RunState, cost_from_events
from resnet_studio.training.runs import run_folder as runs
from resnet_studio.training.runs.events import Event
from resnet_studio.training.runs.labels import Label, LabelError, derived_color, free_color, read_label, write_label
from resnet_studio.training.runs.reader import RunReader
from resnet_studio.training.runs.run_folder import Manifest, NewerRunError, RunError

TICK, SCAN = 200, 1.0
"""Milliseconds between checks of what is due; seconds between scans for new runs."""
LIVE_EVERY, ENDED_EVERY = 0.25, 5.0
"""Seconds between reads of a live run, and of one that has ended, as that may be resumed."""
SLOW, WAIT_FOR_MORE = 0.05, 10
"""If updating the views takes longer than `SLOW` seconds and there is more to read, the next update waits
`WAIT_FOR_MORE` times as long: else a log of a million lines would update the views a thousand times."""
CHUNK, BATCH = 50_000, 500_000
"""Bytes to read of one run at a time (some milliseconds, holding the GIL), and in all before the due runs are chosen
anew."""
PAUSE = 0.001
"""Seconds that the reading thread sleeps after each run, so that the UI thread can run."""


@dataclass(frozen=True, slots=True)
class FoundRuns:
    """A run found by a scan. Its manifest is read only if the run was not known before."""

    folder: Path
    label: Label
    manifest: Manifest | None = None
    problem: str = ""
    """Why its manifest can't be read."""
    label_problem: str = ""
    """Why its label can't be read."""
    requests: frozenset[str] = frozenset()
    """The request files in its folder."""
    newer: bool = False
    """Whether a newer version of the program wrote its manifest."""


@dataclass(frozen=True, slots=True)
class RunUpdates:
    """New events of a run."""

    reader: RunReader
    events: tuple[Event, ...]
    cost: Cost | None
    more: bool
    """Whether there may be more to read right away."""
    problem: str = ""
    """Why its events can't be read."""


class RunMonitor(QObject):
    """Follows the runs of a folder (`set_folder`) and of others (`add_folder`). Call `stop` before the window closes.

    Any number of windows, on any machine, can follow one folder. The only thing written is the color of a run that
    has none yet, into its label.
    """

    runsChanged = Signal(object)
    """All runs, as a tuple of `RunState`, oldest first, after runs were added, removed, renamed or recolored."""
    runChanged = Signal(object)
    """A `RunState` that has new events or requests."""
    failed = Signal(str)
    """Why a run or a folder can't be read; each message is emitted once."""
    _updated = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folders: list[Path] = []
        self._runs: dict[Path, RunState] = {}
        self._readers: dict[Path, RunReader] = {}
        self._due: dict[Path, float] = {}
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
        self._scan_now()

    def add_folder(self, path: Path) -> None:
        """Follow a run, or the runs of a folder, in addition to those of the main folder."""
        if path not in self._folders:
            self._folders.append(path)
        self._scan_now()

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

    def set_resuming(self, folders: Collection[Path]) -> None:
        """Mark these runs, and no others, as being resumed."""
        for run in self.runs():
            if run.resuming != (run.folder in folders):
                run.resuming = run.folder in folders
                self.runChanged.emit(run)

    def rescan(self) -> None:
        """Scan all folders now, as this window has changed something in them."""
        self._scan_now()

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

    def _scan_now(self) -> None:
        self._next_scan = 0.0
        if not self._stopped:
            self._timer.start()
            self._run_due()

    def _run_due(self) -> None:
        """Start the scan and the reads that are due, unless they are running already."""
        now = time.monotonic()
        if not self._scanning.busy and now >= self._next_scan:
            self._next_scan = now + SCAN
            folders, known = tuple(self._folders), frozenset(run.folder for run in self.runs() if not run.problem)
            self._scanning.run(
                lambda: scan(folders, known), lambda found: self._on_scanned(found, now), self._on_read_error
            )
        due = [self._readers[folder] for when, folder in sorted((w, f) for f, w in self._due.items()) if when <= now]
        if due and not self._reading.busy:
            self._reading.run(lambda: read(due, self._updated.emit), lambda _: self._run_due(), self._on_read_error)

    def _on_scanned(self, found: Sequence[FoundRuns], began: float) -> None:
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
        self._run_due()

    def _on_read_error(self, error: Exception) -> None:
        """Report an unexpected error; the next scan or read may succeed."""
        self._report_once(f"The runs could not be read: {failure_reason(error)}")

    def _report_once(self, problem: str) -> None:
        if problem and problem not in self._reported:
            self._reported.add(problem)
            self.failed.emit(problem)

    def _add_found(self, found: FoundRuns) -> None:
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
        wait = 0.0 if news.more else LIVE_EVERY if run.live else ENDED_EVERY
        self._due[run.folder] = time.monotonic() + wait
        fresh, run.loaded = not run.loaded, run.loaded or not news.more
        start = time.monotonic()
        if (news.events or fresh) and not (news.more and start < self._next_update):
            self.runChanged.emit(run)
            took = time.monotonic() - start
            self._next_update = start + (WAIT_FOR_MORE * took if took > SLOW else 0.0)


def scan(folders: Iterable[Path], known: frozenset[Path]) -> list[FoundRuns]:
    """All runs in these folders, each once, oldest first, with their labels, and manifests unless known already.

    A run without a color is assigned one, which is written to its label if possible. A damaged run is left as it is.
    """
    there: dict[Path, None] = {}
    for folder in folders:
        there.update(dict.fromkeys([folder] if runs.is_run(folder) else runs.find_runs(folder)))
    found = sorted((_inspect(folder, folder in known) for folder in there), key=_created)
    colors = [
        found_run.label.colour or (derived_color(found_run.folder) if _damaged(found_run) else "")
        for found_run in found
    ]
    for number, found_run in enumerate(found):
        if not (colors[number] or found_run.folder in known):
            colors[number] = free_color(colors)
            found[number] = replace(found_run, label=_colored(found_run, colors[number]))
    return found


def _inspect(folder: Path, known: bool) -> FoundRuns:
    """Read a run's label and manifest. Any error becomes its `problem`, so that it can't hide the other runs."""
    label, label_problem = Label(), ""
    try:
        label = read_label(folder)
    except LabelError as error:
        label_problem = f"{error}: its custom name and color were lost"
    manifest, problem, newer = None, "", False
    try:
        manifest = None if known else runs.read_manifest(folder)
    except RunError as error:
        problem, newer = str(error), isinstance(error, NewerRunError)
    except Exception as error:
        problem = f"{folder.name} can't be read: {failure_reason(error)}"
    return FoundRuns(folder, label, manifest, problem, label_problem, requests_in(folder), newer)


def requests_in(folder: Path) -> frozenset[str]:
    """The request files in a run's folder: `STOP`, `STOP_NOW`, `PAUSE`."""
    return frozenset(what for what in (runs.STOP, runs.STOP_NOW, runs.PAUSE) if os.path.lexists(folder / what))


def _damaged(found: FoundRuns) -> bool:
    return bool(found.problem or found.label_problem)


def _created(found: FoundRuns) -> float:
    created = found.manifest.created if found.manifest else 0.0
    return created if math.isfinite(created) else 0.0


def _colored(found: FoundRuns, color: str) -> Label:
    """Write the color to the run's label and return the new label, or the old one if it can't be written."""
    label = replace(found.label, colour=color)
    try:
        write_label(found.folder, label)
    except OSError:
        return found.label
    return label


def read(readers: Sequence[RunReader], emit: Callable[[RunUpdates], None]) -> None:
    """Emit the new events of these runs, a chunk of each, until `BATCH` bytes were read; the rest stays due."""
    size = 0
    for reader in readers:
        before = reader.position
        try:
            events = tuple(reader.new_events(CHUNK))
            emit(RunUpdates(reader, events, cost_from_events(events), more=reader.position - before >= CHUNK))
        except Exception as error:  # an error in one run must not stop reading the others
            problem = f"{reader.folder.name}: its training events can't be read: {failure_reason(error)}"
            emit(RunUpdates(reader, (), None, more=False, problem=problem))
            continue
        size += reader.position - before
        if size >= BATCH:
            return
        time.sleep(PAUSE if events else 0)
