"""Starting the window."""

from __future__ import annotations

import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from resnet_studio.gui import theme
from resnet_studio.gui.session import restore, save, session_file
from resnet_studio.gui.window import StudioWindow
from resnet_studio.resources import resource


def run(paths: Sequence[str] = (), theme_name: theme.ThemeName | None = None) -> int:
    """Open the window, with images, weight files or architectures from `paths`, and wait until it is closed."""
    app = QApplication(sys.argv[:1])
    app.setApplicationName("resnet-studio")
    app.setApplicationDisplayName("ResNet Studio")
    app.setDesktopFileName("resnet-studio")
    app.setWindowIcon(QIcon(str(resource("icons/resnet-studio.svg"))))
    kept, complaint = restore(session_file())
    if theme_name:
        kept.theme = theme_name
    theme.apply(app, kept.theme)
    window = StudioWindow(kept)
    report_exceptions(window)
    window.show()
    window.studio.open_paths(paths)
    if complaint:
        window.banner.tell(complaint, tone="warning")
    QTimer.singleShot(0, window.start_engine)  # after the first paint: the window is there at once
    end_on_signals(app)
    code = app.exec()
    if complaint := save(window.kept(), session_file()):
        print(f"resnet-studio: {complaint}", file=sys.stderr)  # noqa: T201  (the window is gone)
    return code


def report_exceptions(window: StudioWindow) -> None:
    """Whatever a slot, a paint event or a thread raises becomes one banner, and the window goes on."""

    def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.__excepthook__(kind, error, trace)
        window.report(error, "".join(traceback.format_exception(kind, error, trace)))

    def report_thread(arguments: Any) -> None:
        QTimer.singleShot(0, window, lambda: report(arguments.exc_type, arguments.exc_value, arguments.exc_traceback))

    sys.excepthook = report
    threading.excepthook = report_thread


def end_on_signals(app: QApplication) -> None:
    """Ctrl+C in the terminal closes the window as the close button does."""
    signal.signal(signal.SIGINT, lambda *_: app.closeAllWindows())
    signal.signal(signal.SIGTERM, lambda *_: app.closeAllWindows())
    awake = QTimer(app, interval=500)  # Python looks at signals only while it runs
    awake.timeout.connect(lambda: None)
    awake.start()
