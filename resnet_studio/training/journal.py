"""Writing what a run says of itself: events to its file, a heartbeat beside it. Needs neither torch nor Qt."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Protocol

from resnet_studio.training.events import Ended, Event, How, to_line
from resnet_studio.training.runs import EVENTS, HEARTBEAT, PAUSE, STOP

BEAT = 1.0
"""Seconds between two heartbeats."""
STOP_WITHIN = 1.5
"""Seconds that a run has to stop by itself before it is ended; its newest checkpoint is there in any case."""


class Tells(Protocol):
    """Who listens to a training, and can interrupt it."""

    step: int

    def tell(self, event: Event) -> None: ...

    def asked_to(self, what: str) -> bool: ...


class Mute:
    """For whoever trains along and writes nothing: the other workers of a run."""

    def __init__(self) -> None:
        self.step = 0
        self.signalled = False

    def tell(self, event: Event) -> None:
        """Nobody listens."""

    def asked_to(self, what: str) -> bool:
        """Whether a signal wants the run to `STOP`; its files are the first worker's to look at."""
        return what == STOP and self.signalled


class Journal:
    """Appends a run's events, each on the disk's way before anybody else is told of it, and keeps its heart beating.

    Use it as a context: what ends the block with an exception ends the run as failed, with the reason. With `insist`
    the whole process ends if it has not stopped in time after it was asked to (a step may take longer).
    """

    def __init__(
        self, folder: Path, listener: Callable[[Event], object] = lambda event: None, *, insist: bool = False
    ) -> None:
        self.step = 0
        """Steps that are safe; what an end that comes from outside reports."""
        self._folder, self._listener, self._insist = folder, listener, insist
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._closed = False
        self.signalled = False
        """Whether a signal asked the run to stop, or its folder is gone."""

    def __enter__(self) -> Journal:
        self._mend()
        self._file = (self._folder / EVENTS).open("a", encoding="utf-8")
        for name in (STOP, PAUSE):
            (self._folder / name).unlink(missing_ok=True)
        (self._folder / HEARTBEAT).touch()
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            how: How = "stopped" if isinstance(error, KeyboardInterrupt) else "failed"
            with suppress(OSError, ValueError):
                self.tell(Ended(time.time(), how, self.step, reason(error)))
        self._over.set()
        self._heart.join()
        with self._lock, suppress(OSError):
            self._closed = True
            self._file.close()

    def tell(self, event: Event) -> None:
        """Write an event, then tell the listener. Nothing is written after an end."""
        with self._lock:
            if self._closed:
                return
            self._closed = isinstance(event, Ended)
            self._file.write(to_line(event) + "\n")
            self._file.flush()
        self._listener(event)

    def asked_to(self, what: str) -> bool:
        """Whether somebody wants the run to `STOP` or to `PAUSE`."""
        return (what == STOP and self.signalled) or os.path.exists(os.path.join(self._folder, what))

    def _mend(self) -> None:
        """Take away what a killed writer left of its last line: what is appended then stands on lines of its own."""
        with (self._folder / EVENTS).open("rb+") as file:
            data = file.read()
            file.truncate(data.rfind(b"\n") + 1)

    def _beat(self) -> None:
        asked: float | None = None
        while not self._over.wait(min(BEAT, STOP_WITHIN / 3)):
            try:
                os.utime(self._folder / HEARTBEAT)
            except FileNotFoundError:  # whoever removed the folder wants no run in it
                self.signalled = True
            except OSError:
                pass  # the disk may be back in a second
            if self._insist and self.asked_to(STOP):
                asked = asked or time.monotonic()
                if time.monotonic() - asked > STOP_WITHIN:
                    with suppress(OSError):
                        self.tell(Ended(time.time(), "stopped", self.step, "a step took too long to wait for"))
                    os._exit(0)


@contextmanager
def stopping_on_signals(journal: Journal | Mute) -> Iterator[None]:
    """Ctrl+C and `kill` stop the run as the file does meanwhile. Only in a program's main thread."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        journal.signalled = True

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def reason(error: BaseException) -> str:
    """What ended a run, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error).partition("\n")[0] or type(error).__name__
