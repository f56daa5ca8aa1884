"""Starting the window."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import cast

from PySide6.QtCore import QDir, QLockFile, QObject, QTimer, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from resnet_studio.gui import theme
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.gui.session_file import SessionAutosaver, put_by, put_by_last, restore, save, session_file
from resnet_studio.resources import resource

ONCE = "ResNet Studio ended unexpectedly the last time. What was open then is open again."
AGAIN = "ResNet Studio ended unexpectedly twice in a row, so this time it starts with the defaults."
OFFERED = "The session from before is kept: open it, or discard it."


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
    alone = lock.tryLock(0) or lock.error() != QLockFile.LockError.LockFailedError  # where no lock can be had, too
    kept, told = restore(path)
    if alone and kept.unclean >= 2 and put_by(path):
        kept, told = SessionState(theme=kept.theme, geometry=kept.geometry), AGAIN
    elif alone and kept.unclean:
        told = " ".join(filter(None, (ONCE, told)))
    kept.unclean = kept.unclean + 1 if alone else 0  # until the window has come to its end
    theme.apply(app, cast("theme.ThemeName", theme_name or kept.theme))
    program = Program(path, paths)
    program.open(kept, told)
    if alone:
        program.offer_last(told)
    end_on_signals(app)
    code = app.exec()
    program.end()
    return code


class Program:
    """The window that is open, and what keeps its session: another session is shown by another window."""

    def __init__(self, path: Path, paths: Sequence[str]) -> None:
        """`path` is the session's file; `paths` are opened in whatever window is."""
        self._path, self._paths = path, paths

    def open(self, kept: SessionState, told: str = "") -> None:
        """Open a window on this session, with a sentence of what there is to know about it."""
        problem = save(kept, self._path)
        self._window = window = MainWindow(kept)
        ExceptionReporter(window).install()
        window.show()
        window.studio.open_paths(self._paths)
        if told or problem:
            window.show_notice(" ".join(filter(None, (told, problem))))
        self._keeper = keeper = SessionAutosaver(window.kept, self._path, window, problem)
        keeper.failed.connect(window.show_notice)
        keeper.recovered.connect(lambda: window.banner.tell("The session can be saved again.", tone="news"))
        gc.freeze()  # what the window is made of is not garbage; to look through it takes up to 0.1 s each time
        QTimer.singleShot(0, window.start_engine)  # after the first paint: the window is there at once

    def offer_last(self, told: str) -> None:
        """Offer the session that was put by, if there is one, until it is opened or given up."""
        last = put_by_last(self._path)
        if last is not None:
            offers = ("Open the last session", lambda: self._open_last(last)), ("Discard it", lambda: _remove(last))
            self._window.show_notice(" ".join(filter(None, (told, OFFERED))), offers)

    def end(self) -> None:
        """The window was closed: the next start finds everything as it is now."""
        self._keeper.stop()
        kept = self._window.kept()
        kept.unclean = 0
        if problem := save(kept, self._path):
            print(f"resnet-studio: {problem}", file=sys.stderr)  # noqa: T201

    def _open_last(self, last: Path) -> None:
        """Put the window on the session that was put by in the place of this one."""
        kept, told = restore(last)
        kept.unclean = 1
        before = self._window
        self._keeper.stop()
        self.open(kept, told)
        before.close()
        before.deleteLater()
        if not self._keeper.problem:
            _remove(last)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


class ExceptionReporter(QObject):
    """Whatever a slot, a paint event or a thread raises becomes one banner, and the window goes on."""

    _raised = Signal(object)  # crosses from a thread to the window's

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._told: set[str] = set()
        self._window = window
        self._raised.connect(self._tell)

    def install(self) -> None:
        """Take over what nobody catches."""
        sys.excepthook = self._take
        threading.excepthook = lambda raised: self._take(raised.exc_type, raised.exc_value, raised.exc_traceback)

    def _take(self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        details = "".join(traceback.format_exception(kind, error, trace))
        if details not in self._told:  # a paint event that fails does so at every repaint
            self._told.add(details)
            sys.__stderr__.write(details) if sys.__stderr__ else None
            self._raised.emit((error or kind(), details))

    def _tell(self, raised: tuple[BaseException, str]) -> None:
        self._window.report(*raised)


def end_on_signals(app: QApplication) -> None:
    """Ctrl+C in the terminal closes the window as the close button does."""
    for number in (signal.SIGINT, signal.SIGTERM):  # which come between any two lines, also of a paint event's
        signal.signal(number, lambda *_: QTimer.singleShot(0, app.closeAllWindows))
    awake = QTimer(app, interval=500)  # Python looks at signals only while it runs
    awake.timeout.connect(lambda: None)
    awake.start()
