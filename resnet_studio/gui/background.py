"""Reading and writing files off the window's thread, on Qt's global thread pool."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from PySide6.QtCore import QObject, QThreadPool, Signal

from resnet_studio.causes import os_reason

Result = TypeVar("Result")
THREADS = 4
"""Minimum size of the pool, even on one core, as its threads mostly wait for disks."""


def failure_reason(error: Exception) -> str:
    """Why something could not be read or written, to follow a colon."""
    match error:
        case OSError(errno=int()):
            return os_reason(error)
        case MemoryError():
            return "not enough memory"
        case UnicodeError():
            return "its name has characters that this system doesn't support"
        case ValueError():
            return str(error)  # the program's own message
    return f"unexpected error ({type(error).__name__})"


@dataclass(eq=False)
class _Task:
    """A function, its callbacks, and an event that is set when its thread is done with it."""

    function: Callable[[], Any]
    on_result: Callable[[Any], object]
    on_error: Callable[[Exception], object] | None
    finished: threading.Event = field(default_factory=threading.Event)


class BackgroundReader(QObject):
    """Runs functions one after another on Qt's pool and calls back with their results on the window's thread.

    An exception ends a function like a result: `busy` is updated, and the next one starts, before the callback is
    called. Several readers share the pool, so a slow function delays only those of its own reader. Call `stop` before
    the owner is deleted.
    """

    _taskFinished = Signal(object, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pending: deque[_Task] = deque()
        self._running: _Task | None = None
        self._stopped = False
        self._taskFinished.connect(self._on_task_finished)

    @property
    def busy(self) -> bool:
        """Whether something is running or pending."""
        return self._running is not None

    def run(
        self,
        function: Callable[[], Result],
        on_result: Callable[[Result], object] = lambda result: None,
        on_error: Callable[[Exception], object] | None = None,
    ) -> None:
        """Run `function` after all earlier ones, then call `on_result` with what it returned.

        `on_error` gets the exception; without it, that is raised on the window's thread and reported there.
        """
        if not self._stopped:
            self._pending.append(_Task(function, on_result, on_error))
            self._start_next()

    def drop_pending(self) -> None:
        """Drop pending functions. The running one still calls back, so that frequent callers get results at all."""
        self._pending.clear()

    def stop(self) -> None:
        """Run no more functions, and wait for the one that is running."""
        self._stopped = True
        self._pending.clear()
        if self._running is not None:
            self._running.finished.wait()

    def _start_next(self) -> None:
        if self._running is None and self._pending:
            self._running = self._pending.popleft()
            task, pool = self._running, QThreadPool.globalInstance()
            pool.setMaxThreadCount(max(THREADS, pool.maxThreadCount()))
            pool.start(partial(self._run_task, task))

    def _run_task(self, task: _Task) -> None:
        """Runs on the pool's thread; the signal is delivered on the window's."""
        result, error = None, None
        try:
            result = task.function()
        except Exception as raised:  # any exception is the task's result
            error = raised
        finally:
            self._taskFinished.emit(task, result, error)
            task.finished.set()

    def _on_task_finished(self, task: _Task, result: Any, error: Exception | None) -> None:
        self._running = None
        self._start_next()
        if self._stopped:
            return
        if error is None:
            task.on_result(result)
        elif task.on_error is not None:
            task.on_error(error)
        else:
            raise error
