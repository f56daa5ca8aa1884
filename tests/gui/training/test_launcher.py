"""Processes that the launcher starts: command, working directory and log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from resnet_studio.gui.engine_client import EngineClient, EngineConnection
from resnet_studio.gui.session import Session, SessionState
from resnet_studio.gui.training.launcher import TrainingLauncher
from resnet_studio.training.runs import run_folder

PATIENCE = 60_000
STRANGER = "from pathlib import Path\nPath({!r}).touch()\nraise ImportError('a stranger')\n"


@pytest.fixture
def launcher(qtbot: QtBot, tmp_path: Path) -> Iterator[TrainingLauncher]:
    parent = QObject()
    launcher = TrainingLauncher(
        Session(SessionState()), EngineClient(EngineConnection("stub_jobs:JOBS")), tmp_path / "runs"
    )
    launcher.setParent(parent)
    yield launcher
    launcher.close()


@pytest.mark.parametrize("name", ["struct", "typer", "json", "platformdirs", "rich"])
def test_no_file_of_the_working_directory_is_executed(
    launcher: TrainingLauncher, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """faults.md row 42."""
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / f"{name}.py").write_text(STRANGER.format(str(tmp_path / "ran")))
    monkeypatch.chdir(strange)
    monkeypatch.delenv("PYTHONSAFEPATH")
    log = launcher.folder / "one" / run_folder.LOG
    launcher.launch(launcher.folder / "one", ["presets"])
    qtbot.waitUntil(lambda: "vgg19" in log.read_text(), timeout=PATIENCE)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path, home: path.symlink_to(home), "is a link"),
        (lambda path, home: path.symlink_to(home.with_name("new")), "is a link"),
        (lambda path, home: os.mkfifo(path), "is a pipe"),
        (lambda path, home: path.mkdir(), "is a folder"),
        (lambda path, home: os.link(home, path), "has another hard link"),
    ],
)
def test_a_log_that_is_not_the_runs_own_file_is_rejected(
    launcher: TrainingLauncher, qtbot: QtBot, tmp_path: Path, make, reason: str
) -> None:
    """faults.md row 41: the output of Resume would be appended to a shell's startup file."""
    home, folder = tmp_path / "bashrc", launcher.folder / "one"
    home.write_text("mine")
    folder.mkdir(parents=True)
    make(folder / run_folder.LOG, home)
    with qtbot.waitSignal(launcher.errorOccurred) as signal:
        launcher.resume([folder])
    assert signal.args[0].startswith(f"The run could not be started: one: log.txt {reason}")
    assert home.read_text() == "mine"
    assert not home.with_name("new").exists()


def test_the_log_is_appended_to(launcher: TrainingLauncher, qtbot: QtBot) -> None:
    folder = launcher.folder / "one"
    folder.mkdir(parents=True)
    (folder / run_folder.LOG).write_text("earlier\n")
    launcher.launch(folder, ["--version"])
    qtbot.waitUntil(
        lambda: (folder / run_folder.LOG).read_text().startswith("earlier\nresnet-studio "), timeout=PATIENCE
    )


@pytest.mark.parametrize("name", [".", "..", "../x", "/x", "a/b", "a/", "a\0b"])
def test_a_name_cannot_lead_out_of_the_runs_folder(
    launcher: TrainingLauncher, qtbot: QtBot, tmp_path: Path, name: str
) -> None:
    with qtbot.waitSignal(launcher.errorOccurred) as signal:
        launcher.start(name)
    assert "is not a valid run name" in signal.args[0]
    assert list(tmp_path.iterdir()) == []
