"""Reading a run from its folder, while it is written or years later. Needs neither torch nor Qt."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from resnet_studio.files import Refusal, open_inside
from resnet_studio.training.runs import ownership
from resnet_studio.training.runs.events import Began, Ended, Event, Measured, Noted, Saved, Stepped, from_line
from resnet_studio.training.runs.run_folder import EVENTS, HEARTBEAT, MANIFEST

SILENT_AFTER = 10.0
"""Seconds without a heartbeat until a run counts as killed."""
LONGEST_LINE = 4_000_000
"""Bytes of a line that is read; a run's own have some hundred thousand at most."""


class RunReader:
    """Hands out a run's events in order, each once, and always an end.

    A run can't write its own end when it is killed, so the reader concludes it: no end, and nobody holds the run's
    lock. Where locks can't tell (another machine's run, a file system without them), a heartbeat older than
    `SILENT_AFTER` does; that machine's clock may be wrong, so one that is seen to move counts too. A run that is
    resumed goes on with further events after its end. A torn last line stays unread until it is whole, and one that
    is no event is passed over.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ended = False
        self.position = 0
        """Bytes read so far."""
        self._skipping = False
        """Whether they end within a line that is too long."""
        self._passed_over: set[str] = set()
        self._step = self._safe = 0
        self._beat = math.nan
        self._moved = -math.inf

    def new_events(self, most: int = 1_000_000) -> Iterator[Event]:
        """Yield what has come since the last call, about `most` bytes at a time; -1 is all. It never waits."""
        lives = None if self.ended else ownership.lives(self.folder)  # before its last words are read
        with suppress(OSError, Refusal), self._unread() as lines:
            for line in self._lines(lines, most):
                event, problem = _read(line)
                if event is not None:
                    self._note(event)
                    yield event
                elif problem not in self._passed_over:
                    self._passed_over.add(problem)
                    yield Noted(time.time(), f"{EVENTS} {problem}")
        if not self.ended and self._all_read() and self._gone(lives):
            self.ended = True
            lost = max(0, self._step - self._safe)
            yield Ended(self._beat or time.time(), "killed", self._step, self._why(), lost)

    def _lines(self, lines: BinaryIO, most: int) -> Iterator[bytes]:
        """The next whole lines, about `most` bytes of them; one that is too long comes empty, and is kept nowhere."""
        until = self.position + most if most >= 0 else math.inf
        while self.position < until:
            line = lines.readline(LONGEST_LINE)
            whole = line.endswith(b"\n")
            if not line or not (whole or self._skipping or len(line) == LONGEST_LINE):
                return
            self.position += len(line)
            skipped, self._skipping = self._skipping or not whole, not whole
            if whole:
                yield b"" if skipped else line

    def _note(self, event: Event) -> None:
        self.ended = isinstance(event, Ended)
        if isinstance(event, Stepped):
            self._step = event.first + len(event.losses)
        elif isinstance(event, Measured):
            self._step = event.step
        elif isinstance(event, Saved):
            self._safe = event.step
        elif isinstance(event, Began):
            self._step = self._safe = event.step

    def _all_read(self) -> bool:
        """Whether what is unread is at most a torn line."""
        try:
            with self._unread() as lines:
                line = lines.readline(LONGEST_LINE)
                return not line.endswith(b"\n") and len(line) < LONGEST_LINE
        except (OSError, Refusal):
            return True

    def _unread(self) -> BinaryIO:
        lines = os.fdopen(open_inside(self.folder, EVENTS), "rb")
        lines.seek(self.position)
        return lines

    def _gone(self, lives: bool | None) -> bool:
        silent = self._silent()
        return silent if lives is None else not lives

    def _why(self) -> str:
        try:
            self._unread().close()
        except Refusal as refusal:
            return f"{EVENTS} {refusal}"
        except OSError:
            pass
        return "its process is gone: it was killed, or memory or power ran out"

    def _silent(self) -> bool:
        """Whether the last heartbeat, kept in `_beat`, is long ago by its time and was not just seen to come."""
        before, self._beat = self._beat, self._last_beat()
        if self._beat != before:
            self._moved = time.monotonic() if self._beat > before else -math.inf
        return abs(time.time() - self._beat) > SILENT_AFTER and time.monotonic() - self._moved > SILENT_AFTER

    def _last_beat(self) -> float:
        """When the run last gave a sign; before its first heartbeat, when it was made."""
        for name in (HEARTBEAT, MANIFEST):
            with suppress(OSError):
                return (self.folder / name).stat().st_mtime
        return 0.0


def _read(line: bytes) -> tuple[Event | None, str]:
    """The event of a line, or why there is none."""
    if not line:
        return None, f"has a line of more than {LONGEST_LINE // 1_000_000} MB, which is passed over"
    try:
        event = from_line(line)
    except ValueError:
        return None, "has damaged lines, which are passed over"
    return event, "tells of things that this version of the program does not know; they are passed over"
