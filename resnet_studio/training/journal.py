"""Writing what a run says of itself: events to its file, a heartbeat beside it. Needs neither torch nor Qt."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol

from resnet_studio.training.events import Began, Ended, Event, How, to_line
from resnet_studio.training.runs import EVENTS, HEARTBEAT, PAUSE, STOP, STOP_NOW

BEAT = 1.0
"""Seconds between two heartbeats."""
LOOK_EVERY = 0.25
"""Seconds between two looks whether the run is to end at once."""
STOP_WITHIN = 1.5
"""Seconds that a run which has not begun to train has to stop by itself before its process is ended."""


class Tells(Protocol):
    """Who listens to a training, and can interrupt it."""

    step: int
    trained: int

    def tell(self, event: Event) -> None: ...

    def asked_to(self, what: str) -> bool: ...


class Mute:
    """For whoever trains along and writes nothing: the other workers of a run."""

    def __init__(self) -> None:
        self.step = self.trained = 0
        self.signals = 0

    def tell(self, event: Event) -> None:
        """Nobody listens."""

    def asked_to(self, what: str) -> bool:
        """Whether a signal wants the run to `STOP`; its files are the first worker's to look at."""
        return what == STOP and self.signals > 0


class Journal:
    """Appends a run's events, each on the disk's way before anybody else is told of it, and keeps its heart beating.

    Use it as a context: what ends the block with an exception ends the run as failed, with the reason.

    A run that is asked to stop finishes its step and keeps a checkpoint, however long that takes. With `insist` the
    whole process ends at once where it is asked to `STOP_NOW`, and soon where it has not begun to train. Requests are
    files in the run's folder or in one of `above`, such as an experiment's; two signals are a `STOP_NOW`, too.
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
        self._closed = self._begun = self._gone = False
        self.signals = 0
        """How many signals asked the run to stop."""

    def __enter__(self) -> Journal:
        self._mend()
        self._file = (self._folder / EVENTS).open("a", encoding="utf-8")
        for name in (STOP, STOP_NOW, PAUSE):
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
                self.tell(Ended(time.time(), how, self.step, reason(error), self.lost))
        self._over.set()
        self._heart.join()
        with self._lock, suppress(OSError):
            self._closed = True
            self._file.close()

    @property
    def lost(self) -> int:
        """Steps that were trained after the newest checkpoint."""
        return max(0, self.trained - self.step)

    def tell(self, event: Event) -> None:
        """Write an event, then tell the listener. Nothing is written after an end."""
        with self._lock:
            if self._closed:
                return
            self._closed = isinstance(event, Ended)
            self._begun = self._begun or isinstance(event, Began)
            self._file.write(to_line(event) + "\n")
            self._file.flush()
        self._listener(event)

    def asked_to(self, what: str) -> bool:
        """Whether somebody wants the run to `STOP`, to `STOP_NOW` or to `PAUSE`."""
        if what == STOP:
            return self._gone or self.signals > 0 or self._requested(STOP) or self._requested(STOP_NOW)
        return (what == STOP_NOW and self.signals > 1) or self._requested(what)

    def _requested(self, what: str) -> bool:
        return any(os.path.exists(os.path.join(folder, what)) for folder in (self._folder, *self._above))

    def _mend(self) -> None:
        """Take away what a killed writer left of its last line: what is appended then stands on lines of its own."""
        with (self._folder / EVENTS).open("rb+") as file:
            data = file.read()
            file.truncate(data.rfind(b"\n") + 1)

    def _beat(self) -> None:
        beaten, asked = time.monotonic(), None
        while not self._over.wait(LOOK_EVERY):
            now = time.monotonic()
            if now - beaten >= BEAT:
                beaten = now
                self._touch()
            if self._insist and self.asked_to(STOP_NOW):
                self._end_process(f"at once, as asked{self._losing()}")
            if self._insist and not self._begun and self.asked_to(STOP):
                asked = asked or now
                if now - asked > STOP_WITHIN:
                    self._end_process("before it began to train")

    def _touch(self) -> None:
        try:
            os.utime(self._folder / HEARTBEAT)
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


@contextmanager
def stopping_on_signals(
    journal: Journal | Mute, told: Callable[[int], object] = lambda signals: None
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
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error).partition("\n")[0] or type(error).__name__
