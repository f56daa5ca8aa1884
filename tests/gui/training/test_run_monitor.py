"""Following run folders: what a watch tells of runs that grow, end, come, go and are watched twice."""

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
from resnet_studio.gui.training.run_state import RunState, run_colour
from resnet_studio.networks.architecture import from_json
from resnet_studio.networks.presets import preset
from resnet_studio.training.runs import labels, run_folder
from resnet_studio.training.runs.events import Event
from resnet_studio.training.runs.labels import Label, read_label, write_label
from resnet_studio.training.runs.reader import RunReader
from written_runs import WrittenRun, finished_run


@pytest.fixture
def watch(qtbot: QtBot, tmp_path: Path) -> Iterator[RunMonitor]:
    """A watch on the test's folder of runs."""
    watch = RunMonitor()
    watch.watch(tmp_path)
    yield watch
    watch.stop()


def followed(qtbot: QtBot, watch: RunMonitor, *names: str) -> list[RunState]:
    """Wait until runs of these folders, and no others, are read."""
    qtbot.waitUntil(lambda: [run.folder.name for run in watch.runs()] == list(names), timeout=10_000)
    qtbot.waitUntil(lambda: all(run.loaded for run in watch.runs()), timeout=10_000)
    return list(watch.runs())


def test_a_finished_run_is_read_whole(qtbot: QtBot, watch: RunMonitor, tmp_path: Path) -> None:
    written = finished_run(tmp_path / "one")
    (run,) = followed(qtbot, watch, "one")
    assert (run.curves.state, run.curves.steps, run.progress) == ("finished", 110, 1.0)
    assert run.curves.training("loss").y.tolist() == [written.loss(step) for step in range(1, 111)]
    assert len(run.curves.measurements("test", "error").y) == 10


def test_the_cost_is_that_of_the_fitted_network(qtbot: QtBot, watch: RunMonitor, tmp_path: Path) -> None:
    finished_run(tmp_path / "one")
    (run,) = followed(qtbot, watch, "one")
    assert run.curves.prepared is not None
    assert run.cost is not None
    fitted = plan_table(from_json(run.curves.prepared.architecture)).totals
    chosen = plan_table(preset("resnet20-cifar")).totals
    assert (run.cost.parameters, run.cost.macs) == (fitted.parameters, fitted.macs)
    assert chosen.parameters - run.cost.parameters == (3 - 1) * 16 * 9  # the first convolution sees one channel


def test_runs_come_oldest_first_with_a_color_each(qtbot: QtBot, watch: RunMonitor, tmp_path: Path) -> None:
    for age, name in ((30, "a"), (10, "b"), (20, "experiment/c")):
        finished_run(tmp_path / name, created=1e9 - age)
    found = followed(qtbot, watch, "a", "c", "b")
    assert len({run_colour(run) for run in found}) == 3
    assert [read_label(run.folder).colour for run in found] == [run.label.colour for run in found]


def test_what_a_live_run_appends_is_told(qtbot: QtBot, watch: RunMonitor, tmp_path: Path) -> None:
    written = WrittenRun(tmp_path / "live").make().begin().train(22)
    (run,) = followed(qtbot, watch, "live")
    assert (run.curves.state, run.curves.steps) == ("running", 22)
    with qtbot.waitSignal(watch.run_changed, timeout=10_000, check_params_cb=lambda one: one is run):
        written.train(11)
    qtbot.waitUntil(lambda: run.curves.steps == 33, timeout=10_000)
    written.pause()
    qtbot.waitUntil(lambda: run.curves.state == "paused", timeout=10_000)


def test_a_run_that_falls_silent_was_killed(qtbot: QtBot, watch: RunMonitor, tmp_path: Path) -> None:
    written = WrittenRun(tmp_path / "killed").make().begin().train(11)
    written.beat(time.time() - 60)
    (run,) = followed(qtbot, watch, "killed")
    qtbot.waitUntil(lambda: run.curves.state == "killed", timeout=10_000)
    assert not run.live


def test_an_ended_run_that_is_resumed_goes_on(qtbot: QtBot, watch: RunMonitor, tmp_path: Path) -> None:
    written = WrittenRun(tmp_path / "one").make().begin().train(22).end("stopped")
    (run,) = followed(qtbot, watch, "one")
    assert run.curves.state == "stopped"
    written.begin().train(11)
    qtbot.waitUntil(lambda: run.curves.steps == 33 and run.live, timeout=15_000)


def test_two_windows_follow_the_same_folder(qtbot: QtBot, watch: RunMonitor, tmp_path: Path) -> None:
    written = WrittenRun(tmp_path / "one").make().begin().train(11)
    other = RunMonitor()
    other.watch(tmp_path)
    try:
        followed(qtbot, watch, "one")
        followed(qtbot, other, "one")
        write_label(tmp_path / "one", Label("mine", "purple"))
        written.train(11).end()
        for one in (watch, other):
            qtbot.waitUntil(lambda one=one: one.runs()[0].curves.state == "finished", timeout=10_000)
            qtbot.waitUntil(lambda one=one: one.runs()[0].label == Label("mine", "purple"), timeout=10_000)
    finally:
        other.stop()


def test_a_long_run_is_read_in_chunks_and_a_short_one_beside_it(
    qtbot: QtBot, watch: RunMonitor, tmp_path: Path
) -> None:
    long = WrittenRun(tmp_path / "long").make()
    long.begin().train(11_000, every=100).end()
    finished_run(tmp_path / "short")
    sizes: list[int] = []
    watch.run_changed.connect(lambda run: sizes.append(run.curves.steps) if run.folder.name == "long" else None)
    followed(qtbot, watch, "long", "short")
    assert sizes[-1] == 11_000
    assert len(sizes) >= (tmp_path / "long" / run_folder.EVENTS).stat().st_size // 100_000
    assert sizes == sorted(sizes)


def test_dropped_runs_join_the_others(qtbot: QtBot, watch: RunMonitor, tmp_path: Path, tmp_path_factory) -> None:
    finished_run(tmp_path / "a")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    finished_run(elsewhere / "b", created=2e9)
    followed(qtbot, watch, "a")
    watch.add(elsewhere / "b")
    followed(qtbot, watch, "a", "b")
    watch.add(elsewhere)  # what is known is not there twice
    finished_run(elsewhere / "c", created=3e9)
    followed(qtbot, watch, "a", "b", "c")


def test_colors_outlive_the_window_other_runs_and_the_machine(
    qtbot: QtBot, watch: RunMonitor, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for number, name in enumerate("abcd"):
        finished_run(tmp_path / name, created=1e9 + number)
    before = {run.folder.name: run_colour(run) for run in followed(qtbot, watch, "a", "b", "c", "d")}
    shutil.rmtree(tmp_path / "a")
    shutil.move(tmp_path / "c", tmp_path.parent / "away")
    finished_run(tmp_path / "e", created=1.0)
    followed(qtbot, watch, "e", "b", "d")
    shutil.move(tmp_path.parent / "away", tmp_path / "c")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(tmp_path, elsewhere, dirs_exist_ok=True)
    again = RunMonitor()
    again.watch(elsewhere)
    try:
        after = {run.folder.name: run_colour(run) for run in followed(qtbot, again, "e", "b", "c", "d")}
    finally:
        again.stop()
    assert {name: after[name] for name in "bcd"} == {name: before[name] for name in "bcd"}
    assert len(set(after.values())) == 4


def test_a_color_that_can_not_be_kept_is_the_same_every_time(
    qtbot: QtBot, watch: RunMonitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(labels, "write_file", full)
    finished_run(tmp_path / "b")
    (alone,) = followed(qtbot, watch, "b")
    color = run_colour(alone)
    finished_run(tmp_path / "a", created=1.0)
    assert [run_colour(run) for run in followed(qtbot, watch, "a", "b")][1] == color


def damage(folder: Path, content: bytes) -> Path:
    """A run that was whole and has this manifest now."""
    finished_run(folder, created=3e9)
    (folder / run_folder.MANIFEST).write_bytes(content)
    return folder


DAMAGE = {
    "cut": b'{"name": "cut", "architecture": {"kind": "resi', "empty": b"", "deep": b"[" * 9000, "bytes": b"\xff\x00",
    "other": b'{"version": 1}', "list": b"[]", "long": b'{"version": ' + b"9" * 5000 + b"}",
}  # fmt: skip


def test_damaged_runs_are_there_with_the_reason_beside_the_good_one(
    qtbot: QtBot, watch: RunMonitor, tmp_path: Path
) -> None:
    finished_run(tmp_path / "good")
    for name, content in DAMAGE.items():
        damage(tmp_path / name, content)
    missing = finished_run(tmp_path / "missing").folder
    (missing / run_folder.MANIFEST).unlink()
    qtbot.waitUntil(lambda: len(watch.runs()) == 2 + len(DAMAGE), timeout=10_000)
    qtbot.waitUntil(lambda: all(run.loaded for run in watch.runs()), timeout=10_000)
    problems = {run.folder.name: run.problem for run in watch.runs()}
    assert problems.pop("good") == ""
    assert all(problem.startswith(f"{name}: run.json is ") for name, problem in problems.items())
    assert {run.curves.steps for run in watch.runs()} == {110}  # their events are whole
    assert [path.parent.name for path in tmp_path.glob("*/label.json")] == ["good"]  # and they are left as they are


def test_a_run_that_is_put_right_is_followed_as_any_other(qtbot: QtBot, watch: RunMonitor, tmp_path: Path) -> None:
    folder = finished_run(tmp_path / "one").folder
    good = (folder / run_folder.MANIFEST).read_bytes()
    (folder / run_folder.MANIFEST).write_bytes(good[:50])
    (run,) = followed(qtbot, watch, "one")
    assert run.problem
    (folder / run_folder.MANIFEST).write_bytes(good)
    qtbot.waitUntil(lambda: watch.runs()[0].problem == "", timeout=10_000)
    (run,) = followed(qtbot, watch, "one")
    assert (run.curves.state, run.curves.steps) == ("finished", 110)


def test_a_newer_versions_run_is_there_and_left_as_it_is(qtbot: QtBot, watch: RunMonitor, tmp_path: Path) -> None:
    manifest = finished_run(tmp_path / "new").folder / run_folder.MANIFEST
    text = manifest.read_text().replace('"version": 1', '"version": 99')
    manifest.write_text(text)
    (run,) = followed(qtbot, watch, "new")
    assert "newer version" in run.problem
    assert manifest.read_text() == text


def test_a_damaged_label_is_named_once_and_hides_nothing(qtbot: QtBot, watch: RunMonitor, tmp_path: Path) -> None:
    said: list[str] = []
    watch.refused.connect(said.append)
    bad = finished_run(tmp_path / "bad").folder
    (bad / "label.json").write_text("[" * 9000)
    finished_run(tmp_path / "good", created=2e9)
    followed(qtbot, watch, "bad", "good")
    finished_run(tmp_path / "later", created=3e9)
    followed(qtbot, watch, "bad", "good", "later")  # it goes on looking
    why = "its brackets are nested too deeply"
    assert said == [f"bad: label.json is damaged ({why}): the run has lost its name and color"]
    assert (bad / "label.json").read_text() == "[" * 9000


def test_an_error_nobody_thought_of_ends_no_run_but_its_own(
    qtbot: QtBot, watch: RunMonitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a reader or a scan raises, it is told once and following goes on."""
    said: list[str] = []
    watch.refused.connect(said.append)
    good, bad = finished_run(tmp_path / "good"), finished_run(tmp_path / "bad", created=1.0)
    events = RunReader.new_events

    def broken(reader: RunReader, most: int = 0) -> Iterator[Event]:
        if reader.folder == bad.folder:
            raise MemoryError
        return events(reader, most)

    monkeypatch.setattr(RunReader, "new_events", broken)
    qtbot.waitUntil(lambda: any(run.folder == good.folder and run.loaded for run in watch.runs()), timeout=10_000)
    qtbot.waitUntil(lambda: any(one.startswith("bad: what it tells") for one in said), timeout=10_000)
    monkeypatch.setattr(run_monitor, "scan", broken)
    watch.look_again()
    qtbot.waitUntil(lambda: len(said) == 2, timeout=10_000)
    monkeypatch.undo()
    finished_run(tmp_path / "later", created=3e9)
    followed(qtbot, watch, "bad", "good", "later")
    assert len(said) == 2


def test_a_folder_that_is_not_there_yet_is_followed(qtbot: QtBot, watch: RunMonitor, tmp_path: Path) -> None:
    watch.watch(tmp_path / "later")
    finished_run(tmp_path / "later" / "one")
    followed(qtbot, watch, "one")
