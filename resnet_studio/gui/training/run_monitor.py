"""Following the runs of a folder: what is new in their files is read off the window's thread and told as values."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from resnet_studio.gui.background import BackgroundReader, cause
from resnet_studio.gui.training.run_state import Cost, RunState, cost_in
from resnet_studio.training.runs import run_folder as runs
from resnet_studio.training.runs.events import Event
from resnet_studio.training.runs.labels import Label, LabelError, derived_color, free_color, read_label, write_label
from resnet_studio.training.runs.reader import RunReader
from resnet_studio.training.runs.run_folder import Manifest, NewerRunError, RunError

TICK, SCAN = 200, 1.0
"""Milliseconds between two looks at what is due; seconds between two looks for new runs."""
LIVE_EVERY, ENDED_EVERY = 0.25, 5.0
"""Seconds between two looks at a run; one that has ended may be resumed."""
SLOW, WAIT_FOR_MORE = 0.05, 10
"""Seconds that showing what has come of a run may take; where it takes longer and more is still to be read, so many
times as long passes before the next: else a log of a million lines would be shown a thousand times."""
CHUNK, BATCH = 50_000, 500_000
"""Bytes read of a run at a time, some milliseconds of Python, which only one thread can run; and before the window's
thread is asked what is due now."""
PAUSE = 0.001
"""Seconds that the other thread leaves to the window's after each run that it has read of."""


@dataclass(frozen=True, slots=True)
class FoundRuns:
    """A run that a scan came upon; a manifest was read only where the run was not known before."""

    folder: Path
    label: Label
    manifest: Manifest | None = None
    problem: str = ""
    """Why its manifest can't be read."""
    label_problem: str = ""
    """Why its label can't be."""
    asked: frozenset[str] = frozenset()
    """The requests that lie in its folder."""
    newer: bool = False
    """Whether a newer version of the program wrote its manifest."""


@dataclass(frozen=True, slots=True)
class RunUpdates:
    """What was new in a run's events."""

    reader: RunReader
    events: tuple[Event, ...]
    cost: Cost | None
    more: bool
    """Whether there may be more at once."""
    problem: str = ""
    """Why its events can't be read."""


class RunMonitor(QObject):
    """`watch` a folder, `add` further ones; `stop` before the window goes.

    Any number of windows can watch one folder, on this machine or others. All that is written here is the color of a
    run that has none yet, into its own label.
    """

    runs_changed = Signal(object)
    """All runs, as a tuple of `FollowedRun`, oldest first: some came, went, or were renamed or coloured."""
    run_changed = Signal(object)
    """A `FollowedRun` whose curves have grown."""
    refused = Signal(str)
    """What of a run can't be read, or why a folder has none; told once."""
    _news = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folders: list[Path] = []
        self._runs: dict[Path, RunState] = {}
        self._readers: dict[Path, RunReader] = {}
        self._due: dict[Path, float] = {}
        self._next_picture = 0.0
        self._told: set[str] = set()
        self._next_scan = 0.0
        self._stopped = False
        self._scanning, self._reading = BackgroundReader(self), BackgroundReader(self)
        self._timer = QTimer(self, interval=TICK)
        self._timer.timeout.connect(self._look)
        self._news.connect(self._take_news)

    def watch(self, folder: Path) -> None:
        """Follow the runs in this folder from now on, and no longer those of another."""
        self._folders = [folder]
        self._scan_now()

    def add(self, path: Path) -> None:
        """Follow a run, or the runs in a folder, besides those in the watched folder."""
        if path not in self._folders:
            self._folders.append(path)
        self._scan_now()

    def runs(self) -> tuple[RunState, ...]:
        """All runs that are followed, oldest first."""
        return tuple(self._runs.values())

    def run(self, folder: Path) -> RunState | None:
        """The run in that folder, if it is followed."""
        return self._runs.get(folder)

    def note_request(self, folder: Path) -> None:
        """This window has just made a request to a run, or withdrawn one."""
        if run := self._runs.get(folder):
            run.asked, run.asked_at = requests(folder), time.monotonic()
            self.run_changed.emit(run)

    def note_resuming(self, folders: Collection[Path]) -> None:
        """These are being gone on with, and no others."""
        for run in self.runs():
            if run.resuming != (run.folder in folders):
                run.resuming = run.folder in folders
                self.run_changed.emit(run)

    def look_again(self) -> None:
        """Look at all folders now: something in them was changed by this window."""
        self._scan_now()

    def forget(self, folder: Path) -> None:
        """A run's folder is gone; the next scan would find that out."""
        if self._runs.pop(folder, None):
            self._readers.pop(folder)
            self._due.pop(folder)
            self.runs_changed.emit(self.runs())

    def stop(self) -> None:
        """End following; what is being read is waited for, some milliseconds."""
        self._stopped = True
        self._timer.stop()
        self._scanning.stop()
        self._reading.stop()

    def _scan_now(self) -> None:
        self._next_scan = 0.0
        if not self._stopped:
            self._timer.start()
            self._look()

    def _look(self) -> None:
        """Start what is due, where it is not running."""
        now = time.monotonic()
        if not self._scanning.busy and now >= self._next_scan:
            self._next_scan = now + SCAN
            folders, known = tuple(self._folders), frozenset(one.folder for one in self.runs() if not one.problem)
            self._scanning.run(
                lambda: scan(folders, known), lambda found: self._take_scan(found, now), self._take_failure
            )
        due = [self._readers[folder] for when, folder in sorted((w, f) for f, w in self._due.items()) if when <= now]
        if due and not self._reading.busy:
            self._reading.run(lambda: read(due, self._news.emit), lambda _: self._look(), self._take_failure)

    def _take_scan(self, found: Sequence[FoundRuns], began: float) -> None:
        before = {folder: (run, run.label) for folder, run in self._runs.items()}
        for one in found:
            self._follow(one)
            self._tell_once(one.label_problem)
            run = self._runs[one.folder]
            run.label = one.label
            if run.asked != one.asked and run.asked_at < began:  # perhaps by another window
                run.asked = one.asked
                self.run_changed.emit(run)
        for gone in self._runs.keys() - {one.folder for one in found}:
            del self._runs[gone], self._readers[gone], self._due[gone]
        if before != {folder: (run, run.label) for folder, run in self._runs.items()}:
            self._runs = dict(sorted(self._runs.items(), key=lambda item: (item[1].created, item[0])))
            self.runs_changed.emit(self.runs())
        self._look()

    def _take_failure(self, error: Exception) -> None:
        """Nobody thought of this error; the next look may do better."""
        self._tell_once(f"The runs could not be read: {cause(error)}")

    def _tell_once(self, problem: str) -> None:
        if problem and problem not in self._told:
            self._told.add(problem)
            self.refused.emit(problem)

    def _follow(self, found: FoundRuns) -> None:
        """Follow a run that is new, or no longer damaged as it was."""
        run = self._runs.get(found.folder)
        if run is None or (run.problem and run.problem != found.problem):
            self._runs[found.folder] = RunState(found.folder, found.manifest, found.problem, found.newer)
            self._readers[found.folder] = RunReader(found.folder)
            self._due[found.folder] = 0.0

    def _take_news(self, news: RunUpdates) -> None:
        run = self._runs.get(news.reader.folder)
        if self._stopped or run is None or self._readers[run.folder] is not news.reader:
            return
        self._tell_once(news.problem)
        run.take(news.events, news.cost)
        wait = 0.0 if news.more else LIVE_EVERY if run.live else ENDED_EVERY
        self._due[run.folder] = time.monotonic() + wait
        fresh, run.loaded = not run.loaded, run.loaded or not news.more
        start = time.monotonic()
        if (news.events or fresh) and not (news.more and start < self._next_picture):
            self.run_changed.emit(run)
            took = time.monotonic() - start
            self._next_picture = start + (WAIT_FOR_MORE * took if took > SLOW else 0.0)


def scan(folders: Iterable[Path], known: frozenset[Path]) -> list[FoundRuns]:
    """The runs that are there, each once, the oldest first, with their labels; manifests of those not known yet.

    A run without a color is given one, which it keeps: written into its label where that can be written. A damaged run
    is left as it is.
    """
    there: dict[Path, None] = {}
    for folder in folders:
        there.update(dict.fromkeys([folder] if runs.is_run(folder) else runs.find(folder)))
    found = sorted((_found(folder, folder in known) for folder in there), key=_created)
    colors = [one.label.colour or (derived_color(one.folder) if _damaged(one) else "") for one in found]
    for number, one in enumerate(found):
        if not (colors[number] or one.folder in known):
            colors[number] = free_color(colors)
            found[number] = replace(one, label=_colored(one, colors[number]))
    return found


def _found(folder: Path, known: bool) -> FoundRuns:
    """What is to be known of a run. Whatever is wrong with it, it must not hide the others."""
    label, label_problem = Label(), ""
    try:
        label = read_label(folder)
    except LabelError as error:
        label_problem = f"{error}: the run has lost its name and color"
    manifest, problem, newer = None, "", False
    try:
        manifest = None if known else runs.read(folder)
    except RunError as error:
        problem, newer = str(error), isinstance(error, NewerRunError)
    except Exception as error:
        problem = f"{folder.name} can't be read: {cause(error)}"
    return FoundRuns(folder, label, manifest, problem, label_problem, requests(folder), newer)


def requests(folder: Path) -> frozenset[str]:
    """What somebody wants of a run: `STOP`, `STOP_NOW`, `PAUSE`."""
    return frozenset(what for what in (runs.STOP, runs.STOP_NOW, runs.PAUSE) if os.path.lexists(folder / what))


def _damaged(found: FoundRuns) -> bool:
    return bool(found.problem or found.label_problem)


def _created(found: FoundRuns) -> float:
    created = found.manifest.created if found.manifest else 0.0
    return created if math.isfinite(created) else 0.0


def _colored(found: FoundRuns, color: str) -> Label:
    """The run's label with a color, as it is kept from now on; where it can't be written it is as it was."""
    label = replace(found.label, colour=color)
    try:
        write_label(found.folder, label)
    except OSError:
        return found.label
    return label


def read(readers: Sequence[RunReader], tell: Callable[[RunUpdates], None]) -> None:
    """Tell what is new in these runs, a chunk of each, until a batch is full; the rest stays due."""
    size = 0
    for reader in readers:
        before = reader.position
        try:
            events = tuple(reader.new_events(CHUNK))
            tell(RunUpdates(reader, events, cost_in(events), more=reader.position - before >= CHUNK))
        except Exception as error:  # whatever is wrong with this run, the others are read
            problem = f"{reader.folder.name}: what it tells of its training can't be read: {cause(error)}"
            tell(RunUpdates(reader, (), None, more=False, problem=problem))
            continue
        size += reader.position - before
        if size >= BATCH:
            return
        time.sleep(PAUSE if events else 0)
