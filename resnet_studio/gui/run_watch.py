"""Following the runs of a folder: what is new in their files is read off the window's thread and told as values."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QThreadPool, QTimer, Signal

from resnet_studio.gui.followed import Cost, FollowedRun, cost_in
from resnet_studio.training import runs
from resnet_studio.training.events import Event
from resnet_studio.training.following import RunReader
from resnet_studio.training.labels import Label, read_label
from resnet_studio.training.runs import Manifest, RunError

TICK, SCAN = 200, 1.0
"""Milliseconds between two looks at what is due; seconds between two looks for new runs."""
LIVE_EVERY, ENDED_EVERY = 0.25, 5.0
"""Seconds between two looks at a run; one that has ended may be resumed."""
CHUNK, BATCH = 50_000, 500_000
"""Bytes read of a run at a time, some milliseconds of Python, which only one thread can run; and before the window's
thread is asked what is due now."""
PAUSE = 0.001
"""Seconds that the other thread leaves to the window's after each run that it has read of."""


@dataclass(frozen=True, slots=True)
class Found:
    """A run that a scan came upon; a manifest was read only where the run was not known before."""

    folder: Path
    label: Label
    manifest: Manifest | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class News:
    """What was new in a run's events."""

    reader: RunReader
    events: tuple[Event, ...]
    cost: Cost | None
    more: bool
    """Whether there may be more at once."""


class RunWatch(QObject):
    """`watch` a folder, `add` further ones; `stop` before the window goes.

    Any number of windows can watch one folder, on this machine or others: nothing here writes.
    """

    runs_changed = Signal(object)
    """All runs, as a tuple of `FollowedRun`, oldest first: some came, went, or were renamed or coloured."""
    run_changed = Signal(object)
    """A `FollowedRun` whose curves have grown."""
    refused = Signal(str)
    """Why a folder that looks like a run is not shown; told once."""
    _scanned = Signal(object)
    _news = Signal(object)
    _read = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folders: list[Path] = []
        self._runs: dict[Path, FollowedRun] = {}
        self._numbers: dict[Path, int] = {}
        self._readers: dict[Path, RunReader] = {}
        self._due: dict[Path, float] = {}
        self._refused: set[Path] = set()
        self._next_scan = 0.0
        self._scanning = self._reading = self._stopped = False
        self.pool = QThreadPool(self, maxThreadCount=1)
        """Where files are read and written off the window's thread."""
        self._timer = QTimer(self, interval=TICK)
        self._timer.timeout.connect(self._look)
        self._scanned.connect(self._take_scan)
        self._news.connect(self._take_news)
        self._read.connect(self._end_reading)

    def watch(self, folder: Path) -> None:
        """Follow the runs in this folder from now on, and no longer those of another."""
        self._folders = [folder]
        self._scan_now()

    def add(self, path: Path) -> None:
        """Follow a run, or the runs in a folder, besides those in the watched folder."""
        if path not in self._folders:
            self._folders.append(path)
            self._refused.discard(path)
        self._scan_now()

    def runs(self) -> tuple[FollowedRun, ...]:
        """All runs that are followed, oldest first."""
        return tuple(self._runs.values())

    def run(self, folder: Path) -> FollowedRun | None:
        """The run in that folder, if it is followed."""
        return self._runs.get(folder)

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
        self.pool.clear()
        self.pool.waitForDone()

    def _scan_now(self) -> None:
        self._next_scan = 0.0
        if not self._stopped:
            self._timer.start()
            self._look()

    def _look(self) -> None:
        """Start what is due, where it is not running."""
        now = time.monotonic()
        if not self._scanning and now >= self._next_scan:
            self._scanning, self._next_scan = True, now + SCAN
            folders, known = tuple(self._folders), frozenset(self._runs)
            self.pool.start(lambda: self._scanned.emit(scan(folders, known)))
        due = [self._readers[folder] for when, folder in sorted((w, f) for f, w in self._due.items()) if when <= now]
        if due and not self._reading:
            self._reading = True
            self.pool.start(lambda: self._read_due(due))

    def _take_scan(self, found: Sequence[Found]) -> None:
        if self._stopped:
            return
        self._scanning = False
        before = {folder: run.label for folder, run in self._runs.items()}
        for one in sorted(found, key=lambda one: one.manifest.created if one.manifest else 0.0):
            if one.manifest:
                self._follow(one.folder, one.manifest)
            if one.problem and one.folder not in self._refused:
                self._refused.add(one.folder)
                self.refused.emit(one.problem)
            if run := self._runs.get(one.folder):
                run.label = one.label
        for gone in self._runs.keys() - {one.folder for one in found}:
            del self._runs[gone], self._readers[gone], self._due[gone]
        if before != {folder: run.label for folder, run in self._runs.items()}:
            self._runs = dict(sorted(self._runs.items(), key=lambda item: (item[1].manifest.created, item[0])))
            self.runs_changed.emit(self.runs())
        self._look()

    def _follow(self, folder: Path, manifest: Manifest) -> None:
        if folder not in self._runs:
            number = self._numbers.setdefault(folder, len(self._numbers))
            self._runs[folder] = FollowedRun(folder, manifest, number)
            self._readers[folder] = RunReader(folder)
            self._due[folder] = 0.0

    def _read_due(self, due: Sequence[RunReader]) -> None:
        """On the pool's thread; what is emitted arrives on the window's."""
        read(due, self._news.emit)
        self._read.emit()

    def _take_news(self, news: News) -> None:
        run = self._runs.get(news.reader.folder)
        if self._stopped or run is None or self._readers[run.folder] is not news.reader:
            return
        run.take(news.events, news.cost)
        wait = 0.0 if news.more else LIVE_EVERY if run.live else ENDED_EVERY
        self._due[run.folder] = time.monotonic() + wait
        fresh, run.loaded = not run.loaded, run.loaded or not news.more
        if news.events or fresh:
            self.run_changed.emit(run)

    def _end_reading(self) -> None:
        self._reading = False
        if not self._stopped:
            self._look()


def scan(folders: Iterable[Path], known: frozenset[Path]) -> list[Found]:
    """The runs that are there, each once, with their labels; manifests of those that are not known yet."""
    there: dict[Path, None] = {}
    for folder in folders:
        there.update(dict.fromkeys([folder] if (folder / runs.MANIFEST).exists() else runs.find(folder)))
    return [_found(folder, folder in known) for folder in there]


def _found(folder: Path, known: bool) -> Found:
    try:
        return Found(folder, read_label(folder), None if known else runs.read(folder))
    except RunError as error:
        return Found(folder, Label(), problem=str(error))


def read(readers: Sequence[RunReader], tell: Callable[[News], None]) -> None:
    """Tell what is new in these runs, a chunk of each, until a batch is full; the rest stays due."""
    size = 0
    for reader in readers:
        before = reader.position
        events = tuple(reader.new_events(CHUNK))
        tell(News(reader, events, cost_in(events), more=reader.position - before >= CHUNK))
        size += reader.position - before
        if size >= BATCH:
            return
        time.sleep(PAUSE if events else 0)
