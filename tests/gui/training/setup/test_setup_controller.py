"""The next run: what is requested of the engine, and the run that is made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from fake_engine import FakeEngine
from resnet_studio.gui.session import Session, SessionState
from resnet_studio.gui.training.launcher import RunLauncher
from resnet_studio.gui.training.run_monitor import RunMonitor
from resnet_studio.gui.training.setup.controller import SetupController
from resnet_studio.gui.training.setup.view import SetupView
from resnet_studio.networks.presets import preset
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Working, to_line


class FakeLauncher(RunLauncher):
    """Starts no processes."""

    possible = True

    def launch(self, folder: Path, *command: str) -> bool:
        if self.possible:
            self._monitor.expect(folder)
        return self.possible


class Setup:
    """A view and its controller with an engine that answers when told to."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.folder, self.view, self.engine = folder, SetupView(), FakeEngine()
        qtbot.addWidget(self.view)
        self.session = Session(SessionState(architecture=preset("resnet20-cifar"), recipe=Recipe(length=1)))
        self.monitor = RunMonitor()
        self.monitor.set_folder(folder)
        self.launcher = FakeLauncher(self.monitor)
        self.controller = SetupController(self.view, self.session, self.engine, self.monitor, self.launcher, folder)
        self.errors: list[str] = []
        self.controller.errorOccurred.connect(lambda sentence, _: self.errors.append(sentence))

    @property
    def button(self) -> QPushButton:
        return self.view.findChild(QPushButton, "startTraining")


@pytest.fixture
def setup(qtbot: QtBot, tmp_path: Path) -> Iterator[Setup]:
    made = Setup(qtbot, tmp_path / "runs")
    yield made
    made.monitor.stop()


@pytest.mark.parametrize("name", [".", "..", "../x", "/x", "a/b", "a/", "a\0b"])
def test_a_name_cannot_lead_out_of_the_runs_folder(setup: Setup, tmp_path: Path, name: str) -> None:
    setup.controller.start(name)
    assert len(setup.errors) == 1
    assert "is not a valid run name" in setup.errors[0]
    assert list(tmp_path.iterdir()) == []


def test_data_are_requested_when_the_view_is_shown_and_once_for_each_change(setup: Setup) -> None:
    assert setup.engine.requests_of("data") == []
    setup.view.show()
    recipe = setup.session.state.recipe
    assert setup.engine.requests_of("data") == [("data_view", recipe, 32, False)]
    setup.view.hide()
    setup.view.show()
    setup.controller.set_recipe(replace(recipe, lr=0.01))  # the same images
    assert len(setup.engine.requests_of("data")) == 1
    setup.controller.set_recipe(replace(recipe, seed=1))
    assert len(setup.engine.requests_of("data")) == 2
    assert setup.session.state.recipe == replace(recipe, seed=1)


def test_canceled_data_are_requested_again(setup: Setup) -> None:
    setup.view.show()
    setup.engine.cancel("data")
    assert setup.view.findChild(QLabel, "dataWords").text() == "Loading Digits (scikit-learn) was canceled."
    setup.view.hide()
    setup.view.show()
    assert len(setup.engine.requests_of("data")) == 2


def test_a_run_is_made_and_shown_as_starting_until_its_first_event(setup: Setup, qtbot: QtBot) -> None:
    setup.controller.start("mine")
    folder = setup.folder / "mine"
    manifest = run_folder.read_manifest(folder)
    assert (manifest.architecture, manifest.recipe) == (preset("resnet20-cifar"), Recipe(length=1))
    assert setup.button.text() == "Starting…"
    setup.controller.start("another")
    assert [path.name for path in setup.folder.iterdir()] == ["mine"]
    with qtbot.waitSignal(setup.controller.runBegan) as signal:
        (folder / run_folder.EVENTS).write_text(to_line(Working(0.0, "opening digits")) + "\n")
    assert signal.args == [folder]
    assert setup.button.text() == "Start training"
    assert setup.monitor.run(folder).curves.activity == "opening digits"


def test_a_run_that_cannot_be_started_is_kept_and_another_one_can_be(setup: Setup) -> None:
    setup.launcher.possible = False
    setup.controller.start()
    assert setup.button.text() == "Start training"
    setup.controller.start()
    assert sorted(path.name for path in setup.folder.iterdir()) == [
        "resnet20-cifar-digits-1",
        "resnet20-cifar-digits-2",
    ]


def test_a_data_folder_is_recorded_by_its_absolute_path(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run's process has another working directory."""
    monkeypatch.chdir(tmp_path)
    setup.controller.set_recipe(Recipe(length=1, data="photos"))
    setup.controller.start("mine")
    assert len(setup.errors) == 1
    assert setup.errors[0].startswith("photos: directory or data set not found. Data sets: digits, mnist, ")
    (tmp_path / "photos").mkdir()
    setup.controller.start("mine")
    assert run_folder.read_manifest(setup.folder / "mine").recipe.data == str(tmp_path / "photos")
