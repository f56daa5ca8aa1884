"""What a test can leave behind, each kind by a small function, and the patience that things which are ending have."""

from __future__ import annotations

import gc
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

PATIENCE = 3.0  # seconds that a thread, process or timer which is already ending has for it
PERMANENT_FILES = ("pymp-",)  # multiprocessing makes its folder once and removes it at the interpreter's end


def threads() -> dict[object, str]:
    """Python's threads. A dummy stands for a foreign thread that once called Python, and can't be ended."""
    alive = threading.enumerate()
    return {thread: repr(thread) for thread in alive if not isinstance(thread, threading._DummyThread)}


def processes() -> dict[object, str]:
    """Child processes, without multiprocessing's resource tracker, which stays until the interpreter's end."""
    found: dict[object, str] = {}
    for process in psutil.Process().children(recursive=True):
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


def timers_and_qthreads() -> dict[object, str]:
    """Active QTimers and running QThreads, wherever they are held, and the work of Qt's global thread pool."""
    app = application()
    if app is None:
        return {}
    from PySide6.QtCore import QThread, QThreadPool, QTimer
    from shiboken6 import isValid

    things = [thing for thing in gc.get_objects() if issubclass(type(thing), (QTimer, QThread)) and isValid(thing)]
    found: dict[object, str] = {
        id(thing): f"{thing!r} of {thing.parent()!r}"
        for thing in things
        if (thing.isActive() if isinstance(thing, QTimer) else thing.isRunning() and thing != app.thread())
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
    """What is there and was not before, after whatever is ending has had its time. Processes are then ended."""
    until = time.monotonic() + PATIENCE
    while left := _new(before):
        if time.monotonic() > until:
            for process in processes().keys() - before["process"]:
                process.kill()
            break
        _settle()
    return left


def _new(before: dict[str, set[object]]) -> list[str]:
    return [
        f"{kind}: {what}" for kind, found in KINDS.items() for key, what in found().items() if key not in before[kind]
    ]


def _settle() -> None:
    """Free what only cycles and Qt's deferred deletions hold, and give the rest a moment."""
    gc.collect()
    if application() is not None:
        from PySide6.QtCore import QCoreApplication, QEvent

        QCoreApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    time.sleep(0.02)
