"""Commands on run folders: labels, requests, trash and restoring."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from resnet_studio.gui.training.run_commands import RunCommands
from resnet_studio.gui.training.run_monitor import RunMonitor
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.labels import Label, read_label
from resnet_studio.training.runs.summary import HEADINGS, curve_table
from written_runs import WrittenRun, finished_run


class CommandsHarness:
    """Commands over a monitored folder, with the emitted messages and errors."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.qtbot = qtbot
        self.monitor = RunMonitor()
        self.commands = RunCommands(self.monitor)
        self.messages: list[tuple[str, bool]] = []
        self.errors: list[str] = []
        self.commands.message.connect(lambda text, undo: self.messages.append((text, undo)))
        self.commands.failed.connect(self.errors.append)
        self.monitor.set_folder(folder)

    def wait(self, *names: str) -> None:
        self.qtbot.waitUntil(lambda: {run.folder.name for run in self.monitor.runs()} == set(names))
        self.qtbot.waitUntil(lambda: all(run.loaded for run in self.monitor.runs()))


@pytest.fixture
def harness(qtbot: QtBot, tmp_path: Path) -> Iterator[CommandsHarness]:
    made = CommandsHarness(qtbot, tmp_path / "runs")
    yield made
    made.monitor.stop()


def test_name_and_color_are_saved_with_the_run(harness: CommandsHarness, tmp_path: Path) -> None:
    folder = finished_run(tmp_path / "runs" / "a").folder
    harness.wait("a")
    harness.commands.rename(folder, "  the first  ")
    harness.qtbot.waitUntil(lambda: harness.monitor.runs()[0].name == "the first")
    harness.commands.set_color([folder], "purple")
    harness.qtbot.waitUntil(lambda: harness.monitor.runs()[0].label.colour == "purple")
    assert read_label(folder) == Label("the first", "purple")
    harness.commands.rename(folder, "a")
    harness.qtbot.waitUntil(lambda: read_label(folder) == Label("", "purple"))


def test_requests_are_made_to_live_runs_only(harness: CommandsHarness, tmp_path: Path) -> None:
    live = WrittenRun(tmp_path / "runs" / "live").create().begin().train(11).folder
    over = finished_run(tmp_path / "runs" / "over").folder
    harness.wait("live", "over")
    harness.commands.pause([live, over])
    assert (live / run_folder.PAUSE).exists()
    harness.commands.unpause([live])
    assert not (live / run_folder.PAUSE).exists()
    harness.commands.stop([live, over])
    assert (live / run_folder.STOP).exists()
    assert not {run_folder.STOP, run_folder.PAUSE} & {path.name for path in over.iterdir()}


def test_deleted_runs_are_in_the_trash_and_can_be_restored(harness: CommandsHarness, tmp_path: Path) -> None:
    folders = [finished_run(tmp_path / "runs" / name).folder for name in "abc"]
    harness.wait("a", "b", "c")
    before = (folders[0] / run_folder.EVENTS).read_bytes()
    harness.commands.delete(folders[:2])
    assert harness.messages == [("2 runs are in the trash.", True)]
    assert [run.folder.name for run in harness.monitor.runs()] == ["c"]
    assert not any(folder.exists() for folder in folders[:2])
    trash = trash_folder()
    assert {path.name for path in (trash / "files").iterdir()} == {"a", "b"}
    harness.commands.undo()
    harness.wait("a", "b", "c")
    assert (folders[0] / run_folder.EVENTS).read_bytes() == before
    assert not any((trash / "files").iterdir())
    assert not any((trash / "info").iterdir())


def trash_folder() -> Path:
    """The trash folder of this test's home."""
    return Path(os.environ["XDG_DATA_HOME"]) / "Trash"


def test_a_live_run_is_not_deleted(harness: CommandsHarness, tmp_path: Path) -> None:
    live = WrittenRun(tmp_path / "runs" / "live").create().begin().train(11).folder
    over = finished_run(tmp_path / "runs" / "over").folder
    harness.wait("live", "over")
    harness.commands.delete([live, over])
    assert harness.errors == ["live is running; stop it before deleting."]
    assert live.exists()
    assert not over.exists()
    assert harness.messages == [("over is in the trash.", True)]


def test_undo_does_not_overwrite_a_new_run_in_the_same_folder(harness: CommandsHarness, tmp_path: Path) -> None:
    folder = finished_run(tmp_path / "runs" / "a").folder
    harness.wait("a")
    harness.commands.delete([folder])
    finished_run(folder, scale=2.0)
    harness.commands.undo()
    assert "could not be restored from the trash" in harness.errors[0]


def test_the_table_has_all_values(harness: CommandsHarness, tmp_path: Path) -> None:
    written = finished_run(tmp_path / "runs" / "a")
    harness.wait("a")
    (run,) = harness.monitor.runs()
    with harness.qtbot.waitSignal(harness.commands.message):
        harness.commands.write_table(tmp_path / "curves.csv", [curve_table(run.name, run.curves)])
    with (tmp_path / "curves.csv").open(newline="", encoding="utf-8") as file:
        heading, *rows = csv.reader(file)
    assert tuple(heading) == HEADINGS
    assert [row[1] for row in rows] == ["training batch"] * 110 + ["test set"] * 10
    step_22 = dict(zip(heading, rows[21], strict=True))
    assert (step_22["run"], step_22["step"], step_22["epoch"]) == ("a", "22", "2")
    assert float(step_22["loss"]) == pytest.approx(written.loss(22))
    assert float(step_22["error (%)"]) == pytest.approx(100 * written.error(22), rel=1e-5)
    assert float(step_22["training time (s)"]) == pytest.approx(22 * 0.1)
    assert float(step_22["images per second"]) == pytest.approx(128 / 0.1)
    assert float(rows[-1][5]) == pytest.approx(1.1 * written.loss(110))


def test_an_error_while_writing_a_table_is_emitted(harness: CommandsHarness, tmp_path: Path) -> None:
    with harness.qtbot.waitSignal(harness.commands.failed):
        harness.commands.write_table(tmp_path / "no" / "curves.csv", [])
    assert harness.errors == ["curves.csv could not be written: file or directory not found. Check the path"]
