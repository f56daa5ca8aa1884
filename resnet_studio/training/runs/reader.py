"""Reads a run's events from its folder, while it is being written or afterwards. Needs neither torch nor Qt."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from resnet_studio.files import FileRefusedError, open_below
from resnet_studio.training.runs import ownership
from resnet_studio.training.runs.events import Began, Ended, Event, Measured, Noted, Saved, Stepped, from_line
from resnet_studio.training.runs.run_folder import EVENTS, HEARTBEAT, MANIFEST

HEARTBEAT_TIMEOUT = 10.0
"""Seconds without a heartbeat after which a run counts as killed."""
MAX_LINE_BYTES = 4_000_000
"""Size up to which a line is read; the program itself writes a few hundred thousand bytes at most."""


class RunReader:
    """Yields a run's events in order, each exactly once, and always an `Ended` event.

    A killed run can't write its own end, so the reader infers it: there is no `Ended`, and no process holds the run's
    lock. If locks can't tell (another machine's run, a file system without locks), the run counts as killed once its
    heartbeat is older than `HEARTBEAT_TIMEOUT`. That machine's clock may be wrong, so a heartbeat that was seen to
    change recently keeps the run alive too. A resumed run continues with further events after its end. An incomplete
    last line stays unread until it is complete; a line that is not an event is skipped.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ended = False
        self.position = 0
        """Offset in bytes up to which the file has been read."""
        self._skipping = False
        """Whether `position` is inside a line that is too long."""
        self._reported_problems: set[str] = set()
        self._step = self._saved_step = 0
        self._heartbeat_time = math.nan
        self._heartbeat_moved_at = -math.inf

    def new_events(self, max_bytes: int = 1_000_000) -> Iterator[Event]:
        """Yield the events since the last call, up to about `max_bytes` bytes of them; -1 reads all. Never blocks."""
        alive = None if self.ended else ownership.is_alive(self.folder)  # checked before the last events are read
        with suppress(OSError, FileRefusedError), self._unread() as lines:
            for line in self._read_lines(lines, max_bytes):
                event, problem = _parse_line(line)
                if event is not None:
                    self._track(event)
                    yield event
                elif problem not in self._reported_problems:
                    self._reported_problems.add(problem)
                    yield Noted(time.time(), f"{EVENTS} {problem}")
        if not self.ended and self._all_read() and self._is_dead(alive):
            self.ended = True
            lost = max(0, self._step - self._saved_step)
            yield Ended(self._heartbeat_time or time.time(), "killed", self._step, self._end_reason(), lost)

    def _read_lines(self, lines: BinaryIO, max_bytes: int) -> Iterator[bytes]:
        """The next complete lines, about `max_bytes` bytes of them; one that is too long is yielded empty."""
        end = self.position + max_bytes if max_bytes >= 0 else math.inf
        while self.position < end:
            line = lines.readline(MAX_LINE_BYTES)
            complete = line.endswith(b"\n")
            if not line or not (complete or self._skipping or len(line) == MAX_LINE_BYTES):
                return
            self.position += len(line)
            skipped, self._skipping = self._skipping or not complete, not complete
            if complete:
                yield b"" if skipped else line

    def _track(self, event: Event) -> None:
        self.ended = isinstance(event, Ended)
        if isinstance(event, Stepped):
            self._step = event.first + len(event.losses)
        elif isinstance(event, Measured):
            self._step = event.step
        elif isinstance(event, Saved):
            self._saved_step = event.step
        elif isinstance(event, Began):
            self._step = self._saved_step = event.step

    def _all_read(self) -> bool:
        """Whether at most an incomplete line is unread."""
        try:
            with self._unread() as lines:
                line = lines.readline(MAX_LINE_BYTES)
                return not line.endswith(b"\n") and len(line) < MAX_LINE_BYTES
        except (OSError, FileRefusedError):
            return True

    def _unread(self) -> BinaryIO:
        lines = os.fdopen(open_below(self.folder, EVENTS), "rb")
        lines.seek(self.position)
        return lines

    def _is_dead(self, alive: bool | None) -> bool:
        silent = self._is_silent()  # called each time, as it tracks when the heartbeat changes
        return silent if alive is None else not alive

    def _end_reason(self) -> str:
        try:
            self._unread().close()
        except FileRefusedError as refusal:
            return f"{EVENTS} {refusal}"
        except OSError:
            pass
        return "its process exited unexpectedly: it was killed, or memory or power ran out"

    def _is_silent(self) -> bool:
        """Whether the last heartbeat is old by its own time stamp and was not seen to change recently."""
        before, self._heartbeat_time = self._heartbeat_time, self._last_heartbeat()
        if self._heartbeat_time != before:
            self._heartbeat_moved_at = time.monotonic() if self._heartbeat_time > before else -math.inf
        return (
            abs(time.time() - self._heartbeat_time) > HEARTBEAT_TIMEOUT
            and time.monotonic() - self._heartbeat_moved_at > HEARTBEAT_TIMEOUT
        )

    def _last_heartbeat(self) -> float:
        """Time of the last heartbeat; before the first one, the time of creation."""
        for name in (HEARTBEAT, MANIFEST):
            with suppress(OSError):
                return (self.folder / name).stat().st_mtime
        return 0.0


def _parse_line(line: bytes) -> tuple[Event | None, str]:
    """The event of a line, or None and the reason."""
    if not line:
        return None, f"has a line of more than {MAX_LINE_BYTES // 1_000_000} MB, which is skipped"
    try:
        event = from_line(line)
    except ValueError:
        return None, "has damaged lines, which are skipped"
    return event, "has events from a newer version of this program, which are skipped"
