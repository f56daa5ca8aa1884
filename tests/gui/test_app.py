"""Starting and ending the real program, and the handling of uncaught exceptions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication, QPaintEvent
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio import codec
from resnet_studio.gui.app import RESTORED, ExceptionReporter
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.gui.session_file import restore
from resnet_studio.networks.architecture import Architecture, from_json
from resnet_studio.networks.presets import preset
from waiting import PATIENCE, wait_until

WINDOW = [sys.executable, "-m", "resnet_studio"]


@pytest.fixture
def window(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    """A window whose engine is off, with the program's own hooks in place of the test suite's."""
    window = MainWindow(SessionState())
    qtbot.addWidget(window)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "__stderr__", None)
    ExceptionReporter(window).install()
    window.show()
    yield window
    window.close()


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_CONFIG_HOME": str(tmp_path / "config"), **more}


def session_file(tmp_path: Path) -> Path:
    return tmp_path / "config" / "resnet-studio" / "session.json"


def started(tmp_path: Path, **options: Any) -> subprocess.Popen[str]:
    """The program, once its window is up and starts the engine."""
    program = subprocess.Popen(WINDOW, env=environment(tmp_path), text=True, **options)
    wait_until(lambda: program.poll() is not None or psutil.Process(program.pid).children())
    return program


def test_window_closes_on_a_signal_and_saves_the_session(tmp_path: Path) -> None:
    program = started(tmp_path, stderr=subprocess.PIPE)
    session_file(tmp_path).unlink()
    program.send_signal(signal.SIGTERM)
    _, errors = program.communicate(timeout=PATIENCE)
    assert program.returncode == 0
    assert errors == ""
    assert session_file(tmp_path).exists()
    saved, _ = restore(session_file(tmp_path))
    assert (saved.architecture, saved.unclean) == (preset("resnet50"), 0)


def killed(tmp_path: Path, how: signal.Signals = signal.SIGKILL) -> Path:
    """Open the window and kill it with a signal; returns the session's file."""
    program = started(tmp_path, stderr=subprocess.DEVNULL)
    program.send_signal(how)
    assert program.wait() == -how
    return session_file(tmp_path)


DRIVEN = """
import json, sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QPushButton
from resnet_studio.gui import app
from resnet_studio import codec
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.networks.architecture import to_json

presses, shown = sys.argv[1:], []

class Driven(MainWindow):
    '''Records the message, presses one of its buttons, and closes.'''
    def start_engine(self):
        self.engine.stateChanged.disconnect()
        bar = self.message_bar
        shown.append([bar.text if bar.isVisibleTo(self) else "", to_json(self.controller.session.architecture)])
        offers = {button.text(): button for button in bar.findChildren(QPushButton) if button.isVisibleTo(self)}
        press = presses.pop(0) if presses else "Close"
        if press in offers and press != "Close":
            offers[press].click()  # this may open another window in place of this one
        if press != "Open previous session":
            self.close()

app.MainWindow = Driven
code = app.run()
print(json.dumps({"code": code, "shown": shown}))
"""


def driven(tmp_path: Path, *presses: str, **more: str) -> list[tuple[str, Architecture]]:
    """Start the real program, press buttons of the message bar, close; each window's message and architecture."""
    completed = subprocess.run(
        [sys.executable, "-c", DRIVEN, *presses], env=environment(tmp_path, **more), capture_output=True, text=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert completed.returncode == 0, completed.stderr
    result = json.loads(completed.stdout)
    assert result["code"] == 0
    return [(message, from_json(architecture)) for message, architecture in result["shown"]]


def with_session(tmp_path: Path, **values: object) -> Path:
    session = session_file(tmp_path)
    session.parent.mkdir(parents=True)
    session.write_text(json.dumps(codec.to_json(SessionState(architecture=preset("plain34"), theme="dark", **values))))  # type: ignore[arg-type]
    return session


@pytest.mark.parametrize("how", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_session_is_offered_after_two_starts_that_a_signal_killed(tmp_path: Path, how: signal.Signals) -> None:
    session = with_session(tmp_path)
    before = json.loads(session.read_text())
    killed(tmp_path, how)
    assert restore(session)[0].architecture == preset("plain34")
    killed(tmp_path, how)
    ((message, architecture),) = driven(tmp_path)
    assert "unexpectedly twice" in message
    assert architecture == preset("resnet50")
    assert restore(session)[0].theme == "dark"
    archived = json.loads((session.parent / "session.json.last").read_text())
    assert {**archived, "unclean": 0, "geometry": ""} == {**before, "geometry": ""}
    fresh, last = driven(tmp_path, "Open previous session")  # still offered after a normal end
    assert "still available" in fresh[0]
    assert last == ("", preset("plain34"))
    assert not (session.parent / "session.json.last").exists()
    assert driven(tmp_path) == [("", preset("plain34"))]


def test_the_session_survives_the_first_unexpected_end(tmp_path: Path) -> None:
    with_session(tmp_path, unclean=1)
    ((message, architecture),) = driven(tmp_path)
    assert message == RESTORED
    assert architecture == preset("plain34")


def test_a_discarded_session_is_deleted_and_no_longer_offered(tmp_path: Path) -> None:
    session = with_session(tmp_path, unclean=2)
    assert len(driven(tmp_path, "Discard")) == 1
    assert not (session.parent / "session.json.last").exists()
    assert driven(tmp_path) == [("", preset("resnet50"))]


def test_a_second_archived_session_does_not_replace_the_first(tmp_path: Path) -> None:
    session = with_session(tmp_path, unclean=2)
    driven(tmp_path)
    session.write_text(json.dumps(codec.to_json(SessionState(architecture=preset("plain18"), unclean=3))))
    for name in ("plain18", "plain34"):
        windows = driven(tmp_path, "Open previous session")
        assert windows[-1][1] == preset(name)


def test_a_normal_end_resets_the_unclean_count(tmp_path: Path) -> None:
    session = killed(tmp_path)
    program = started(tmp_path, stderr=subprocess.DEVNULL)
    assert restore(session)[0].unclean == 2
    program.send_signal(signal.SIGTERM)
    assert program.wait(timeout=PATIENCE) == 0
    assert restore(session)[0].unclean == 0


def test_a_second_window_does_not_count_the_first_as_an_unexpected_end(tmp_path: Path) -> None:
    first = started(tmp_path, stderr=subprocess.DEVNULL)
    session = session_file(tmp_path)
    assert restore(session)[0].unclean == 1
    killed(tmp_path)  # the second
    assert restore(session)[0].unclean <= 1  # the first is still open
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=PATIENCE) == 0
    assert restore(session)[0].unclean == 0


def test_a_window_opens_with_a_message_if_settings_cannot_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder is needed")
    ((message, architecture),) = driven(tmp_path, XDG_CONFIG_HOME=str(blocked))
    assert "can't be saved" in message
    assert "XDG_CONFIG_HOME" in message
    assert architecture == preset("resnet50")


def test_a_session_is_restored_from_a_read_only_folder(tmp_path: Path) -> None:
    """The session is read, and a crash that could not be recorded changes nothing."""
    session = with_session(tmp_path, unclean=2, geometry=5)
    before = session.read_bytes()
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "sitecustomize.py").write_text(READ_ONLY_FOLDER.format(folder=str(session.parent)))
    for _ in range(2):
        ((message, architecture),) = driven(tmp_path, PYTHONPATH=str(tmp_path / "more"))
        assert "Read-only file system" in message
        assert architecture == preset("plain34")
    assert session.read_bytes() == before
    assert sorted(session.parent.iterdir()) == [session]


READ_ONLY_FOLDER = """
import errno, os, sys

def refuse(event, arguments):
    '''Audit hook that fails writes like a read-only file system.'''
    path = str(arguments[0]) if arguments else ""
    writes = event in ("os.rename", "os.remove", "os.mkdir") or event == "open" and arguments[2] & 3
    if writes and path.startswith({folder!r}):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

sys.addaudithook(refuse)
"""


def test_exception_in_a_slot_is_reported_once_with_copy(qtbot: QtBot, window: MainWindow) -> None:
    button = QPushButton(window)
    button.clicked.connect(lambda: 1 / 0)
    with qtbot.captureExceptions():  # pytest-qt's own hook would fail the test
        ExceptionReporter(window).install()
        button.click()
    assert "(ZeroDivisionError). Use Copy to get the details" in window.message_bar.text
    copy = window.message_bar.findChild(QPushButton, "bannerCopy")
    copy.click()
    assert "ZeroDivisionError" in QGuiApplication.clipboard().text()
    assert "Traceback" in QGuiApplication.clipboard().text()


def test_exception_in_a_thread_is_reported(qtbot: QtBot, window: MainWindow) -> None:
    thread = threading.Thread(target=lambda: {}["lost"])
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: "(KeyError). Use Copy to get the details" in window.message_bar.text)


def test_paint_event_that_fails_at_every_repaint_is_reported_once(qtbot: QtBot, window: MainWindow) -> None:
    painted: list[int] = []

    class Broken(QWidget):
        def paintEvent(self, event: QPaintEvent) -> None:
            painted.append(1)
            raise RuntimeError("no colors left")

    reports: list[object] = []
    reporter = ExceptionReporter(window)
    reporter._raised.connect(reports.append)
    with qtbot.captureExceptions():
        reporter.install()
        broken = Broken(window)
        broken.resize(20, 20)
        broken.show()
        for count in (1, 2, 3):
            broken.update()
            qtbot.waitUntil(lambda count=count: len(painted) >= count)
    assert len(reports) == 1
    broken.close()
    broken.setParent(None)
    broken.deleteLater()


def test_window_stays_usable_after_an_exception(qtbot: QtBot, window: MainWindow) -> None:
    with qtbot.captureExceptions():
        ExceptionReporter(window).install()
        QTimer.singleShot(0, lambda: [][1])
        qtbot.waitUntil(lambda: "(IndexError). Use Copy to get the details" in window.message_bar.text)
    window.workspaces.setCurrentIndex(3)
    assert window.workspaces.currentIndex() == 3
