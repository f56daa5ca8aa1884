"""The Training workspace in a real window, with a real engine and real runs in processes of their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QTableView, QTabWidget, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.gui.app_controller import TRAINING
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.gui.training.snapshots.time_slider import TimeSlider
from resnet_studio.gui.training.workspace import MAPS, NEW, RUNS
from resnet_studio.networks.architecture import Residual, to_json
from resnet_studio.networks.presets import preset
from resnet_studio.training import recipe as recipes
from resnet_studio.training.recipes import RECIPES
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.curves import LIVE
from resnet_studio.training.runs.events import Began, Ended, Stepped
from resnet_studio.training.runs.reader import RunReader
from resnet_studio.training.runs.summary import summarise

PATIENCE = 40_000
LEFT = Qt.MouseButton.LeftButton
TINY = Residual("basic", (1, 1, 1), shortcut="A", width=4, stem="cifar", image=32, classes=10)
SHORT = replace(RECIPES["digits-quick"], length=2)
LONG = replace(SHORT, length=100_000)


def kept(recipe: recipes.Recipe = SHORT, page: int = NEW, **more: object) -> SessionState:
    return SessionState(
        architecture=to_json(TINY), workspace=TRAINING, recipe=recipes.to_json(recipe), training_page=page, **more
    )  # type: ignore[arg-type]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """The folder of runs; what still lives in it at the end is ended."""
    folder = tmp_path / "runs"
    yield folder
    for process in processes_of(folder):
        process.kill()
        process.wait()


@pytest.fixture
def opened(qtbot: QtBot, place: Path) -> Iterator[Callable[[SessionState], MainWindow]]:
    windows: list[MainWindow] = []

    def open_window(session: SessionState) -> MainWindow:
        window = MainWindow(session, runs=place)
        qtbot.addWidget(window)
        windows.append(window)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        window.start_engine()
        return window

    yield open_window
    for window in windows:
        window.close()


def processes_of(folder: Path) -> list[psutil.Process]:
    """Runs are nobody's children, so they are found by what they were started with."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if "train" in (process.info["cmdline"] or ()) and any(str(folder) in word for word in process.info["cmdline"])
    ]


def start(qtbot: QtBot, window: MainWindow, name: str = "") -> Path:
    """Press the button once the data are there; the run's folder, when it has begun."""
    button = window.findChild(QPushButton, "startTraining")
    qtbot.waitUntil(button.isEnabled, timeout=PATIENCE)
    if name:
        window.findChild(QLineEdit, "runName").setFocus()
        qtbot.keyClicks(window.findChild(QLineEdit, "runName"), name)
    with qtbot.waitSignal(window.training.trainer.started, timeout=PATIENCE) as begun:
        qtbot.mouseClick(button, LEFT)
    folder: Path = begun.args[0]
    return folder


def state(window: MainWindow, folder: Path) -> str:
    run = window.training.watch.run(folder)
    return run.curves.state if run and run.curves.steps else ""


def test_a_run_is_set_up_started_and_seen_to_its_end(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow], place: Path
) -> None:
    window = opened(kept())
    folder = start(qtbot, window, "my first run #1")
    assert folder == place / "my first run #1"
    assert window.findChild(QTabWidget, "trainingPages").currentIndex() == RUNS
    qtbot.waitUntil(lambda: state(window, folder) == "finished", timeout=PATIENCE)
    model = window.findChild(QTableView, "runTable").model()
    row = [str(model.index(0, column).data()) for column in range(model.columnCount())]
    assert "my first run #1" in row[0]
    assert "finished" in row[-2]
    summary = summarise(folder)
    assert summary.steps == 2 * (1437 // 128)
    assert run_folder.read(folder).architecture == TINY
    assert run_folder.read(folder).recipe == SHORT
    qtbot.keyClick(window, Qt.Key.Key_3, Qt.KeyboardModifier.AltModifier)
    assert window.findChild(QTabWidget, "trainingPages").currentIndex() == MAPS
    qtbot.waitUntil(lambda: "Right" in window.findChild(QLabel, "probeTruth").text()
                    or "Taken for" in window.findChild(QLabel, "probeTruth").text(), timeout=PATIENCE)  # fmt: skip
    slider = window.findChild(TimeSlider)
    assert slider is not None
    assert "22" in "".join(label.text() for label in slider.findChildren(QLabel))


def test_stop_ends_a_run_within_two_seconds_and_resume_goes_on(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow]
) -> None:
    window = opened(kept(LONG))
    folder = start(qtbot, window)
    qtbot.waitUntil(lambda: state(window, folder) == "running", timeout=PATIENCE)
    asked = time.time()
    qtbot.mouseClick(window.findChild(QToolButton, "stopRun"), LEFT)
    qtbot.waitUntil(lambda: state(window, folder) == "stopped", timeout=PATIENCE)
    ended = [event for event in RunReader(folder).new_events() if isinstance(event, Ended)]
    assert ended[-1].time - asked < 2
    assert list((folder / run_folder.CHECKPOINTS).glob("step-*"))
    steps = summarise(folder).steps
    qtbot.mouseClick(window.findChild(QToolButton, "resumeRun"), LEFT)
    qtbot.waitUntil(lambda: state(window, folder) == "running" and summarise(folder).steps > steps, timeout=PATIENCE)
    again = [event.first for event in RunReader(folder).new_events() if isinstance(event, Stepped)]
    assert steps in again  # the step after the last one before the stop, counted from 0


def test_a_run_outlives_its_window_and_is_found_again(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow], place: Path
) -> None:
    window = opened(kept(LONG))
    folder = start(qtbot, window)
    qtbot.waitUntil(lambda: state(window, folder) == "running", timeout=PATIENCE)
    window.close()
    steps = summarise(folder).steps
    qtbot.waitUntil(lambda: summarise(folder).steps > steps, timeout=PATIENCE)
    assert processes_of(place)
    again = opened(kept(page=RUNS))
    qtbot.waitUntil(lambda: state(again, folder) == "running", timeout=PATIENCE)


def test_a_run_stops_with_its_window_where_the_user_wants_it_so(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow], place: Path
) -> None:
    window = opened(kept(LONG))
    action = next(action for menu in window.menuBar().actions() if menu.text() == "&Training"
                  for action in menu.menu().actions() if action.text().startswith("Stop runs"))  # fmt: skip
    action.trigger()
    assert window.kept().stop_runs
    folder = start(qtbot, window)
    qtbot.waitUntil(lambda: state(window, folder) == "running", timeout=PATIENCE)
    window.close()
    qtbot.waitUntil(lambda: summarise(folder).how == "stopped", timeout=PATIENCE)
    qtbot.waitUntil(lambda: not processes_of(place), timeout=PATIENCE)


def test_a_killed_run_is_called_killed_and_can_be_gone_on_with(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow], place: Path
) -> None:
    window = opened(kept(LONG))
    folder = start(qtbot, window)
    qtbot.waitUntil(lambda: state(window, folder) == "running" and any(
        (folder / run_folder.CHECKPOINTS).glob("step-*")), timeout=PATIENCE)  # fmt: skip
    for process in processes_of(place):
        process.kill()
        process.wait()
    qtbot.waitUntil(lambda: state(window, folder) == "killed", timeout=PATIENCE)
    qtbot.mouseClick(window.findChild(QToolButton, "resumeRun"), LEFT)
    qtbot.waitUntil(lambda: state(window, folder) in LIVE, timeout=PATIENCE)


def test_data_that_are_not_here_are_offered_and_no_network_is_said(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow]
) -> None:
    window = opened(kept(RECIPES["paper-cifar"]))
    button = window.findChild(QPushButton, "downloadData")
    qtbot.waitUntil(button.isVisible, timeout=PATIENCE)
    assert "170 MB" in button.text()
    assert not window.findChild(QPushButton, "startTraining").isEnabled()
    said = []
    window.training.trainer.data_refused.connect(lambda sentence, _: said.append(sentence))
    qtbot.mouseClick(button, LEFT)
    qtbot.waitUntil(lambda: bool(said), timeout=PATIENCE)
    assert "could not be downloaded" in said[0]
    assert "\n" not in said[0]


def test_a_network_that_takes_no_such_images_is_said_before_a_start(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow]
) -> None:
    window = opened(SessionState(architecture={"kind": "baseline", "name": "vgg19"}, workspace=TRAINING))
    problem = window.findChild(QLabel, "startProblem")
    qtbot.waitUntil(problem.isVisible, timeout=PATIENCE)
    assert "vgg19" in problem.text()
    assert not window.findChild(QPushButton, "startTraining").isEnabled()


def test_a_dropped_run_is_shown(qtbot: QtBot, opened: Callable[[SessionState], MainWindow], tmp_path: Path) -> None:
    elsewhere = tmp_path / "a shared disk" / "run 7"
    run_folder.make(elsewhere, run_folder.Manifest("run 7", TINY, SHORT, created=time.time() - 1000))
    window = opened(SessionState(architecture=to_json(TINY)))
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(elsewhere))])
    window.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, LEFT, Qt.KeyboardModifier.NoModifier))
    qtbot.waitUntil(lambda: window.training.watch.run(elsewhere) is not None, timeout=PATIENCE)
    assert window.findChild(QTabWidget, "workspaces").currentIndex() == TRAINING
    assert window.findChild(QWidget, "runTable").isVisible()


def test_a_name_that_is_taken_is_said(qtbot: QtBot, opened: Callable[[SessionState], MainWindow], place: Path) -> None:
    (place / "taken").mkdir(parents=True)
    (place / "taken" / "thesis.tex").touch()
    window = opened(kept())
    with qtbot.waitSignal(window.training.problem) as problem:
        window.training.trainer.start("taken")
    assert "taken" in problem.args[0]
    assert problem.args[0] == window.banner.text


def test_a_network_for_large_images_is_advised_against(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow]
) -> None:
    window = opened(SessionState(architecture=to_json(preset("resnet18")), workspace=TRAINING))
    take = window.findChild(QPushButton, "takeAdvice")
    qtbot.waitUntil(take.isVisible, timeout=PATIENCE)
    qtbot.mouseClick(take, LEFT)
    assert window.studio.session.architecture == preset("resnet20-cifar")
    assert not take.isVisible()


def test_two_clicks_on_start_start_one_run_and_the_first_is_seen(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow], place: Path
) -> None:
    window = opened(kept(LONG))
    button = window.findChild(QPushButton, "startTraining")
    qtbot.waitUntil(button.isEnabled, timeout=PATIENCE)
    with qtbot.waitSignal(window.training.trainer.started, timeout=PATIENCE) as begun:
        qtbot.mouseClick(button, LEFT)
        assert (button.text(), button.isEnabled()) == ("Starting…", False)
        for _ in range(3):
            qtbot.mouseClick(button, LEFT)
            qtbot.keyClick(window.findChild(QLineEdit, "runName"), Qt.Key.Key_Return)
            window.training.trainer.start("another")
    assert [folder.name for folder in place.iterdir()] == [begun.args[0].name]
    assert (button.text(), button.isEnabled()) == ("Start training", True)
    assert window.findChild(QTabWidget, "trainingPages").currentIndex() == RUNS


def test_nobody_who_has_gone_elsewhere_is_pulled_back(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow]
) -> None:
    window = opened(kept(LONG))
    pages = window.findChild(QTabWidget, "trainingPages")
    button = window.findChild(QPushButton, "startTraining")
    qtbot.waitUntil(button.isEnabled, timeout=PATIENCE)
    with qtbot.waitSignal(window.training.trainer.started, timeout=PATIENCE) as begun:
        qtbot.mouseClick(button, LEFT)
        qtbot.keyClick(window, Qt.Key.Key_3, Qt.KeyboardModifier.AltModifier)
    folder = begun.args[0]
    qtbot.waitUntil(lambda: state(window, folder) == "running", timeout=PATIENCE)
    assert pages.currentIndex() == MAPS
    window.training.keeper.stop([folder])
    qtbot.waitUntil(lambda: state(window, folder) == "stopped", timeout=PATIENCE)
    qtbot.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    window.training.runs.choose([folder])
    resume = window.findChild(QToolButton, "resumeRun")
    qtbot.waitUntil(resume.isVisible, timeout=PATIENCE)
    with qtbot.waitSignal(window.training.trainer.started, timeout=PATIENCE):
        qtbot.mouseClick(resume, LEFT)
        assert (resume.text(), resume.isEnabled()) == ("Resuming…", False)
        qtbot.mouseClick(resume, LEFT)
        qtbot.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: state(window, folder) == "running", timeout=PATIENCE)
    assert pages.currentIndex() == NEW
    sessions = [event for event in RunReader(folder).new_events() if isinstance(event, Began)]
    assert len(sessions) == 2  # the start, and one resume
