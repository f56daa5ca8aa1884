"""What a test can leave behind, one function per kind, and how long to wait for things that are ending."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import WeakSet

import psutil
from PySide6.QtCore import QThread, QThreadPool, QTimer
from shiboken6 import isValid

TIMEOUT = 3.0  # seconds that a thread, process or timer which is already ending gets
PERMANENT_FILES = ("pymp-",)  # multiprocessing creates its folder once and removes it when the interpreter exits


def threads() -> dict[object, str]:
    """Python's threads. A dummy thread stands for a foreign one that once called Python, and can't be ended."""
    alive = threading.enumerate()
    return {thread: repr(thread) for thread in alive if not isinstance(thread, threading._DummyThread)}


def children(pid: int) -> list[int]:
    """A process's children, as the kernel lists them for each of its threads."""
    found: list[int] = []
    with suppress(OSError):  # it has just ended
        for thread in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    return found


def descendants(pid: int) -> Iterator[psutil.Process]:
    """A process's children and theirs. Where the kernel doesn't list them, psutil looks at every process there is."""
    if not Path(f"/proc/{pid}/task/{pid}/children").exists():
        yield from psutil.Process(pid).children(recursive=True)
        return
    below = children(pid)
    while below:
        child = below.pop()
        below += children(child)
        with suppress(psutil.NoSuchProcess):
            yield psutil.Process(child)


def processes() -> dict[object, str]:
    """Child processes, without multiprocessing's resource tracker, which stays until the interpreter exits."""
    found: dict[object, str] = {}
    for process in descendants(os.getpid()):
        try:
            command = " ".join(process.cmdline())
            if process.status() != psutil.STATUS_ZOMBIE and "multiprocessing.resource_tracker" not in command:
                found[process] = f"{process.pid} {command}"
        except psutil.NoSuchProcess:
            continue
    return found


def files() -> dict[object, str]:
    folder = Path(tempfile.gettempdir())
    return {path: str(path) for path in folder.iterdir() if not path.name.startswith(PERMANENT_FILES)}


def windows() -> dict[object, str]:
    """Top-level widgets, shown or not; keyed by id, so that a key keeps nothing alive."""
    app = application()
    return {id(widget): repr(widget) for widget in app.topLevelWidgets()} if app is not None else {}


LIVE: WeakSet[QTimer | QThread] = WeakSet()
"""Every timer and thread that Python has made. Qt lists them nowhere, and the live objects are a million to search."""


def record_live(kind: type[QTimer | QThread]) -> None:
    """Have each new object of a class recorded. (A wrapped `QTimer.start` would take a signal's arguments.)"""
    initialize = kind.__init__

    def initialize_and_record(self: Any, *arguments: Any, **named: Any) -> None:
        initialize(self, *arguments, **named)
        LIVE.add(self)

    kind.__init__ = initialize_and_record


record_live(QTimer)
record_live(QThread)


def timers_and_qthreads() -> dict[object, str]:
    """Active QTimers, running QThreads and tasks in Qt's global thread pool."""
    if application() is None:
        return {}
    found: dict[object, str] = {
        id(thing): f"{thing!r} of {thing.parent()!r}"
        for thing in list(LIVE)
        if isValid(thing) and (thing.isActive() if isinstance(thing, QTimer) else thing.isRunning())
    }
    if QThreadPool.globalInstance().activeThreadCount():
        found["pool"] = "a task in Qt's global thread pool"
    return found


def application() -> Any:
    """The QApplication, if a test has asked for one."""
    widgets = sys.modules.get("PySide6.QtWidgets")
    return widgets.QApplication.instance() if widgets else None


KINDS: dict[str, Callable[[], dict[object, str]]] = {
    "thread": threads,
    "process": processes,
    "temporary file": files,
    "window": windows,
    "timer": timers_and_qthreads,
}


def present() -> dict[str, set[object]]:
    return {kind: set(found()) for kind, found in KINDS.items()}


def leftovers(before: dict[str, set[object]]) -> list[str]:
    """What was not there before, after waiting for things that are ending. Processes that remain are killed."""
    until = time.monotonic() + TIMEOUT
    while left := _new(before):
        if time.monotonic() > until:
            kill_new_processes(before)
            break
        _settle()
    return left


def kill_new_processes(before: dict[str, set[object]]) -> None:
    """Kill the child processes that were not there before."""
    for process in processes().keys() - before["process"]:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _new(before: dict[str, set[object]]) -> list[str]:
    return [
        f"{kind}: {what}" for kind, found in KINDS.items() for key, what in found().items() if key not in before[kind]
    ]


def _settle() -> None:
    """Collect reference cycles, run Qt's deferred deletions, and wait a moment."""
    gc.collect()
    if application() is not None:
        from PySide6.QtCore import QCoreApplication, QEvent

        QCoreApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    time.sleep(0.02)
