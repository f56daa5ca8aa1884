"""Writes a run's events to its file and keeps its heartbeat. Needs neither torch nor Qt."""

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

from resnet_studio.causes import describe
from resnet_studio.locks import acquire, release
from resnet_studio.training.runs import ownership, run_folder
from resnet_studio.training.runs.events import Began, Ended, Event, Noted, Outcome, to_line
from resnet_studio.training.runs.run_folder import EVENTS, HEARTBEAT, PAUSE, STOP, STOP_NOW, RunError

HEARTBEAT_INTERVAL = 1.0
"""Seconds between two heartbeats."""
POLL_INTERVAL = 0.25
"""Seconds between two checks whether the run has to end at once."""
STOP_TIMEOUT = 1.5
"""Seconds that a run which has not begun to train has to stop by itself before its process exits."""
MAX_UNWRITTEN_BYTES = 16_000_000
"""Bytes of events that are buffered while the disk is full; beyond that the run fails."""
BLOCK_SIZE = 65_536


class EventSink(Protocol):
    """Receives the events of a training, and can ask it to stop or pause."""

    saved_step: int
    trained_steps: int

    def emit(self, event: Event) -> None: ...

    def requested(self, request: str) -> bool: ...


class NullSink:
    """For the workers other than the first one: they train but write nothing."""

    def __init__(self) -> None:
        self.saved_step = self.trained_steps = 0
        self.signal_count = 0

    def emit(self, event: Event) -> None:
        """Discard the event."""

    def requested(self, request: str) -> bool:
        """Whether a signal asked the run to `STOP`; only the first worker checks the request files."""
        return request == STOP and self.signal_count > 0


class RunWriter:
    """Appends a run's events to its file, each before the listener is called, and keeps the heartbeat going.

    Use it as a context manager: an exception that leaves the block ends the run as failed, with the reason.

    A run that is asked to stop finishes its step and saves a checkpoint, however long that takes. With `may_exit` the
    whole process exits at once on `STOP_NOW`, and shortly after `STOP` if training has not begun. Requests are files
    in the run's folder or in one of `parents`, such as an experiment's; two signals count as `STOP_NOW` too.

    The process owns the run exclusively; `RunError` if another process owns it, or if an entry of its folder is a
    link. While the disk is full, events are buffered, and written once there is space.
    """

    def __init__(
        self, folder: Path, listener: Callable[[Event], object] = lambda event: None, *, may_exit: bool = False,
        parents: Sequence[Path] = (),
    ) -> None:  # fmt: skip
        self.saved_step = 0
        """Steps up to the newest checkpoint; reported if the run ends from outside."""
        self.trained_steps = 0
        """Steps trained; those after `saved_step` are lost if the run ends from outside."""
        self._folder, self._listener, self._may_exit, self._parents = folder, listener, may_exit, tuple(parents)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._closed = self._begun = self._folder_gone = self._ownership_lost = False
        self._unwritten: deque[bytes] = deque()
        self._incomplete = False
        """Whether the last event could not be written completely; part of it may be in the file."""
        self.signal_count = 0
        """Number of signals that asked the run to stop."""

    def __enter__(self) -> RunWriter:
        run_folder.check_entries(self._folder)
        self._file = run_folder.open_run_file(self._folder, EVENTS, os.O_RDWR | os.O_APPEND)
        try:
            held = acquire(self._file)
            if held is False:
                raise RunError(still_running_message(self._folder))
            self._owner = ownership.write_owner(self._folder, locked=held is True)
            self._owner_checked_at = time.time()
            self._good_bytes = _end_of_last_line(self._file)
            os.ftruncate(self._file, self._good_bytes)
            for name in (STOP, STOP_NOW, PAUSE):
                (self._folder / name).unlink(missing_ok=True)
        except BaseException:
            self._close()
            raise
        self._heartbeat_thread = threading.Thread(target=self._run_heartbeat, name="heartbeat", daemon=True)
        self._heartbeat_thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                how: Outcome = "stopped" if isinstance(error, KeyboardInterrupt) else "failed"
                with suppress(OSError, ValueError):
                    self.emit(Ended(time.time(), how, self.saved_step, end_reason(error), self.lost_steps))
        finally:
            self._closing.set()
            self._heartbeat_thread.join()
            with self._lock:
                self._closed = True
                write_error = self._write()
                self._close()
        if write_error is not None and error is None:
            raise write_error

    @property
    def lost_steps(self) -> int:
        """Steps that were trained after the newest checkpoint."""
        return max(0, self.trained_steps - self.saved_step)

    def emit(self, event: Event) -> None:
        """Write an event, then pass it to the listener. Nothing is written after an `Ended`."""
        with self._lock:
            self._check_owner()
            if self._closed:
                return
            self._closed = isinstance(event, Ended)
            self._begun = self._begun or isinstance(event, Began)
            self._unwritten.append(to_line(event).encode() + b"\n")
            was_incomplete = self._incomplete
            write_error = self._write()
            if write_error is not None and sum(map(len, self._unwritten)) > MAX_UNWRITTEN_BYTES:
                raise write_error
        if write_error is not None and not was_incomplete:
            self._listener(Noted(time.time(), f"{end_reason(write_error)}. Events are written once there is space"))
        self._listener(event)

    def requested(self, request: str) -> bool:
        """Whether the run was asked to `STOP`, `STOP_NOW` or `PAUSE`."""
        if self._ownership_lost:
            raise self._ownership_error()
        if request == STOP:
            return (
                self._folder_gone
                or self.signal_count > 0
                or self._request_exists(STOP)
                or self._request_exists(STOP_NOW)
            )
        return (request == STOP_NOW and self.signal_count > 1) or self._request_exists(request)

    def _request_exists(self, request: str) -> bool:
        return any(os.path.exists(os.path.join(folder, request)) for folder in (self._folder, *self._parents))

    def _write(self) -> OSError | None:
        """Write the buffered events; the error if the disk is full. A partly written line is truncated again."""
        try:
            if self._incomplete:
                os.ftruncate(self._file, self._good_bytes)
                self._incomplete = False
            while self._unwritten:
                self._incomplete = True
                line = memoryview(self._unwritten[0])
                while line:
                    line = line[os.write(self._file, line) :]
                self._good_bytes += len(self._unwritten.popleft())
                self._incomplete = False
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, self._good_bytes)
            error.filename = str(self._folder / EVENTS)
            return error
        return None

    def _close(self) -> None:
        release(self._file)
        with suppress(OSError):
            os.close(self._file)

    def _check_owner(self) -> None:
        """`RunError` if another process has taken over the run while this one was suspended.

        That can only happen on a file system without locks. So the heartbeat file is read, but only after a long gap.
        """
        if (
            not self._ownership_lost
            and time.time() - self._owner_checked_at > 2 * HEARTBEAT_INTERVAL
            and not self._closed
        ):
            self._refresh_owner()
        if self._ownership_lost:
            raise self._ownership_error()

    def _refresh_owner(self) -> None:
        owner = ownership.read_owner(self._folder)
        self._ownership_lost = owner is not None and owner != self._owner
        self._owner_checked_at = time.time()
        self._closed = self._closed or self._ownership_lost

    def _ownership_error(self) -> RunError:
        return RunError(f"{self._folder.name}: another process resumed this run, so this one has stopped")

    def _run_heartbeat(self) -> None:
        last_beat, stop_requested_at = time.monotonic(), None
        while not self._closing.wait(POLL_INTERVAL):
            now = time.monotonic()
            if now - last_beat >= HEARTBEAT_INTERVAL:
                last_beat = now
                self._write_heartbeat()
            if self._ownership_lost:
                return
            if self._may_exit and self.requested(STOP_NOW):
                self._end_process(f"immediately, as requested{self._describe_lost_steps()}")
            if self._may_exit and not self._begun and self.requested(STOP):
                stop_requested_at = stop_requested_at or now
                if now - stop_requested_at > STOP_TIMEOUT:
                    self._end_process("before training started")

    def _write_heartbeat(self) -> None:
        """Touch the heartbeat file, unless another process owns the run by now."""
        with self._lock:
            self._refresh_owner()
            if self._ownership_lost:
                return
            if self._incomplete:
                self._write()
        try:
            os.utime(self._folder / HEARTBEAT, follow_symlinks=os.utime not in os.supports_follow_symlinks)
        except FileNotFoundError:  # the folder was removed, so the run should stop
            self._folder_gone = True
        except OSError:
            pass  # the disk may be back in a second

    def _describe_lost_steps(self) -> str:
        steps = "1 step" if self.lost_steps == 1 else f"{self.lost_steps:,} steps"
        return (
            f": {steps} after the latest checkpoint {'is' if self.lost_steps == 1 else 'are'} lost"
            if self.lost_steps
            else ""
        )

    def _end_process(self, reason: str) -> None:
        """Exit this process and kill its image readers, whatever they are doing."""
        with suppress(OSError, ValueError):
            self.emit(Ended(time.time(), "stopped", self.saved_step, reason, self.lost_steps))
        for child in multiprocessing.active_children():
            child.kill()
        os._exit(0)


def still_running_message(folder: Path) -> str:
    """The message that a run can't be resumed because it is running, with its owner if the heartbeat names one."""
    owner = ownership.read_owner(folder)
    with suppress(OSError):
        silence = abs(time.time() - (folder / HEARTBEAT).stat().st_mtime)
        if owner is not None and silence > 5 * HEARTBEAT_INTERVAL:
            return (
                f"{folder.name} is still running in {owner}, which has not responded for {silence:.0f} s. "
                "It may be suspended: continue or end it"
            )
    return f"{folder.name} is still running" + (f" in {owner}" if owner else "")


def _end_of_last_line(descriptor: int) -> int:
    """Offset of the end of a file's last complete line; what a killed writer left after it has to be truncated."""
    end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - BLOCK_SIZE)
        os.lseek(descriptor, start, os.SEEK_SET)
        found = os.read(descriptor, end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


@contextmanager
def stop_on_signals(
    sink: RunWriter | NullSink, on_signal: Callable[[int], object] = lambda signals: None
) -> Iterator[None]:
    """Inside the block, Ctrl+C and `kill` stop the run as the file `stop` does. Only in the main thread.

    `on_signal` is called in another thread with the number of signals so far.

    Python runs a signal handler only between two bytecode instructions, and a backward pass is a single one, however
    long it takes. So a thread counts the signals: it reads them from the wake-up pipe, which is written immediately.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def count() -> None:
        while number := os.read(reading, 1):
            if number[0] in (signal.SIGINT, signal.SIGTERM):
                sink.signal_count += 1
                on_signal(sink.signal_count)

    counter = threading.Thread(target=count, name="signals", daemon=True)
    counter.start()
    old_wakeup_fd = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    old_handlers = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in old_handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(old_wakeup_fd)
        os.close(writing)
        counter.join()
        os.close(reading)


def end_reason(error: BaseException) -> str:
    """Why a run ended, in one line."""
    if isinstance(error, OSError) and error.errno:
        return describe(error)
    return str(error).partition("\n")[0] or type(error).__name__
