"""Starting the window."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import cast

from PySide6.QtCore import QDir, QLockFile, QObject, QTimer, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from resnet_studio.gui import theme
from resnet_studio.gui.session import Keeper, recover, restore, save, session_file
from resnet_studio.gui.window import StudioWindow
from resnet_studio.resources import resource


def run(paths: Sequence[str] = (), theme_name: str | None = None) -> int:
    """Open the window, with images, weight files or architectures from `paths`, and wait until it is closed.

    Returns the process's exit code: 2, with a line on stderr, where the settings can't be written.
    """
    app = QApplication(sys.argv[:1])
    app.setApplicationName("resnet-studio")
    app.setApplicationDisplayName("ResNet Studio")
    app.setDesktopFileName("resnet-studio")
    app.setWindowIcon(QIcon(str(resource("icons/resnet-studio.svg"))))
    kept, complaint = restore(session_file())
    QDir().mkpath(str(session_file().parent))
    lock = QLockFile(f"{session_file()}.lock")
    alone, recovered = lock.tryLock(0), ""
    if alone:
        kept, recovered = recover(kept)
    kept.unclean = kept.unclean + 1 if alone else 0  # until the window has come to its end
    if problem := save(kept, session_file()):
        print(f"resnet-studio: {problem} Set XDG_CONFIG_HOME to a folder that can be written.", file=sys.stderr)  # noqa: T201
        return 2
    theme.apply(app, cast("theme.ThemeName", theme_name or kept.theme))
    window = StudioWindow(kept)
    faults = Faults(window)
    faults.install()
    window.show()
    window.studio.open_paths(paths)
    if complaint or recovered:
        window.banner.tell(complaint or recovered, tone="warning")
    Keeper(window.kept, session_file(), window)
    gc.freeze()  # what the window is made of is not garbage; to look through it takes up to 0.1 s each time
    QTimer.singleShot(0, window.start_engine)  # after the first paint: the window is there at once
    end_on_signals(app)
    code = app.exec()
    ended = window.kept()
    ended.unclean = 0
    save(ended, session_file())
    return code


class Faults(QObject):
    """Whatever a slot, a paint event or a thread raises becomes one banner, and the window goes on."""

    _raised = Signal(object)  # crosses from a thread to the window's

    def __init__(self, window: StudioWindow) -> None:
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
