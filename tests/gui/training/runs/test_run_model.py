"""The runs as an item model: what cells show, how they sort, and Qt's own tester over every change."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from resnet_studio.analysis.table import plan_table
from resnet_studio.gui.plots.styles import PALETTE
from resnet_studio.gui.training.run_state import RunState, cost_from_events, run_color
from resnet_studio.gui.training.runs.curves import RunLines
from resnet_studio.gui.training.runs.legend import LegendModel
from resnet_studio.gui.training.runs.model import RunColumn, RunModel
from resnet_studio.gui.training.runs.table import RunFilter, RunTable
from resnet_studio.networks.architecture import from_json
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.curves import smoothed
from resnet_studio.training.runs.events import Working
from resnet_studio.training.runs.labels import Label
from resnet_studio.training.runs.reader import RunReader
from written_runs import WrittenRun, finished_run


def follow(written: WrittenRun) -> RunState:
    """The state of a run after all its events were read."""
    run = RunState(written.folder, run_folder.read_manifest(written.folder))
    events = tuple(RunReader(written.folder).new_events())
    run.add_events(events, cost_from_events(events))
    run.loaded = True
    return run


def cell(model: RunModel, row: int, column: RunColumn, role: int = Qt.ItemDataRole.DisplayRole) -> object:
    return model.index(row, column).data(role)


@pytest.fixture
def model(qtbot: QtBot) -> RunModel:
    made = RunModel()
    made.tester = QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal)
    return made


def test_the_cells_of_a_finished_run(model: RunModel, tmp_path: Path) -> None:
    written = finished_run(tmp_path / "one")
    run = follow(written)
    model.show_runs([run])
    assert run.curves.prepared is not None
    totals = plan_table(from_json(run.curves.prepared.architecture)).totals
    best = min(1.2 * written.error(step) for step in range(11, 111, 11))
    shown = [cell(model, 0, column) for column in RunColumn]
    assert shown[:3] == ["one", "resnet20-cifar", "digits"]
    assert shown[5:] == [f"{100 * best:.2f} %", "finished", "0:11"]
    role = Qt.ItemDataRole.ToolTipRole
    assert cell(model, 0, RunColumn.PARAMETERS, role) == f"{totals.parameters:,} parameters"
    assert cell(model, 0, RunColumn.FLOPS, role) == f"{totals.macs:,} multiply-adds"
    assert cell(model, 0, RunColumn.ARCHITECTURE, role) == "adapted to the data: channels 3 → 1, image 32 → 8"


def test_states_show_progress_and_reason(model: RunModel, tmp_path: Path) -> None:
    running = WrittenRun(tmp_path / "running").create().begin().train(33)
    paused = WrittenRun(tmp_path / "paused").create().begin().train(55).pause()
    failed = WrittenRun(tmp_path / "failed").create().begin().train(22).fail()
    fetching = WrittenRun(tmp_path / "fetching").create()
    fetching.emit(Working(0.0, "fetching cifar10", 0.5))
    stopped = WrittenRun(tmp_path / "stopped").create().begin().train(11).end("stopped")
    model.show_runs([follow(one) for one in (stopped, fetching, failed, paused, running)])
    states = [cell(model, row, RunColumn.STATE) for row in range(5)]
    assert states == [
        "running, 30 %, 0:08 left", "paused at 50 %", "failed at 23 %", "fetching cifar10", "stopped at 10 %"
    ]  # fmt: skip
    assert cell(model, 2, RunColumn.STATE, Qt.ItemDataRole.ToolTipRole) == "The loss of step 25 is not a number"
    assert cell(model, 3, RunColumn.BEST) == "–"


def test_rows_are_added_and_removed_and_keep_their_check_boxes(model: RunModel, tmp_path: Path) -> None:
    found = [follow(finished_run(tmp_path / name)) for name in "abc"]
    model.show_runs(found[:2])
    model.set_shown([found[0].folder], shown=False)
    model.show_runs(found)
    assert [cell(model, row, RunColumn.NAME) for row in range(3)] == ["c", "b", "a"]
    model.show_runs(found[::2])
    assert [cell(model, row, RunColumn.NAME) for row in range(2)] == ["c", "a"]
    assert cell(model, 1, RunColumn.NAME, Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Unchecked
    assert model.shown() == (found[2],)
    model.show_runs([])
    assert model.rowCount() == 0


def test_numbers_sort_as_numbers_and_missing_ones_last(model: RunModel, tmp_path: Path) -> None:
    names = {"slow": 3.0, "best": 0.5, "middle": 1.0}
    found = [follow(finished_run(tmp_path / name, scale=scale)) for name, scale in names.items()]
    found.append(follow(WrittenRun(tmp_path / "new").create()))
    model.show_runs(found)
    ordered = RunFilter(model)
    ordered.sort(RunColumn.BEST)
    assert [ordered.index(row, 0).data() for row in range(4)] == ["best", "middle", "slow", "new"]
    ordered.sort(RunColumn.NAME, Qt.SortOrder.DescendingOrder)
    assert [ordered.index(row, 0).data() for row in range(4)] == ["slow", "new", "middle", "best"]
    ordered.set_words("RESNET20 low")
    assert [ordered.index(row, 0).data() for row in range(ordered.rowCount())] == ["slow"]


def test_editing_a_name_emits_a_request(model: RunModel, qtbot: QtBot, tmp_path: Path) -> None:
    run = follow(finished_run(tmp_path / "one"))
    model.show_runs([run])
    with qtbot.waitSignal(model.renameRequested) as signal:
        assert model.setData(model.index(0, RunColumn.NAME), "first")
    assert signal.args == [tmp_path / "one", "first"]
    assert not model.setData(model.index(0, RunColumn.NAME), "one")
    assert not model.setData(model.index(0, RunColumn.BEST), "1")


def test_a_label_decides_the_color_and_without_one_the_name_does(tmp_path: Path) -> None:
    manifest = follow(WrittenRun(tmp_path / "one").create()).manifest

    def color(path: str, label: str = "") -> str:
        return run_color(RunState(Path(path), manifest, label=Label("", label)))

    assert color("/here/one", "green") == "#009e73"
    assert color("/here/one") == color("/elsewhere/one") == color("/here/one", "no color")
    assert len({color(f"/here/{number}") for number in range(100)}) == len(PALETTE)


def test_a_damaged_run_is_marked_and_shows_the_data_of_its_events(model: RunModel, tmp_path: Path) -> None:
    written = finished_run(tmp_path / "one")
    run = RunState(written.folder, None, "one: run.json is damaged (unexpected end of file)")
    events = tuple(RunReader(written.folder).new_events())
    run.add_events(events, cost_from_events(events))
    model.show_runs([run])
    best = min(1.2 * written.error(step) for step in range(11, 111, 11))
    shown = [cell(model, 0, column) for column in RunColumn]
    assert shown[:3] == ["one", "resnet20-digits", "–"]
    assert shown[5:] == [f"{100 * best:.2f} %", "damaged", "0:11"]
    assert cell(model, 0, RunColumn.STATE, Qt.ItemDataRole.ToolTipRole) == run.problem


def test_the_legend_has_the_values_at_any_x(qtbot: QtBot, tmp_path: Path) -> None:
    written = finished_run(tmp_path / "one")
    lines = RunLines(follow(written))
    model = LegendModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.show_lines([lines])
    model.show_values("error", "epoch", 0.0, 2.04)
    assert model.value(model.index(0, 1)) == pytest.approx(100 * written.error(22))
    assert model.value(model.index(0, 2)) == pytest.approx(120 * written.error(22))
    model.show_values("loss", "seconds", 0.9, 1.26)
    every = lines.curves.per_step("loss").y
    assert model.value(model.index(0, 1)) == pytest.approx(smoothed(every, 0.9)[11])
    assert model.index(0, 2).data() == f"{1.1 * written.loss(11):#.3g}"
    model.show_values("loss", "step", 0.9, 0.5)
    assert (model.index(0, 1).data(), model.index(0, 2).data()) == ("–", "–")
    model.show_values("loss", "step", 0.0, None)
    assert model.value(model.index(0, 1)) == written.loss(110)
    del tester


def test_lines_follow_the_events_that_come_after_they_were_drawn(tmp_path: Path) -> None:
    written = WrittenRun(tmp_path / "growing").create().begin().train(33)
    run, reader = RunState(written.folder, run_folder.read_manifest(written.folder)), RunReader(written.folder)
    run.add_events(tuple(reader.new_events()), None)
    lines = RunLines(run)
    assert len(lines.tested("error", "step").x) == 3  # one for every epoch
    assert len(lines.raw("loss", "step").x) == 33
    written.train(33)
    written.measure(66, error=0.001)
    run.add_events(tuple(reader.new_events()), None)
    best = lines.best("error", "step")
    assert best is not None
    assert (best.x, best.y) == (66.0, pytest.approx(0.1))
    assert len(lines.raw("loss", "step").x) == 66


def test_many_changes_are_one_layout_of_the_table(qtbot: QtBot, tmp_path: Path) -> None:
    layouts: list[int] = []

    class Table(RunTable):
        def doItemsLayout(self) -> None:
            layouts.append(self.model().rowCount())
            super().doItemsLayout()

    model = RunModel()
    table = Table(model)
    qtbot.addWidget(table)
    with qtbot.waitExposed(table):
        table.show()
    layouts.clear()
    runs = [follow(finished_run(tmp_path / f"run-{number}")) for number in range(12)]
    model.show_runs(runs)
    for run in runs:
        model.show_run(run)
    qtbot.waitUntil(lambda: bool(layouts))
    assert layouts[-1] == 12
    assert len(layouts) <= 3  # not one for each of the 24 changes
    for column in (RunColumn.PARAMETERS, RunColumn.BEST):
        assert table.columnWidth(column) >= table.sizeHintForColumn(column)


def test_lines_mark_the_best_measurement_and_the_failure(tmp_path: Path) -> None:
    written = WrittenRun(tmp_path / "nan").create().begin().train(33)
    written.measure(33, error=0.01)
    written.fail()
    lines = RunLines(follow(written))
    best = lines.best("error", "epoch")
    assert best is not None
    assert (best.x, best.y) == (3.0, pytest.approx(1.0))
    end = lines.failure_point("loss", "step", 0.0)
    assert end is not None
    assert (end.x, end.y) == (34.0, 1e3)
    assert lines.bounds("loss", "step").high < 10  # the last value does not extend the axis
    assert lines.failure_point("rate", "step", 0.0) is None
