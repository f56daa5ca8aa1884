"""Starting and ending the real program, and what happens to what nobody catches."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication, QPaintEvent
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.gui.app import Faults
from resnet_studio.gui.session import Kept
from resnet_studio.gui.window import StudioWindow

WINDOW = [sys.executable, "-m", "resnet_studio"]


@pytest.fixture
def window(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[StudioWindow]:
    """A window whose engine is off, with the program's own hooks in place of the test suite's."""
    window = StudioWindow(Kept())
    qtbot.addWidget(window)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "__stderr__", None)
    Faults(window).install()
    window.show()
    yield window
    window.close()


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_CONFIG_HOME": str(tmp_path / "config"), **more}


def test_window_ends_on_a_signal_and_keeps_the_session(tmp_path: Path) -> None:
    session = tmp_path / "config" / "resnet-studio" / "session.json"
    program = subprocess.Popen(WINDOW, env=environment(tmp_path), stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not session.exists() and time.monotonic() < until:
        time.sleep(0.05)
    session.unlink()
    time.sleep(1.0)  # the window is up, the engine is starting
    program.send_signal(signal.SIGTERM)
    _, complaints = program.communicate(timeout=30)
    assert program.returncode == 0
    assert complaints == ""
    assert '"resnet' not in session.read_text() or session.exists()


def test_settings_that_cannot_be_written_are_one_line_and_code_2(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder is needed")
    done = subprocess.run(
        WINDOW, env=environment(tmp_path, XDG_CONFIG_HOME=str(blocked)), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "XDG_CONFIG_HOME" in done.stderr


def test_exception_in_a_slot_is_reported_once_with_copy(qtbot: QtBot, window: StudioWindow) -> None:
    button = QPushButton(window)
    button.clicked.connect(lambda: 1 / 0)
    with qtbot.captureExceptions():  # pytest-qt's own hook would fail the test
        Faults(window).install()
        button.click()
    assert "division by zero" in window.banner.text
    copy = window.banner.findChild(QPushButton, "bannerCopy")
    copy.click()
    assert "ZeroDivisionError" in QGuiApplication.clipboard().text()
    assert "Traceback" in QGuiApplication.clipboard().text()


def test_exception_in_a_thread_is_reported(qtbot: QtBot, window: StudioWindow) -> None:
    thread = threading.Thread(target=lambda: {}["lost"])
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: "lost" in window.banner.text)


def test_paint_event_that_fails_at_every_repaint_is_reported_once(qtbot: QtBot, window: StudioWindow) -> None:
    painted: list[int] = []

    class Broken(QWidget):
        def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
            painted.append(1)
            raise RuntimeError("no colours left")

    reports: list[object] = []
    faults = Faults(window)
    faults._raised.connect(reports.append)
    with qtbot.captureExceptions():
        faults.install()
        broken = Broken(window)
        broken.resize(20, 20)
        broken.show()
        for times in (1, 2, 3):
            broken.update()
            qtbot.waitUntil(lambda times=times: len(painted) >= times)
    assert len(reports) == 1
    broken.close()
    broken.setParent(None)
    broken.deleteLater()


def test_window_goes_on_after_a_fault(qtbot: QtBot, window: StudioWindow) -> None:
    with qtbot.captureExceptions():
        Faults(window).install()
        QTimer.singleShot(0, lambda: [][1])
        qtbot.waitUntil(lambda: "out of range" in window.banner.text)
    window.workspaces.setCurrentIndex(3)
    assert window.workspaces.currentIndex() == 3
