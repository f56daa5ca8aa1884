"""Starts the application: restores the session, opens the window, and reports uncaught exceptions."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import cast

from PySide6.QtCore import QDir, QLockFile, QObject, QTimer, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from resnet_studio.gui import theme
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.gui.session_file import SessionAutosaver, archive, newest_archived, restore, save, session_file
from resnet_studio.resources import resource

RESTORED = "ResNet Studio closed unexpectedly. Your session was restored."
STARTED_CLEAN = "ResNet Studio closed unexpectedly twice in a row, so it started with default settings."
ARCHIVE_OFFERED = "Your previous session is still available: open it, or discard it."


def run(paths: Sequence[str] = (), theme_name: str | None = None) -> int:
    """Open the window, with images, weight files or architectures from `paths`, and wait until it is closed."""
    app = QApplication(sys.argv[:1])
    app.setApplicationName("resnet-studio")
    app.setApplicationDisplayName("ResNet Studio")
    app.setDesktopFileName("resnet-studio")
    app.setWindowIcon(QIcon(str(resource("icons/resnet-studio.svg"))))
    path = session_file()
    lock = QLockFile(f"{path}.lock")
    QDir().mkpath(str(path.parent))
    alone = lock.tryLock(0) or lock.error() != QLockFile.LockError.LockFailedError  # also if locking is not supported
    state, message = restore(path)
    if alone and state.unclean >= 2 and archive(path):
        state, message = SessionState(theme=state.theme, geometry=state.geometry), STARTED_CLEAN
    elif alone and state.unclean:
        message = " ".join(filter(None, (RESTORED, message)))
    state = replace(state, unclean=state.unclean + 1 if alone else 0)  # set back to 0 when the window closes normally
    theme.apply(app, cast("theme.ThemeName", theme_name or state.theme))
    program = Program(path, paths)
    program.open(state, message)
    if alone:
        program.offer_archived(message)
    end_on_signals(app)
    code = app.exec()
    program.end()
    return code


class Program:
    """The open window and its session autosaver. Opening another session replaces the window."""

    def __init__(self, path: Path, paths: Sequence[str]) -> None:
        """`path` is the session's file; `paths` are opened in every window."""
        self._path, self._paths = path, paths

    def open(self, state: SessionState, message: str = "") -> None:
        """Open a window on this session, with a message about how it was restored."""
        problem = save(state, self._path)
        self._window = window = MainWindow(state)
        ExceptionReporter(window).install()
        window.show()
        window.controller.open_paths(self._paths)
        window.offer_module(" ".join(filter(None, (message, problem))))
        self._autosaver = autosaver = SessionAutosaver(window.session_state, self._path, window, problem)
        autosaver.failed.connect(window.show_notice)
        autosaver.recovered.connect(
            lambda: window.message_bar.show_message("The session is being saved again.", tone="news")
        )
        gc.freeze()  # the window lives on, and scanning its objects takes up to 0.1 s per collection
        gc.enable()  # which the command has disabled while everything is imported
        window.workspaces.prepared.connect(lambda: gc.freeze())  # and those of the tabs that are made later, 0.2 s
        QTimer.singleShot(0, window.start_engine)  # after the first paint, so that the window appears at once

    def offer_archived(self, message: str) -> None:
        """Offer the newest archived session, if there is one, until it is opened or discarded."""
        last = newest_archived(self._path)
        if last is not None:
            offers = ("Open previous session", lambda: self._open_archived(last)), ("Discard", lambda: _remove(last))
            self._window.show_notice(" ".join(filter(None, (message, ARCHIVE_OFFERED))), offers)

    def end(self) -> None:
        """Save the session after the window was closed."""
        self._autosaver.stop()
        state = replace(self._window.session_state(), unclean=0)
        if problem := save(state, self._path):
            print(f"resnet-studio: {problem}", file=sys.stderr)  # noqa: T201

    def _open_archived(self, last: Path) -> None:
        """Replace the window with one on the archived session."""
        state, message = restore(last)
        before = self._window
        self._autosaver.stop()
        self.open(replace(state, unclean=1), message)
        before.close()
        before.deleteLater()
        if not self._autosaver.error:
            _remove(last)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


class ExceptionReporter(QObject):
    """Shows an exception of a slot, a paint event or a thread in the message bar, once; the window stays open."""

    _raised = Signal(object)  # carries exceptions from other threads to the window's

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._reported: set[str] = set()
        self._window = window
        self._raised.connect(self._on_raised)

    def install(self) -> None:
        """Install the hooks for uncaught exceptions."""
        sys.excepthook = self._report
        threading.excepthook = lambda raised: self._report(raised.exc_type, raised.exc_value, raised.exc_traceback)

    def _report(self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        details = "".join(traceback.format_exception(kind, error, trace))
        if details not in self._reported:  # a failing paint event fails at every repaint
            self._reported.add(details)
            sys.__stderr__.write(details) if sys.__stderr__ else None
            self._raised.emit((error or kind(), details))

    def _on_raised(self, raised: tuple[BaseException, str]) -> None:
        self._window.report(*raised)


def end_on_signals(app: QApplication) -> None:
    """Make Ctrl+C in the terminal close the window like the close button."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # deferred: the handler may run in the middle of a paint event
        signal.signal(number, lambda *_: QTimer.singleShot(0, app.closeAllWindows))
    awake = QTimer(app, interval=500)  # Python handles signals only while it runs bytecode
    awake.timeout.connect(lambda: None)
    awake.start()
