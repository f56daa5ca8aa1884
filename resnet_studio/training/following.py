"""Reading a run from its folder, while it is written or years later. Needs neither torch nor Qt."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from resnet_studio.training.events import Ended, Event, Measured, Stepped, from_line
from resnet_studio.training.runs import EVENTS, HEARTBEAT, MANIFEST

SILENT_AFTER = 10.0
"""Seconds without a heartbeat until a run counts as killed."""


class RunReader:
    """Hands out a run's events in order, each once, and always an end.

    A run can't write its own end when it is killed, so the reader concludes it: no end, and a heartbeat older than
    `SILENT_AFTER`. A run that is resumed, or was only asleep, goes on with further events after that. A torn last
    line stays unread until it is whole, and one that is no event is passed over.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ended = False
        self._read = 0
        self._step = 0

    def new_events(self, most: int = 1_000_000) -> Iterator[Event]:
        """Yield what has come since the last call, about `most` bytes at a time. It never waits."""
        with suppress(OSError), (self.folder / EVENTS).open("rb") as lines:
            lines.seek(self._read)
            for line in lines.readlines(most):
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                with suppress(ValueError):
                    if event := from_line(line):
                        self._note(event)
                        yield event
        if not self.ended and self._all_read() and self._silent():
            self.ended = True
            yield Ended(time=time.time(), how="killed", step=self._step, why="the process is gone")

    def _note(self, event: Event) -> None:
        self.ended = isinstance(event, Ended)
        if isinstance(event, Stepped):
            self._step = event.first + len(event.losses)
        elif isinstance(event, Measured):
            self._step = event.step

    def _all_read(self) -> bool:
        """Whether what is unread is at most a torn line."""
        try:
            with (self.folder / EVENTS).open("rb") as lines:
                lines.seek(self._read)
                return not lines.readline().endswith(b"\n")
        except OSError:
            return True

    def _silent(self) -> bool:
        for name in (HEARTBEAT, MANIFEST):
            with suppress(OSError):
                return time.time() - (self.folder / name).stat().st_mtime > SILENT_AFTER
        return True
