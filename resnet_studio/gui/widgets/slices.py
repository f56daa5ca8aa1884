"""Work that would hold up the event loop, done in slices between its events."""

from __future__ import annotations

import time
from collections.abc import Iterator

from PySide6.QtCore import QObject, QTimer

SLICE = 0.008
"""Seconds of work at a time: half a frame of the screen."""


class Slices(QObject):
    """Takes generators and runs them a few steps at a time, the oldest first; an owner's newer replaces its older."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._work: dict[object, Iterator[object]] = {}
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._work_on)

    def start(self, owner: object, steps: Iterator[object]) -> None:
        """Do this for the owner, instead of what was begun for it before."""
        self._work[owner] = steps
        self._timer.start()

    @property
    def busy(self) -> bool:
        """Whether something is left to do."""
        return bool(self._work)

    def stop(self) -> None:
        """Do nothing any more."""
        self._work.clear()
        self._timer.stop()

    def _work_on(self) -> None:
        end = time.perf_counter() + SLICE
        while self._work and time.perf_counter() < end:
            owner, steps = next(iter(self._work.items()))
            if next(steps, self) is self and self._work.get(owner) is steps:
                del self._work[owner]
        if not self._work:
            self._timer.stop()
