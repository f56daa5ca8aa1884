"""Processes that the launcher starts: command, working directory and log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from resnet_studio.gui.training import run_monitor
from resnet_studio.gui.training.launcher import RunLauncher
from resnet_studio.gui.training.run_monitor import RunMonitor
from resnet_studio.training.runs import run_folder
from written_runs import WrittenRun

STRANGER = "from pathlib import Path\nPath({!r}).touch()\nraise ImportError('a stranger')\n"


@pytest.fixture
def launcher(qtbot: QtBot) -> Iterator[RunLauncher]:
    monitor = RunMonitor()
    yield RunLauncher(monitor)
    monitor.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a run."""
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("name", ["struct", "typer", "json", "platformdirs", "rich"])
def test_no_file_of_the_working_directory_is_executed(
    launcher: RunLauncher, folder: Path, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """faults.md row 42."""
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / f"{name}.py").write_text(STRANGER.format(str(tmp_path / "ran")))
    monkeypatch.chdir(strange)
    monkeypatch.delenv("PYTHONSAFEPATH")
    launcher.launch(folder, "presets")
    qtbot.waitUntil(lambda: "vgg19" in (folder / run_folder.LOG).read_text())
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
    launcher: RunLauncher, folder: Path, qtbot: QtBot, tmp_path: Path, make, reason: str
) -> None:
    """faults.md row 41: the output of Resume would be appended to a shell's startup file."""
    home = tmp_path / "bashrc"
    home.write_text("mine")
    make(folder / run_folder.LOG, home)
    with qtbot.waitSignal(launcher.errorOccurred) as signal:
        launcher.resume([folder])
    assert signal.args[0].startswith(f"The run could not be started: one: log.txt {reason}")
    assert home.read_text() == "mine"
    assert not home.with_name("new").exists()


def test_the_log_is_appended_to(launcher: RunLauncher, folder: Path, qtbot: QtBot) -> None:
    log = folder / run_folder.LOG
    log.write_text("earlier\n")
    launcher.launch(folder, "--version")
    qtbot.waitUntil(lambda: log.read_text().startswith("earlier\nresnet-studio "))


def test_a_folder_gets_one_process_at_a_time(launcher: RunLauncher, folder: Path, qtbot: QtBot) -> None:
    assert launcher.launch(folder, "--version")
    assert not launcher.launch(folder, "--version")
    log = folder / run_folder.LOG
    qtbot.waitUntil(lambda: log.read_text().endswith("\n"))
    assert log.read_text().count("resnet-studio") == 1


def test_a_process_that_writes_no_event_has_not_started(
    launcher: RunLauncher, folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = folder / run_folder.LOG
    launcher.launch(folder, "train", "--run", str(folder))
    qtbot.waitUntil(lambda: log.read_text().endswith("\n"))
    assert "one is not a run" in log.read_text()
    monkeypatch.setattr(run_monitor, "START_TIMEOUT", 0.0)
    with qtbot.waitSignal(launcher.errorOccurred) as signal:
        pass
    assert signal.args == ["one did not start.", log.read_text().strip()]
    assert launcher.launch(folder, "--version")


def test_runs_that_have_not_begun_are_begun_and_the_others_resumed(
    launcher: RunLauncher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[tuple[Path, ...]] = []
    monkeypatch.setattr(launcher, "launch", lambda *arguments: launched.append(arguments))
    created, begun = WrittenRun(tmp_path / "created").create(), WrittenRun(tmp_path / "begun").create().begin()
    launcher.resume([created.folder, begun.folder])
    assert launched == [
        (created.folder, "train", "--run", str(created.folder)), (begun.folder, "train", "--resume", str(begun.folder))
    ]  # fmt: skip
