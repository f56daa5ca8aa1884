"""Writing what a run says of itself: events to its file, a heartbeat beside it. Needs neither torch nor Qt."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol

from resnet_studio.causes import cause
from resnet_studio.locks import hold, let_go
from resnet_studio.training.runs import ownership, run_folder
from resnet_studio.training.runs.events import Began, Ended, Event, How, Noted, to_line
from resnet_studio.training.runs.run_folder import EVENTS, HEARTBEAT, PAUSE, STOP, STOP_NOW, RunError

BEAT = 1.0
"""Seconds between two heartbeats."""
LOOK_EVERY = 0.25
"""Seconds between two looks whether the run is to end at once."""
STOP_WITHIN = 1.5
"""Seconds that a run which has not begun to train has to stop by itself before its process is ended."""
MOST_UNWRITTEN = 16_000_000
"""Bytes of events that wait for a disk which is full; with more the run ends."""
BLOCK = 65_536


class EventSink(Protocol):
    """Who listens to a training, and can interrupt it."""

    step: int
    trained: int

    def tell(self, event: Event) -> None: ...

    def asked_to(self, what: str) -> bool: ...


class NullSink:
    """For whoever trains along and writes nothing: the other workers of a run."""

    def __init__(self) -> None:
        self.step = self.trained = 0
        self.signals = 0

    def tell(self, event: Event) -> None:
        """Nobody listens."""

    def asked_to(self, what: str) -> bool:
        """Whether a signal wants the run to `STOP`; its files are the first worker's to look at."""
        return what == STOP and self.signals > 0


class RunWriter:
    """Appends a run's events, each on the disk's way before anybody else is told of it, and keeps its heart beating.

    Use it as a context: what ends the block with an exception ends the run as failed, with the reason.

    A run that is asked to stop finishes its step and keeps a checkpoint, however long that takes. With `insist` the
    whole process ends at once where it is asked to `STOP_NOW`, and soon where it has not begun to train. Requests are
    files in the run's folder or in one of `above`, such as an experiment's; two signals are a `STOP_NOW`, too.

    The run is this process's alone meanwhile; `RunError` if it is another's, or if its folder leads out of itself.
    While the disk is full, events wait, and are written once there is room.
    """

    def __init__(
        self, folder: Path, listener: Callable[[Event], object] = lambda event: None, *, insist: bool = False,
        above: Sequence[Path] = (),
    ) -> None:  # fmt: skip
        self.step = 0
        """Steps that are safe; what an end that comes from outside reports."""
        self.trained = 0
        """Steps trained, of which those after `step` are lost at such an end."""
        self._folder, self._listener, self._insist, self._above = folder, listener, insist, tuple(above)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._closed = self._begun = self._gone = self._lost = False
        self._unwritten: deque[bytes] = deque()
        self._full = False
        """Whether the last event could not be written, and part of it may be in the file."""
        self.signals = 0
        """How many signals asked the run to stop."""

    def __enter__(self) -> RunWriter:
        run_folder.check(self._folder)
        self._file = run_folder.open_own(self._folder, EVENTS, os.O_RDWR | os.O_APPEND)
        try:
            held = hold(self._file)
            if held is False:
                raise RunError(still_running(self._folder))
            self._owner = ownership.sign(self._folder, locked=held is True)
            self._looked = time.time()
            self._good = _end_of_lines(self._file)
            os.ftruncate(self._file, self._good)
            for name in (STOP, STOP_NOW, PAUSE):
                (self._folder / name).unlink(missing_ok=True)
        except BaseException:
            self._close()
            raise
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                how: How = "stopped" if isinstance(error, KeyboardInterrupt) else "failed"
                with suppress(OSError, ValueError):
                    self.tell(Ended(time.time(), how, self.step, reason(error), self.lost))
        finally:
            self._over.set()
            self._heart.join()
            with self._lock:
                self._closed = True
                trouble = self._write()
                self._close()
        if trouble is not None and error is None:
            raise trouble

    @property
    def lost(self) -> int:
        """Steps that were trained after the newest checkpoint."""
        return max(0, self.trained - self.step)

    def tell(self, event: Event) -> None:
        """Write an event, then tell the listener. Nothing is written after an end."""
        with self._lock:
            self._check_owner()
            if self._closed:
                return
            self._closed = isinstance(event, Ended)
            self._begun = self._begun or isinstance(event, Began)
            self._unwritten.append(to_line(event).encode() + b"\n")
            was_full = self._full
            trouble = self._write()
            if trouble is not None and sum(map(len, self._unwritten)) > MOST_UNWRITTEN:
                raise trouble
        if trouble is not None and not was_full:
            self._listener(Noted(time.time(), f"{reason(trouble)}. Events wait until there is room"))
        self._listener(event)

    def asked_to(self, what: str) -> bool:
        """Whether somebody wants the run to `STOP`, to `STOP_NOW` or to `PAUSE`."""
        if self._lost:
            raise self._taken()
        if what == STOP:
            return self._gone or self.signals > 0 or self._requested(STOP) or self._requested(STOP_NOW)
        return (what == STOP_NOW and self.signals > 1) or self._requested(what)

    def _requested(self, what: str) -> bool:
        return any(os.path.exists(os.path.join(folder, what)) for folder in (self._folder, *self._above))

    def _write(self) -> OSError | None:
        """Write what waits; the error if the disk takes no more. What it took of half a line is taken back."""
        try:
            if self._full:
                os.ftruncate(self._file, self._good)
                self._full = False
            while self._unwritten:
                self._full = True
                line = memoryview(self._unwritten[0])
                while line:
                    line = line[os.write(self._file, line) :]
                self._good += len(self._unwritten.popleft())
                self._full = False
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, self._good)
            error.filename = str(self._folder / EVENTS)
            return error
        return None

    def _close(self) -> None:
        let_go(self._file)
        with suppress(OSError):
            os.close(self._file)

    def _check_owner(self) -> None:
        """`RunError` if another process has gone on with the run while this one slept.

        That takes a file system without locks; so the heartbeat is read, but only after a silence.
        """
        if not self._lost and time.time() - self._looked > 2 * BEAT and not self._closed:
            self._look_for_owner()
        if self._lost:
            raise self._taken()

    def _look_for_owner(self) -> None:
        now = ownership.owner(self._folder)
        self._lost = now is not None and now != self._owner
        self._looked = time.time()
        self._closed = self._closed or self._lost

    def _taken(self) -> RunError:
        return RunError(f"{self._folder.name}: another process has gone on with this run, so this one has ended")

    def _beat(self) -> None:
        beaten, asked = time.monotonic(), None
        while not self._over.wait(LOOK_EVERY):
            now = time.monotonic()
            if now - beaten >= BEAT:
                beaten = now
                self._beat_once()
            if self._lost:
                return
            if self._insist and self.asked_to(STOP_NOW):
                self._end_process(f"at once, as asked{self._losing()}")
            if self._insist and not self._begun and self.asked_to(STOP):
                asked = asked or now
                if now - asked > STOP_WITHIN:
                    self._end_process("before it began to train")

    def _beat_once(self) -> None:
        """Give a sign of life, unless the run is another process's by now."""
        with self._lock:
            self._look_for_owner()
            if self._lost:
                return
            if self._full:
                self._write()
        try:
            os.utime(self._folder / HEARTBEAT, follow_symlinks=os.utime not in os.supports_follow_symlinks)
        except FileNotFoundError:  # whoever removed the folder wants no run in it
            self._gone = True
        except OSError:
            pass  # the disk may be back in a second

    def _losing(self) -> str:
        steps = "1 step" if self.lost == 1 else f"{self.lost:,} steps"
        return f": {steps} after the last checkpoint {'is' if self.lost == 1 else 'are'} lost" if self.lost else ""

    def _end_process(self, why: str) -> None:
        """End this process and those that read its images, whatever they are doing."""
        with suppress(OSError, ValueError):
            self.tell(Ended(time.time(), "stopped", self.step, why, self.lost))
        for child in multiprocessing.active_children():
            child.kill()
        os._exit(0)


def still_running(folder: Path) -> str:
    """Why a run can't be gone on with, as far as its heartbeat tells by whom it is written."""
    who = ownership.owner(folder)
    with suppress(OSError):
        silence = abs(time.time() - (folder / HEARTBEAT).stat().st_mtime)
        if who is not None and silence > 5 * BEAT:
            return (
                f"{folder.name} is still running: {who} has it, and has been silent for {silence:.0f} s. "
                "It may be suspended: let it go on or end it"
            )
    return f"{folder.name} is still running" + (f": {who} has it" if who else "")


def _end_of_lines(descriptor: int) -> int:
    """Where the last whole line of a file ends: what a killed writer left of another is to be taken away."""
    end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - BLOCK)
        os.lseek(descriptor, start, os.SEEK_SET)
        found = os.read(descriptor, end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


@contextmanager
def stopping_on_signals(
    journal: RunWriter | NullSink, told: Callable[[int], object] = lambda signals: None
) -> Iterator[None]:
    """Ctrl+C and `kill` stop the run as the file does meanwhile. Only in a program's main thread.

    `told` is called in another thread with how many there were.

    Python calls a handler only between two of its own instructions, and a backward pass is one of them, however long
    it takes. So signals are counted in a thread that reads their numbers from the pipe that Python writes at once.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def count() -> None:
        while number := os.read(reading, 1):
            if number[0] in (signal.SIGINT, signal.SIGTERM):
                journal.signals += 1
                told(journal.signals)

    counting = threading.Thread(target=count, name="signals", daemon=True)
    counting.start()
    earlier = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
        signal.set_wakeup_fd(earlier)
        os.close(writing)
        counting.join()
        os.close(reading)


def reason(error: BaseException) -> str:
    """What ended a run, in one line."""
    if isinstance(error, OSError) and error.errno:
        return cause(error)
    return str(error).partition("\n")[0] or type(error).__name__
