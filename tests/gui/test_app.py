"""Starting and ending the real program, and what happens to what nobody catches."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QGuiApplication, QPaintEvent
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.gui.app import Faults
from resnet_studio.gui.session import Keeper, Kept, recover, restore
from resnet_studio.gui.window import StudioWindow
from resnet_studio.networks.architecture import from_json, to_json
from resnet_studio.networks.presets import preset

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


def killed_after(tmp_path: Path, seconds: float) -> Path:
    """Open the window, and end it as no window ends; the session's file."""
    session = tmp_path / "config" / "resnet-studio" / "session.json"
    before = session.stat().st_mtime_ns if session.exists() else 0
    program = subprocess.Popen(WINDOW, env=environment(tmp_path), stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while (not session.exists() or session.stat().st_mtime_ns == before) and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(seconds)
    program.kill()
    program.wait()
    return session


def test_a_session_is_offered_again_once_after_the_window_was_killed(tmp_path: Path) -> None:
    session = tmp_path / "config" / "resnet-studio" / "session.json"
    session.parent.mkdir(parents=True)
    session.write_text(json.dumps(asdict(Kept(architecture=to_json(preset("plain34")), theme="dark"))))
    killed_after(tmp_path, 0.5)
    first, told = recover(restore(session)[0])
    assert from_json(first.architecture) == preset("plain34")
    assert "here again" in told
    killed_after(tmp_path, 0.5)
    second, told = recover(restore(session)[0])
    assert from_json(second.architecture) == preset("resnet50")
    assert second.theme == "dark"
    assert "twice" in told


def test_a_window_that_ends_well_has_nothing_to_recover(tmp_path: Path) -> None:
    session = killed_after(tmp_path, 0.5)
    program = subprocess.Popen(WINDOW, env=environment(tmp_path), stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while restore(session)[0].unclean < 2 and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.5)
    program.send_signal(signal.SIGTERM)
    assert program.wait(timeout=30) == 0
    assert restore(session)[0].unclean == 0


def test_a_second_window_takes_the_first_for_no_accident(tmp_path: Path) -> None:
    session = tmp_path / "config" / "resnet-studio" / "session.json"
    first = subprocess.Popen(WINDOW, env=environment(tmp_path), stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not (session.exists() and restore(session)[0].unclean == 1) and time.monotonic() < until:
        time.sleep(0.05)
    killed_after(tmp_path, 0.5)  # the second
    assert restore(session)[0].unclean == 0
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=30) == 0


def test_the_session_is_written_while_the_window_is_open(qtbot: QtBot, tmp_path: Path) -> None:
    owner, kept = QObject(), Kept()
    keeper = Keeper(lambda: kept, tmp_path / "session.json", owner)
    keeper.write()
    assert from_json(restore(tmp_path / "session.json")[0].architecture) == preset("resnet50")
    kept.architecture = to_json(preset("plain18"))
    qtbot.waitUntil(
        lambda: from_json(restore(tmp_path / "session.json")[0].architecture) == preset("plain18"), timeout=20_000
    )
    shiboken6.delete(owner)


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
