"""What is done with runs on the disk: labels, requests, the trash and the way back."""

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


class Kept:
    """A keeper, what it watches, and what it said."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.qtbot = qtbot
        self.watch = RunMonitor()
        self.keeper = RunCommands(self.watch)
        self.told: list[tuple[str, bool]] = []
        self.failed: list[str] = []
        self.keeper.told.connect(lambda text, undo: self.told.append((text, undo)))
        self.keeper.failed.connect(self.failed.append)
        self.watch.watch(folder)

    def wait(self, *names: str) -> None:
        self.qtbot.waitUntil(lambda: {run.folder.name for run in self.watch.runs()} == set(names), timeout=10_000)
        self.qtbot.waitUntil(lambda: all(run.loaded for run in self.watch.runs()), timeout=10_000)


@pytest.fixture
def kept(qtbot: QtBot, tmp_path: Path) -> Iterator[Kept]:
    made = Kept(qtbot, tmp_path / "runs")
    yield made
    made.watch.stop()


def test_a_name_and_a_colour_are_kept_beside_the_run(kept: Kept, tmp_path: Path) -> None:
    folder = finished_run(tmp_path / "runs" / "a").folder
    kept.wait("a")
    kept.keeper.rename(folder, "  the first  ")
    kept.qtbot.waitUntil(lambda: kept.watch.runs()[0].name == "the first", timeout=10_000)
    kept.keeper.colour([folder], "purple")
    kept.qtbot.waitUntil(lambda: kept.watch.runs()[0].label.colour == "purple", timeout=10_000)
    assert read_label(folder) == Label("the first", "purple")
    kept.keeper.rename(folder, "a")
    kept.qtbot.waitUntil(lambda: read_label(folder) == Label("", "purple"), timeout=10_000)


def test_live_runs_are_asked_and_others_left_alone(kept: Kept, tmp_path: Path) -> None:
    live = WrittenRun(tmp_path / "runs" / "live").make().begin().train(11).folder
    over = finished_run(tmp_path / "runs" / "over").folder
    kept.wait("live", "over")
    kept.keeper.pause([live, over])
    assert (live / run_folder.PAUSE).exists()
    kept.keeper.go_on([live])
    assert not (live / run_folder.PAUSE).exists()
    kept.keeper.stop([live, over])
    assert (live / run_folder.STOP).exists()
    assert not {run_folder.STOP, run_folder.PAUSE} & {path.name for path in over.iterdir()}


def test_deleted_runs_are_in_the_trash_and_come_back(kept: Kept, tmp_path: Path) -> None:
    folders = [finished_run(tmp_path / "runs" / name).folder for name in "abc"]
    kept.wait("a", "b", "c")
    before = (folders[0] / run_folder.EVENTS).read_bytes()
    kept.keeper.delete(folders[:2])
    assert kept.told == [("2 runs are in the trash.", True)]
    assert [run.folder.name for run in kept.watch.runs()] == ["c"]
    assert not any(folder.exists() for folder in folders[:2])
    trash = trash_folder()
    assert {path.name for path in (trash / "files").iterdir()} == {"a", "b"}
    kept.keeper.undo()
    kept.wait("a", "b", "c")
    assert (folders[0] / run_folder.EVENTS).read_bytes() == before
    assert not any((trash / "files").iterdir())
    assert not any((trash / "info").iterdir())


def trash_folder() -> Path:
    """The trash of this test's home."""
    return Path(os.environ["XDG_DATA_HOME"]) / "Trash"


def test_a_live_run_is_not_deleted(kept: Kept, tmp_path: Path) -> None:
    live = WrittenRun(tmp_path / "runs" / "live").make().begin().train(11).folder
    over = finished_run(tmp_path / "runs" / "over").folder
    kept.wait("live", "over")
    kept.keeper.delete([live, over])
    assert kept.failed == ["live is running; stop it before deleting."]
    assert live.exists()
    assert not over.exists()
    assert kept.told == [("over is in the trash.", True)]


def test_undo_does_not_overwrite_a_run_that_took_the_place(kept: Kept, tmp_path: Path) -> None:
    folder = finished_run(tmp_path / "runs" / "a").folder
    kept.wait("a")
    kept.keeper.delete([folder])
    finished_run(folder, scale=2.0)
    kept.keeper.undo()
    assert "stays in the trash" in kept.failed[0]


def test_a_table_of_all_values(kept: Kept, tmp_path: Path) -> None:
    written = finished_run(tmp_path / "runs" / "a")
    kept.wait("a")
    (run,) = kept.watch.runs()
    with kept.qtbot.waitSignal(kept.keeper.told, timeout=10_000):
        kept.keeper.write_table(tmp_path / "curves.csv", [curve_table(run.name, run.curves)])
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


def test_a_table_that_cannot_be_written_is_told(kept: Kept, tmp_path: Path) -> None:
    with kept.qtbot.waitSignal(kept.keeper.failed, timeout=10_000):
        kept.keeper.write_table(tmp_path / "no" / "curves.csv", [])
    assert kept.failed == ["curves.csv could not be written: there is no such file or folder. Check the path"]
