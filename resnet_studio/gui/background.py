"""Reading and writing files off the window's thread: the one helper for it, on the one small pool of threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from PySide6.QtCore import QObject, QThreadPool, Signal

from resnet_studio.causes import why

Result = TypeVar("Result")
THREADS = 4
"""At least so many in the pool, on a machine of one core too: they wait for disks most of the time."""


def cause(error: Exception) -> str:
    """Why something could not be read or written, to go behind a colon."""
    match error:
        case OSError(errno=int()):
            return why(error)
        case MemoryError():
            return "there is not enough memory"
        case UnicodeError():
            return "its name has characters that this system can't write"
        case ValueError():
            return str(error)  # the program's own sentence
    return f"an unexpected error ({type(error).__name__})"


@dataclass(eq=False)
class _Task:
    """One function, who gets what it returns or raises, and whether its thread is done with it."""

    work: Callable[[], Any]
    done: Callable[[Any], object]
    failed: Callable[[Exception], object] | None
    over: threading.Event = field(default_factory=threading.Event)


class BackgroundReader(QObject):
    """Runs functions one after another on Qt's pool and hands back what they return, on the window's thread.

    Whatever a function raises ends it like an answer: `busy` is over, and the next one begins, before anybody is told.
    Several of these share the pool, so one that takes long holds up only what its own owner asked for. `stop` before
    the owner goes.
    """

    _ended = Signal(object, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: deque[_Task] = deque()
        self._running: _Task | None = None
        self._stopped = False
        self._ended.connect(self._take)

    @property
    def busy(self) -> bool:
        """Whether something runs or waits."""
        return self._running is not None

    def run(
        self,
        work: Callable[[], Result],
        done: Callable[[Result], object] = lambda result: None,
        failed: Callable[[Exception], object] | None = None,
    ) -> None:
        """Run `work` when all that was asked for before is over, then give `done` what it returned.

        `failed` gets what it raised; without it that is raised here, and reported like any error of the window.
        """
        if not self._stopped:
            self._waiting.append(_Task(work, done, failed))
            self._begin_next()

    def drop_waiting(self) -> None:
        """Run nothing that still waits. The one that runs is told: else nothing would ever be, to who asks fast."""
        self._waiting.clear()

    def stop(self) -> None:
        """Run nothing any more; the one that runs is waited for."""
        self._stopped = True
        self._waiting.clear()
        if self._running is not None:
            self._running.over.wait()

    def _begin_next(self) -> None:
        if self._running is None and self._waiting:
            self._running = self._waiting.popleft()
            task, pool = self._running, QThreadPool.globalInstance()
            pool.setMaxThreadCount(max(THREADS, pool.maxThreadCount()))
            pool.start(lambda: self._work(task))

    def _work(self, task: _Task) -> None:
        """On the pool's thread; what is emitted arrives on the window's."""
        result, error = None, None
        try:
            result = task.work()
        except Exception as raised:  # whatever it is, it is the task's answer
            error = raised
        finally:
            self._ended.emit(task, result, error)
            task.over.set()

    def _take(self, task: _Task, result: Any, error: Exception | None) -> None:
        self._running = None
        self._begin_next()
        if self._stopped:
            return
        if error is None:
            task.done(result)
        elif task.failed is not None:
            task.failed(error)
        else:
            raise error
