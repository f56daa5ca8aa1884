"""The Training workspace in a real window, with a real engine and real runs in processes of their own.

Where a test is about the window, its runs are forked; where it is about their processes, they are started as ever.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QMimeData, QPointF, QProcess, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QTableView, QTabWidget, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from fork_server import Child, ForkServer
from resnet_studio.gui.compare.workspace import SCATTER, SWEEP
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.gui.training import launcher
from resnet_studio.gui.training.setup.controller import SetupController
from resnet_studio.gui.training.snapshots.time_slider import TimeSlider
from resnet_studio.gui.training.workspace import MAPS, NEW, RUNS, TrainingWorkspace
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.presets import preset
from resnet_studio.training import recipe as recipes
from resnet_studio.training.recipes import RECIPES
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.curves import LIVE_STATES
from resnet_studio.training.runs.events import Began, Ended, Stepped
from resnet_studio.training.runs.reader import RunReader
from resnet_studio.training.runs.summary import summarize
from workspace_numbers import COMPARE, TRAINING

LEFT = Qt.MouseButton.LeftButton
TINY = Residual(Basic(), (1, 1, 1), shortcut="A", width=4, stem="cifar", image=32, classes=10)
SHORT = replace(RECIPES["digits-quick"], length=2)
LONG = replace(SHORT, length=100_000)


def saved_state(recipe: recipes.Recipe = SHORT, page: int = NEW, **more: object) -> SessionState:
    return SessionState(architecture=TINY, workspace=TRAINING, recipe=recipe, training_page=page, **more)  # type: ignore[arg-type]


@pytest.fixture
def runs_folder(tmp_path: Path) -> Iterator[Path]:
    """The folder of runs; processes that still run in it are killed at the end."""
    folder = tmp_path / "runs"
    yield folder
    for process in processes_of(folder):
        process.kill()
        process.wait()


class ForkedProcess(QProcess):
    """A detached process as the launcher starts it, except that it is forked and need not import torch."""

    server: ForkServer
    children: list[Child]

    def setStandardOutputFile(self, name: str, mode: QProcess.OpenModeFlag) -> None:
        self._log = Path(name).resolve()  # the launcher closes it after the start

    def startDetached(self) -> bool:
        _, _, _, program, *arguments = [self.program(), *self.arguments()]
        assert program == "resnet_studio"
        self.children.append(self.server.start(self._log, *arguments))
        return True


@pytest.fixture
def forked(fork_server: ForkServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Child]]:
    """The runs that the window starts, which are forked; those that still run are killed at the end."""
    children: list[Child] = []
    monkeypatch.setattr(ForkedProcess, "server", fork_server, raising=False)
    monkeypatch.setattr(ForkedProcess, "children", children, raising=False)
    monkeypatch.setattr(launcher, "QProcess", ForkedProcess)
    yield children
    for child in children:
        if child.poll() is None:
            child.send(signal.SIGKILL)
            child.wait()


@pytest.fixture
def open_window(qtbot: QtBot, runs_folder: Path) -> Iterator[Callable[[SessionState], MainWindow]]:
    windows: list[MainWindow] = []

    def make_window(session: SessionState) -> MainWindow:
        window = MainWindow(session, runs=runs_folder)
        qtbot.addWidget(window)
        windows.append(window)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        window.start_engine()
        return window

    yield make_window
    for window in windows:
        window.close()


def processes_of(folder: Path) -> list[psutil.Process]:
    """Runs are detached processes, so they are found by their command line."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if "train" in (process.info["cmdline"] or ()) and any(str(folder) in word for word in process.info["cmdline"])
    ]


def start(qtbot: QtBot, window: MainWindow, name: str = "") -> Path:
    """Click Start once the data are open; return the run's folder once it has begun."""
    button = window.findChild(QPushButton, "startTraining")
    qtbot.waitUntil(button.isEnabled)
    if name:
        window.findChild(QLineEdit, "runName").setFocus()
        qtbot.keyClicks(window.findChild(QLineEdit, "runName"), name)
    with qtbot.waitSignal(window.findChild(SetupController).runBegan) as signal:
        qtbot.mouseClick(button, LEFT)
    folder: Path = signal.args[0]
    return folder


def state(window: MainWindow, folder: Path) -> str:
    run = window.findChild(TrainingWorkspace).monitor.run(folder)
    return run.curves.state if run and run.curves.steps else ""


def test_a_run_is_set_up_started_and_followed_to_its_end(
    qtbot: QtBot, open_window: Callable[[SessionState], MainWindow], runs_folder: Path
) -> None:
    window = open_window(saved_state())
    folder = start(qtbot, window, "my first run #1")
    assert folder == runs_folder / "my first run #1"
    assert window.findChild(QTabWidget, "trainingPages").currentIndex() == RUNS
    qtbot.waitUntil(lambda: state(window, folder) == "finished")
    model = window.findChild(QTableView, "runTable").model()
    row = [str(model.index(0, column).data()) for column in range(model.columnCount())]
    assert "my first run #1" in row[0]
    assert "finished" in row[-2]
    summary = summarize(folder)
    assert summary.steps == 2 * (1437 // 128)
    assert run_folder.read_manifest(folder).architecture == TINY
    assert run_folder.read_manifest(folder).recipe == SHORT
    qtbot.keyClick(window, Qt.Key.Key_3, Qt.KeyboardModifier.AltModifier)
    assert window.findChild(QTabWidget, "trainingPages").currentIndex() == MAPS
    qtbot.waitUntil(lambda: "Right" in window.findChild(QLabel, "probeTruth").text()
                    or "Predicted: " in window.findChild(QLabel, "probeTruth").text())  # fmt: skip
    slider = window.findChild(TimeSlider)
    assert slider is not None
    assert "22" in "".join(label.text() for label in slider.findChildren(QLabel))


@pytest.mark.usefixtures("forked")
def test_stop_ends_a_run_within_two_seconds_and_resume_continues_it(
    qtbot: QtBot, open_window: Callable[[SessionState], MainWindow]
) -> None:
    window = open_window(saved_state(LONG))
    folder = start(qtbot, window)
    qtbot.waitUntil(lambda: state(window, folder) == "running")
    requested_at = time.time()
    qtbot.mouseClick(window.findChild(QToolButton, "stopRun"), LEFT)
    qtbot.waitUntil(lambda: state(window, folder) == "stopped")
    ended = [event for event in RunReader(folder).new_events() if isinstance(event, Ended)]
    assert ended[-1].time - requested_at < 2
    assert list((folder / run_folder.CHECKPOINTS).glob("step-*"))
    steps = summarize(folder).steps
    qtbot.mouseClick(window.findChild(QToolButton, "resumeRun"), LEFT)
    qtbot.waitUntil(lambda: state(window, folder) == "running" and summarize(folder).steps > steps)
    again = [event.first for event in RunReader(folder).new_events() if isinstance(event, Stepped)]
    assert steps in again  # the step after the last one before the stop, counted from 0


def test_a_run_outlives_its_window_and_is_found_again(
    qtbot: QtBot, open_window: Callable[[SessionState], MainWindow], runs_folder: Path
) -> None:
    window = open_window(saved_state(LONG))
    folder = start(qtbot, window)
    qtbot.waitUntil(lambda: state(window, folder) == "running")
    window.close()
    steps = summarize(folder).steps
    qtbot.waitUntil(lambda: summarize(folder).steps > steps)
    assert processes_of(runs_folder)
    again = open_window(saved_state(page=RUNS))
    qtbot.waitUntil(lambda: state(again, folder) == "running")


def test_a_run_stops_with_its_window_if_the_user_chose_so(
    qtbot: QtBot, forked: list[Child], open_window: Callable[[SessionState], MainWindow]
) -> None:
    window = open_window(saved_state(LONG))
    action = next(action for menu in window.menuBar().actions() if menu.text() == "&Training"
                  for action in menu.menu().actions() if action.text().startswith("Stop runs"))  # fmt: skip
    action.trigger()
    assert window.session_state().stop_runs
    folder = start(qtbot, window)
    qtbot.waitUntil(lambda: state(window, folder) == "running")
    window.close()
    qtbot.waitUntil(lambda: summarize(folder).how == "stopped")
    assert [child.wait() for child in forked] == [0]


def test_a_killed_run_is_shown_as_killed_and_can_be_resumed(
    qtbot: QtBot, forked: list[Child], open_window: Callable[[SessionState], MainWindow]
) -> None:
    window = open_window(saved_state(LONG))
    folder = start(qtbot, window)
    qtbot.waitUntil(lambda: state(window, folder) == "running" and any(
        (folder / run_folder.CHECKPOINTS).glob("step-*")))  # fmt: skip
    (child,) = forked
    child.send(signal.SIGKILL)
    child.wait()
    qtbot.waitUntil(lambda: state(window, folder) == "killed")
    qtbot.mouseClick(window.findChild(QToolButton, "resumeRun"), LEFT)
    qtbot.waitUntil(lambda: state(window, folder) in LIVE_STATES)


def test_missing_data_can_be_downloaded_and_a_network_error_is_shown(
    qtbot: QtBot, open_window: Callable[[SessionState], MainWindow]
) -> None:
    window = open_window(saved_state(RECIPES["paper-cifar"]))
    button = window.findChild(QPushButton, "downloadData")
    qtbot.waitUntil(button.isVisible)
    assert "170 MB" in button.text()
    assert not window.findChild(QPushButton, "startTraining").isEnabled()
    qtbot.mouseClick(button, LEFT)
    status = window.findChild(QLabel, "dataWords")
    qtbot.waitUntil(lambda: "could not be downloaded" in status.text())
    assert "\n" not in status.text()


def test_a_network_that_cannot_take_the_images_is_reported_before_the_start(
    qtbot: QtBot, open_window: Callable[[SessionState], MainWindow]
) -> None:
    window = open_window(SessionState(architecture=preset("vgg19"), workspace=TRAINING))
    problem = window.findChild(QLabel, "startProblem")
    qtbot.waitUntil(problem.isVisible)
    assert "vgg19" in problem.text()
    assert not window.findChild(QPushButton, "startTraining").isEnabled()


def test_a_dropped_run_is_shown(
    qtbot: QtBot, open_window: Callable[[SessionState], MainWindow], tmp_path: Path
) -> None:
    elsewhere = tmp_path / "a shared disk" / "run 7"
    run_folder.create(elsewhere, run_folder.Manifest("run 7", TINY, SHORT, created=time.time() - 1000))
    window = open_window(SessionState(architecture=TINY))
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(elsewhere))])
    window.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, LEFT, Qt.KeyboardModifier.NoModifier))
    qtbot.waitUntil(lambda: window.findChild(TrainingWorkspace).monitor.run(elsewhere) is not None)
    assert window.findChild(QTabWidget, "workspaces").currentIndex() == TRAINING
    assert window.findChild(QWidget, "runTable").isVisible()


def test_a_taken_name_is_reported(
    qtbot: QtBot, open_window: Callable[[SessionState], MainWindow], runs_folder: Path
) -> None:
    (runs_folder / "taken").mkdir(parents=True)
    (runs_folder / "taken" / "thesis.tex").touch()
    window = open_window(saved_state())
    with qtbot.waitSignal(window.controller.errorOccurred) as problem:
        window.findChild(SetupController).start("taken")
    assert "taken" in problem.args[0]
    assert problem.args[0] == window.message_bar.text


def test_a_network_for_large_images_is_advised_against(
    qtbot: QtBot, open_window: Callable[[SessionState], MainWindow]
) -> None:
    window = open_window(SessionState(architecture=preset("resnet18"), workspace=TRAINING))
    accept = window.findChild(QPushButton, "takeAdvice")
    qtbot.waitUntil(accept.isVisible)
    qtbot.mouseClick(accept, LEFT)
    assert window.controller.session.architecture == preset("resnet20-cifar")
    assert not accept.isVisible()


@pytest.mark.usefixtures("forked")
def test_several_clicks_on_start_start_one_run(
    qtbot: QtBot, open_window: Callable[[SessionState], MainWindow], runs_folder: Path
) -> None:
    window = open_window(saved_state(LONG))
    button = window.findChild(QPushButton, "startTraining")
    qtbot.waitUntil(button.isEnabled)
    with qtbot.waitSignal(window.findChild(SetupController).runBegan) as signal:
        qtbot.mouseClick(button, LEFT)
        assert (button.text(), button.isEnabled()) == ("Starting…", False)
        for _ in range(3):
            qtbot.mouseClick(button, LEFT)
            qtbot.keyClick(window.findChild(QLineEdit, "runName"), Qt.Key.Key_Return)
            window.findChild(SetupController).start("another")
    assert [folder.name for folder in runs_folder.iterdir()] == [signal.args[0].name]
    assert (button.text(), button.isEnabled()) == ("Start training", True)
    assert window.findChild(QTabWidget, "trainingPages").currentIndex() == RUNS


@pytest.mark.usefixtures("forked")
def test_a_start_does_not_switch_back_from_another_tab(
    qtbot: QtBot, open_window: Callable[[SessionState], MainWindow]
) -> None:
    window = open_window(saved_state(LONG))
    tabs = window.findChild(QTabWidget, "trainingPages")
    button = window.findChild(QPushButton, "startTraining")
    qtbot.waitUntil(button.isEnabled)
    with qtbot.waitSignal(window.findChild(SetupController).runBegan) as signal:
        qtbot.mouseClick(button, LEFT)
        qtbot.keyClick(window, Qt.Key.Key_3, Qt.KeyboardModifier.AltModifier)
    folder = signal.args[0]
    qtbot.waitUntil(lambda: state(window, folder) == "running")
    assert tabs.currentIndex() == MAPS
    window.findChild(TrainingWorkspace).commands.stop([folder])
    qtbot.waitUntil(lambda: state(window, folder) == "stopped")
    qtbot.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    window.findChild(TrainingWorkspace).runs.select_runs([folder])
    resume = window.findChild(QToolButton, "resumeRun")
    qtbot.waitUntil(resume.isVisible)
    with qtbot.waitSignal(window.findChild(TrainingWorkspace).monitor.startEnded):
        qtbot.mouseClick(resume, LEFT)
        assert (resume.text(), resume.isEnabled()) == ("Resuming…", False)
        qtbot.mouseClick(resume, LEFT)
        qtbot.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: state(window, folder) == "running")
    assert tabs.currentIndex() == NEW
    sessions = [event for event in RunReader(folder).new_events() if isinstance(event, Began)]
    assert len(sessions) == 2  # the start, and one resume


@pytest.mark.usefixtures("forked")
def test_the_best_of_a_sweep_are_trained_with_one_click(
    qtbot: QtBot, open_window: Callable[[SessionState], MainWindow], runs_folder: Path
) -> None:
    window = open_window(
        SessionState(architecture=TINY, workspace=COMPARE, compare_page=SWEEP, recipe=SHORT, sweep={"width": "4, 6"})
    )
    button = window.findChild(QPushButton, "sweepTrain")
    qtbot.waitUntil(lambda: button.text() == "Train the best 2" and button.isEnabled())
    qtbot.mouseClick(button, LEFT)
    assert window.findChild(QTabWidget, "workspaces").currentIndex() == TRAINING
    assert window.findChild(QTabWidget, "trainingPages").currentIndex() == RUNS
    folders = run_folder.find_runs(runs_folder)
    widths = {run_folder.read_manifest(folder).architecture.width for folder in folders}  # type: ignore[union-attr]
    assert widths == {4, 6}
    qtbot.waitUntil(lambda: [state(window, folder) for folder in folders] == ["finished"] * 2)


def test_a_single_network_of_a_sweep_is_opened_in_new_run(
    qtbot: QtBot, open_window: Callable[[SessionState], MainWindow], runs_folder: Path
) -> None:
    window = open_window(
        SessionState(architecture=TINY, workspace=COMPARE, compare_page=SWEEP, recipe=SHORT, sweep={"width": "6"})
    )
    button = window.findChild(QPushButton, "sweepTrain")
    qtbot.waitUntil(lambda: button.text() == "Train the best" and button.isEnabled())
    qtbot.mouseClick(button, LEFT)
    assert window.findChild(QTabWidget, "trainingPages").currentIndex() == NEW
    assert window.session_state().architecture == replace(TINY, width=6)
    assert not run_folder.find_runs(runs_folder)


def test_networks_of_a_sweep_are_shown_as_a_plot(
    qtbot: QtBot, open_window: Callable[[SessionState], MainWindow]
) -> None:
    window = open_window(
        SessionState(architecture=TINY, workspace=COMPARE, compare_page=SWEEP, sweep={"width": "4, 6"})
    )
    button = window.findChild(QPushButton, "sweepScatter")
    qtbot.waitUntil(button.isEnabled)
    qtbot.mouseClick(button, LEFT)
    assert window.findChild(QTabWidget, "comparePages").currentIndex() == SCATTER
