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
from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication, QPaintEvent
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.gui.app import ONCE, ExceptionReporter
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.gui.session_file import restore
from resnet_studio.networks.architecture import Architecture, from_json, to_json
from resnet_studio.networks.presets import preset

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


def killed_after(tmp_path: Path, seconds: float, how: signal.Signals = signal.SIGKILL) -> Path:
    """Open the window, and end it as no window ends; the session's file."""
    session = tmp_path / "config" / "resnet-studio" / "session.json"
    before = session.stat().st_mtime_ns if session.exists() else 0
    program = subprocess.Popen(WINDOW, env=environment(tmp_path), stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while (not session.exists() or session.stat().st_mtime_ns == before) and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(seconds)
    program.send_signal(how)
    assert program.wait() == -how
    return session


DRIVEN = """
import json, sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QPushButton
from resnet_studio.gui import app
from resnet_studio.gui.main_window import StudioWindow
from resnet_studio.networks.architecture import to_json

presses, told = sys.argv[1:], []

class Driven(StudioWindow):
    '''Says what the banner says, presses what it offers in turn, and closes.'''
    def start_engine(self):
        self.link.state_changed.disconnect()
        banner = self.banner
        told.append([banner.text if banner.isVisibleTo(self) else "", to_json(self.studio.session.architecture)])
        offers = {button.text(): button for button in banner.findChildren(QPushButton) if button.isVisibleTo(self)}
        press = presses.pop(0) if presses else "Close"
        if press in offers and press != "Close":
            offers[press].click()  # and another window may open in the place of this one
        if press != "Open the last session":
            self.close()

app.StudioWindow = Driven
code = app.run()
print(json.dumps({"code": code, "told": told}))
"""


def driven(tmp_path: Path, *presses: str, **more: str) -> list[tuple[str, Architecture]]:
    """Start the real program, press what the banner offers, close; what each window said, and its architecture."""
    done = subprocess.run(
        [sys.executable, "-c", DRIVEN, *presses], env=environment(tmp_path, **more), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ended = json.loads(done.stdout)
    assert ended["code"] == 0
    return [(told, from_json(architecture)) for told, architecture in ended["told"]]


def with_session(tmp_path: Path, **values: object) -> Path:
    session = tmp_path / "config" / "resnet-studio" / "session.json"
    session.parent.mkdir(parents=True)
    session.write_text(
        json.dumps(asdict(SessionState(architecture=to_json(preset("plain34")), theme="dark", **values)))
    )  # type: ignore[arg-type]
    return session


@pytest.mark.parametrize("how", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_session_is_offered_after_two_starts_that_a_signal_ended(tmp_path: Path, how: signal.Signals) -> None:
    session = with_session(tmp_path)
    before = json.loads(session.read_text())
    killed_after(tmp_path, 0.2, how)
    assert from_json(restore(session)[0].architecture) == preset("plain34")
    killed_after(tmp_path, 0.2, how)
    ((told, architecture),) = driven(tmp_path)
    assert "unexpectedly twice" in told
    assert architecture == preset("resnet50")
    assert restore(session)[0].theme == "dark"
    put_by = json.loads((session.parent / "session.json.last").read_text())
    assert {**put_by, "unclean": 0, "geometry": ""} == {**before, "geometry": ""}
    fresh, last = driven(tmp_path, "Open the last session")  # still offered after a start that ended well
    assert "kept" in fresh[0]
    assert last == ("", preset("plain34"))
    assert not (session.parent / "session.json.last").exists()
    assert driven(tmp_path) == [("", preset("plain34"))]


def test_the_first_unexpected_end_costs_nothing(tmp_path: Path) -> None:
    with_session(tmp_path, unclean=1)
    ((told, architecture),) = driven(tmp_path)
    assert told == ONCE
    assert architecture == preset("plain34")


def test_a_session_that_is_discarded_is_gone_and_no_longer_offered(tmp_path: Path) -> None:
    session = with_session(tmp_path, unclean=2)
    assert len(driven(tmp_path, "Discard it")) == 1
    assert not (session.parent / "session.json.last").exists()
    assert driven(tmp_path) == [("", preset("resnet50"))]


def test_a_second_session_put_by_takes_no_others_place(tmp_path: Path) -> None:
    session = with_session(tmp_path, unclean=2)
    driven(tmp_path)
    session.write_text(json.dumps(asdict(SessionState(architecture=to_json(preset("plain18")), unclean=3))))
    for name in ("plain18", "plain34"):
        windows = driven(tmp_path, "Open the last session")
        assert windows[-1][1] == preset(name)


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
    assert restore(session)[0].unclean <= 1  # the first is still open
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=30) == 0
    assert restore(session)[0].unclean == 0


def test_settings_that_cannot_be_written_open_the_window_and_are_said(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder is needed")
    ((told, architecture),) = driven(tmp_path, XDG_CONFIG_HOME=str(blocked))
    assert "not be remembered" in told
    assert "XDG_CONFIG_HOME" in told
    assert architecture == preset("resnet50")


def test_a_folder_that_nothing_can_be_written_to_still_gives_its_session(tmp_path: Path) -> None:
    """Its session is read, and a crash that could not be noted down takes nothing away."""
    session = with_session(tmp_path, unclean=2, geometry=5)
    before = session.read_bytes()
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "sitecustomize.py").write_text(NOTHING_CAN_BE_WRITTEN.format(folder=str(session.parent)))
    for _ in range(2):
        ((told, architecture),) = driven(tmp_path, PYTHONPATH=str(tmp_path / "more"))
        assert "Read-only file system" in told
        assert architecture == preset("plain34")
    assert session.read_bytes() == before
    assert sorted(session.parent.iterdir()) == [session]


NOTHING_CAN_BE_WRITTEN = """
import errno, os, sys

def refuse(event, arguments):
    '''Python's own report of what it is about to do to files, answered as a read-only file system does.'''
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
    assert "did not foresee (ZeroDivisionError)" in window.banner.text
    copy = window.banner.findChild(QPushButton, "bannerCopy")
    copy.click()
    assert "ZeroDivisionError" in QGuiApplication.clipboard().text()
    assert "Traceback" in QGuiApplication.clipboard().text()


def test_exception_in_a_thread_is_reported(qtbot: QtBot, window: MainWindow) -> None:
    thread = threading.Thread(target=lambda: {}["lost"])
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: "did not foresee (KeyError)" in window.banner.text)


def test_paint_event_that_fails_at_every_repaint_is_reported_once(qtbot: QtBot, window: MainWindow) -> None:
    painted: list[int] = []

    class Broken(QWidget):
        def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
            painted.append(1)
            raise RuntimeError("no colours left")

    reports: list[object] = []
    faults = ExceptionReporter(window)
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


def test_window_goes_on_after_a_fault(qtbot: QtBot, window: MainWindow) -> None:
    with qtbot.captureExceptions():
        ExceptionReporter(window).install()
        QTimer.singleShot(0, lambda: [][1])
        qtbot.waitUntil(lambda: "did not foresee (IndexError)" in window.banner.text)
    window.workspaces.setCurrentIndex(3)
    assert window.workspaces.currentIndex() == 3
