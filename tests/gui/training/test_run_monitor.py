"""Following run folders: runs that grow, end, appear, disappear and are followed by two windows."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from resnet_studio.analysis.table import plan_table
from resnet_studio.gui.training import run_monitor
from resnet_studio.gui.training.run_monitor import RunMonitor
from resnet_studio.gui.training.run_state import RunState, run_color
from resnet_studio.networks.architecture import from_json
from resnet_studio.networks.presets import preset
from resnet_studio.training.runs import labels, run_folder
from resnet_studio.training.runs.events import Event
from resnet_studio.training.runs.labels import Label, read_label, write_label
from resnet_studio.training.runs.reader import RunReader
from written_runs import WrittenRun, finished_run


@pytest.fixture
def monitor(qtbot: QtBot, tmp_path: Path) -> Iterator[RunMonitor]:
    """A monitor of the test's folder of runs."""
    monitor = RunMonitor()
    monitor.set_folder(tmp_path)
    yield monitor
    monitor.stop()


def followed(qtbot: QtBot, monitor: RunMonitor, *names: str) -> list[RunState]:
    """Wait until runs of these folders, and no others, are read; scan at once, as a user would wait a second."""
    qtbot.waitUntil(lambda: not monitor._scanning.busy)
    monitor.rescan()
    qtbot.waitUntil(lambda: [run.folder.name for run in monitor.runs()] == list(names))
    qtbot.waitUntil(lambda: all(run.loaded for run in monitor.runs()))
    return list(monitor.runs())


def test_a_finished_run_is_read_completely(qtbot: QtBot, monitor: RunMonitor, tmp_path: Path) -> None:
    written = finished_run(tmp_path / "one")
    (run,) = followed(qtbot, monitor, "one")
    assert (run.curves.state, run.curves.steps, run.progress) == ("finished", 110, 1.0)
    assert run.curves.per_step("loss").y.tolist() == [written.loss(step) for step in range(1, 111)]
    assert len(run.curves.measurements("test", "error").y) == 10


def test_the_cost_is_that_of_the_fitted_network(qtbot: QtBot, monitor: RunMonitor, tmp_path: Path) -> None:
    finished_run(tmp_path / "one")
    (run,) = followed(qtbot, monitor, "one")
    assert run.curves.prepared is not None
    assert run.cost is not None
    fitted = plan_table(from_json(run.curves.prepared.architecture)).totals
    chosen = plan_table(preset("resnet20-cifar")).totals
    assert (run.cost.parameters, run.cost.macs) == (fitted.parameters, fitted.macs)
    assert chosen.parameters - run.cost.parameters == (3 - 1) * 16 * 9  # the first convolution sees one channel


def test_runs_come_oldest_first_with_a_color_each(qtbot: QtBot, monitor: RunMonitor, tmp_path: Path) -> None:
    for age, name in ((30, "a"), (10, "b"), (20, "experiment/c")):
        finished_run(tmp_path / name, created=1e9 - age)
    found = followed(qtbot, monitor, "a", "c", "b")
    assert len({run_color(run) for run in found}) == 3
    assert [read_label(run.folder).colour for run in found] == [run.label.colour for run in found]


def test_events_appended_by_a_live_run_are_emitted(qtbot: QtBot, monitor: RunMonitor, tmp_path: Path) -> None:
    written = WrittenRun(tmp_path / "live").create().begin().train(22)
    (run,) = followed(qtbot, monitor, "live")
    assert (run.curves.state, run.curves.steps) == ("running", 22)
    with qtbot.waitSignal(monitor.runChanged, check_params_cb=lambda one: one is run):
        written.train(11)
    qtbot.waitUntil(lambda: run.curves.steps == 33)
    written.pause()
    qtbot.waitUntil(lambda: run.curves.state == "paused")


def test_a_run_without_a_recent_heartbeat_counts_as_killed(qtbot: QtBot, monitor: RunMonitor, tmp_path: Path) -> None:
    written = WrittenRun(tmp_path / "killed").create().begin().train(11)
    written.touch_heartbeat(time.time() - 60)
    (run,) = followed(qtbot, monitor, "killed")
    qtbot.waitUntil(lambda: run.curves.state == "killed")
    assert not run.live


def test_a_resumed_run_is_followed_again(qtbot: QtBot, monitor: RunMonitor, tmp_path: Path) -> None:
    written = WrittenRun(tmp_path / "one").create().begin().train(22).end("stopped")
    (run,) = followed(qtbot, monitor, "one")
    assert run.curves.state == "stopped"
    written.begin().train(11)
    qtbot.waitUntil(lambda: run.curves.steps == 33 and run.live)


def test_two_windows_follow_the_same_folder(qtbot: QtBot, monitor: RunMonitor, tmp_path: Path) -> None:
    written = WrittenRun(tmp_path / "one").create().begin().train(11)
    other = RunMonitor()
    other.set_folder(tmp_path)
    try:
        followed(qtbot, monitor, "one")
        followed(qtbot, other, "one")
        write_label(tmp_path / "one", Label("mine", "purple"))
        written.train(11).end()
        for one in (monitor, other):
            qtbot.waitUntil(lambda one=one: one.runs()[0].curves.state == "finished")
            qtbot.waitUntil(lambda one=one: one.runs()[0].label == Label("mine", "purple"))
    finally:
        other.stop()


def test_a_long_run_is_read_in_chunks_and_a_short_one_in_between(
    qtbot: QtBot, monitor: RunMonitor, tmp_path: Path
) -> None:
    long = WrittenRun(tmp_path / "long").create()
    long.begin().train(11_000, every=100).end()
    finished_run(tmp_path / "short")
    sizes: list[int] = []
    monitor.runChanged.connect(lambda run: sizes.append(run.curves.steps) if run.folder.name == "long" else None)
    followed(qtbot, monitor, "long", "short")
    assert sizes[-1] == 11_000
    assert len(sizes) >= (tmp_path / "long" / run_folder.EVENTS).stat().st_size // 100_000
    assert sizes == sorted(sizes)


def test_added_runs_join_the_others(qtbot: QtBot, monitor: RunMonitor, tmp_path: Path, tmp_path_factory) -> None:
    finished_run(tmp_path / "a")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    finished_run(elsewhere / "b", created=2e9)
    followed(qtbot, monitor, "a")
    monitor.add_folder(elsewhere / "b")
    followed(qtbot, monitor, "a", "b")
    monitor.add_folder(elsewhere)  # a known run is not listed twice
    finished_run(elsewhere / "c", created=3e9)
    followed(qtbot, monitor, "a", "b", "c")


def test_colors_survive_restarts_deleted_runs_and_copies(
    qtbot: QtBot, monitor: RunMonitor, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for number, name in enumerate("abcd"):
        finished_run(tmp_path / name, created=1e9 + number)
    before = {run.folder.name: run_color(run) for run in followed(qtbot, monitor, "a", "b", "c", "d")}
    shutil.rmtree(tmp_path / "a")
    shutil.move(tmp_path / "c", tmp_path.parent / "away")
    finished_run(tmp_path / "e", created=1.0)
    followed(qtbot, monitor, "e", "b", "d")
    shutil.move(tmp_path.parent / "away", tmp_path / "c")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(tmp_path, elsewhere, dirs_exist_ok=True)
    again = RunMonitor()
    again.set_folder(elsewhere)
    try:
        after = {run.folder.name: run_color(run) for run in followed(qtbot, again, "e", "b", "c", "d")}
    finally:
        again.stop()
    assert {name: after[name] for name in "bcd"} == {name: before[name] for name in "bcd"}
    assert len(set(after.values())) == 4


def test_a_color_that_cannot_be_saved_is_always_the_same(
    qtbot: QtBot, monitor: RunMonitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(labels, "write_file", full)
    finished_run(tmp_path / "b")
    (alone,) = followed(qtbot, monitor, "b")
    color = run_color(alone)
    finished_run(tmp_path / "a", created=1.0)
    assert [run_color(run) for run in followed(qtbot, monitor, "a", "b")][1] == color


def damage(folder: Path, content: bytes) -> Path:
    """A finished run whose manifest was replaced by this content."""
    finished_run(folder, created=3e9)
    (folder / run_folder.MANIFEST).write_bytes(content)
    return folder


DAMAGE = {
    "cut": b'{"name": "cut", "architecture": {"kind": "resi', "empty": b"", "deep": b"[" * 9000, "bytes": b"\xff\x00",
    "other": b'{"version": 1}', "list": b"[]", "long": b'{"version": ' + b"9" * 5000 + b"}",
}  # fmt: skip


def test_damaged_runs_are_listed_with_the_reason(qtbot: QtBot, monitor: RunMonitor, tmp_path: Path) -> None:
    finished_run(tmp_path / "good")
    for name, content in DAMAGE.items():
        damage(tmp_path / name, content)
    missing = finished_run(tmp_path / "missing").folder
    (missing / run_folder.MANIFEST).unlink()
    qtbot.waitUntil(lambda: len(monitor.runs()) == 2 + len(DAMAGE))
    qtbot.waitUntil(lambda: all(run.loaded for run in monitor.runs()))
    problems = {run.folder.name: run.problem for run in monitor.runs()}
    assert problems.pop("good") == ""
    assert all(problem.startswith(f"{name}: run.json is ") for name, problem in problems.items())
    assert {run.curves.steps for run in monitor.runs()} == {110}  # their events are complete
    assert [path.parent.name for path in tmp_path.glob("*/label.json")] == ["good"]  # and they are not modified


def test_a_repaired_run_is_followed(qtbot: QtBot, monitor: RunMonitor, tmp_path: Path) -> None:
    folder = finished_run(tmp_path / "one").folder
    good = (folder / run_folder.MANIFEST).read_bytes()
    (folder / run_folder.MANIFEST).write_bytes(good[:50])
    followed(qtbot, monitor, "one")
    qtbot.waitUntil(lambda: monitor.runs()[0].problem != "")  # it may have been read before it was damaged
    (folder / run_folder.MANIFEST).write_bytes(good)
    qtbot.waitUntil(lambda: monitor.runs()[0].problem == "")
    (run,) = followed(qtbot, monitor, "one")
    assert (run.curves.state, run.curves.steps) == ("finished", 110)


def test_a_run_of_a_newer_version_is_listed_and_not_modified(qtbot: QtBot, monitor: RunMonitor, tmp_path: Path) -> None:
    manifest = finished_run(tmp_path / "new").folder / run_folder.MANIFEST
    text = manifest.read_text().replace('"version": 1', '"version": 99')
    manifest.write_text(text)
    (run,) = followed(qtbot, monitor, "new")
    assert "newer version" in run.problem
    assert manifest.read_text() == text


def test_a_damaged_label_is_reported_once_and_hides_no_run(qtbot: QtBot, monitor: RunMonitor, tmp_path: Path) -> None:
    errors: list[str] = []
    monitor.failed.connect(errors.append)
    bad = finished_run(tmp_path / "bad").folder
    (bad / "label.json").write_text("[" * 9000)
    finished_run(tmp_path / "good", created=2e9)
    followed(qtbot, monitor, "bad", "good")
    finished_run(tmp_path / "later", created=3e9)
    followed(qtbot, monitor, "bad", "good", "later")  # scanning continues
    reason = "nested too deeply"
    assert errors == [f"bad: label.json is damaged ({reason}): its custom name and color were lost"]
    assert (bad / "label.json").read_text() == "[" * 9000


def test_an_unexpected_error_affects_only_its_own_run(
    qtbot: QtBot, monitor: RunMonitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any exception of a reader or a scan is reported once, and following continues."""
    errors: list[str] = []
    monitor.failed.connect(errors.append)
    good, bad = finished_run(tmp_path / "good"), finished_run(tmp_path / "bad", created=1.0)
    events = RunReader.new_events

    def broken(reader: RunReader, most: int = 0) -> Iterator[Event]:
        if reader.folder == bad.folder:
            raise MemoryError
        return events(reader, most)

    monkeypatch.setattr(RunReader, "new_events", broken)
    qtbot.waitUntil(lambda: any(run.folder == good.folder and run.loaded for run in monitor.runs()))
    qtbot.waitUntil(lambda: any(one.startswith("bad: its training events") for one in errors))
    monkeypatch.setattr(run_monitor, "scan", broken)
    monitor.rescan()
    qtbot.waitUntil(lambda: len(errors) == 2)
    monkeypatch.undo()
    finished_run(tmp_path / "later", created=3e9)
    followed(qtbot, monitor, "bad", "good", "later")
    assert len(errors) == 2


def test_a_folder_that_does_not_exist_yet_is_followed(qtbot: QtBot, monitor: RunMonitor, tmp_path: Path) -> None:
    monitor.set_folder(tmp_path / "later")
    finished_run(tmp_path / "later" / "one")
    followed(qtbot, monitor, "one")
