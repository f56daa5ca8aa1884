"""Following run folders: what a watch tells of runs that grow, end, come, go and are watched twice."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from resnet_studio.analysis.table import plan_table
from resnet_studio.gui.followed import FollowedRun
from resnet_studio.gui.run_watch import RunWatch
from resnet_studio.networks.architecture import from_json
from resnet_studio.networks.presets import preset
from resnet_studio.training import runs
from resnet_studio.training.labels import Label, read_label, write_label
from written_runs import WrittenRun, finished_run


@pytest.fixture
def watch(qtbot: QtBot, tmp_path: Path) -> Iterator[RunWatch]:
    """A watch on the test's folder of runs."""
    watch = RunWatch()
    watch.watch(tmp_path)
    yield watch
    watch.stop()


def followed(qtbot: QtBot, watch: RunWatch, *names: str) -> list[FollowedRun]:
    """Wait until runs of these folders, and no others, are read."""
    qtbot.waitUntil(lambda: [run.folder.name for run in watch.runs()] == list(names), timeout=10_000)
    qtbot.waitUntil(lambda: all(run.loaded for run in watch.runs()), timeout=10_000)
    return list(watch.runs())


def test_a_finished_run_is_read_whole(qtbot: QtBot, watch: RunWatch, tmp_path: Path) -> None:
    written = finished_run(tmp_path / "one")
    (run,) = followed(qtbot, watch, "one")
    assert (run.curves.state, run.curves.steps, run.progress) == ("finished", 110, 1.0)
    assert run.curves.training("loss").y.tolist() == [written.loss(step) for step in range(1, 111)]
    assert len(run.curves.measurements("test", "error").y) == 10


def test_the_cost_is_that_of_the_fitted_network(qtbot: QtBot, watch: RunWatch, tmp_path: Path) -> None:
    finished_run(tmp_path / "one")
    (run,) = followed(qtbot, watch, "one")
    assert run.curves.prepared is not None
    assert run.cost is not None
    fitted = plan_table(from_json(run.curves.prepared.architecture)).totals
    chosen = plan_table(preset("resnet20-cifar")).totals
    assert (run.cost.parameters, run.cost.macs) == (fitted.parameters, fitted.macs)
    assert chosen.parameters - run.cost.parameters == (3 - 1) * 16 * 9  # the first convolution sees one channel


def test_runs_come_oldest_first_with_a_turn_each(qtbot: QtBot, watch: RunWatch, tmp_path: Path) -> None:
    for age, name in ((30, "a"), (10, "b"), (20, "experiment/c")):
        finished_run(tmp_path / name, created=1e9 - age)
    found = followed(qtbot, watch, "a", "c", "b")
    assert [run.number for run in found] == [0, 1, 2]


def test_what_a_live_run_appends_is_told(qtbot: QtBot, watch: RunWatch, tmp_path: Path) -> None:
    written = WrittenRun(tmp_path / "live").make().begin().train(22)
    (run,) = followed(qtbot, watch, "live")
    assert (run.curves.state, run.curves.steps) == ("running", 22)
    with qtbot.waitSignal(watch.run_changed, timeout=10_000, check_params_cb=lambda one: one is run):
        written.train(11)
    qtbot.waitUntil(lambda: run.curves.steps == 33, timeout=10_000)
    written.pause()
    qtbot.waitUntil(lambda: run.curves.state == "paused", timeout=10_000)


def test_a_run_that_falls_silent_was_killed(qtbot: QtBot, watch: RunWatch, tmp_path: Path) -> None:
    written = WrittenRun(tmp_path / "killed").make().begin().train(11)
    written.beat(time.time() - 60)
    (run,) = followed(qtbot, watch, "killed")
    qtbot.waitUntil(lambda: run.curves.state == "killed", timeout=10_000)
    assert not run.live


def test_an_ended_run_that_is_resumed_goes_on(qtbot: QtBot, watch: RunWatch, tmp_path: Path) -> None:
    written = WrittenRun(tmp_path / "one").make().begin().train(22).end("stopped")
    (run,) = followed(qtbot, watch, "one")
    assert run.curves.state == "stopped"
    written.begin().train(11)
    qtbot.waitUntil(lambda: run.curves.steps == 33 and run.live, timeout=15_000)


def test_two_windows_follow_the_same_folder(qtbot: QtBot, watch: RunWatch, tmp_path: Path) -> None:
    written = WrittenRun(tmp_path / "one").make().begin().train(11)
    other = RunWatch()
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


def test_a_long_run_is_read_in_chunks_and_a_short_one_beside_it(qtbot: QtBot, watch: RunWatch, tmp_path: Path) -> None:
    long = WrittenRun(tmp_path / "long").make()
    long.begin().train(11_000, every=100).end()
    finished_run(tmp_path / "short")
    sizes: list[int] = []
    watch.run_changed.connect(lambda run: sizes.append(run.curves.steps) if run.folder.name == "long" else None)
    followed(qtbot, watch, "long", "short")
    assert sizes[-1] == 11_000
    assert len(sizes) >= (tmp_path / "long" / runs.EVENTS).stat().st_size // 100_000
    assert sizes == sorted(sizes)


def test_dropped_runs_join_the_others(qtbot: QtBot, watch: RunWatch, tmp_path: Path, tmp_path_factory) -> None:
    finished_run(tmp_path / "a")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    finished_run(elsewhere / "b", created=2e9)
    followed(qtbot, watch, "a")
    watch.add(elsewhere / "b")
    followed(qtbot, watch, "a", "b")
    watch.add(elsewhere)  # what is known is not there twice
    finished_run(elsewhere / "c", created=3e9)
    followed(qtbot, watch, "a", "b", "c")


def test_runs_that_go_are_gone_and_keep_their_turn(qtbot: QtBot, watch: RunWatch, tmp_path: Path) -> None:
    for number, name in enumerate("ab"):
        finished_run(tmp_path / name, created=1e9 + number)
    followed(qtbot, watch, "a", "b")
    shutil.move(tmp_path / "a", tmp_path.parent / "away")
    followed(qtbot, watch, "b")
    shutil.move(tmp_path.parent / "away", tmp_path / "a")
    back = followed(qtbot, watch, "a", "b")
    assert [run.number for run in back] == [0, 1]
    assert back[0].curves.steps == 110


def test_a_newer_version_is_refused_once_in_words(qtbot: QtBot, watch: RunWatch, tmp_path: Path) -> None:
    said: list[str] = []
    watch.refused.connect(said.append)
    finished_run(tmp_path / "new")
    manifest = tmp_path / "new" / runs.MANIFEST
    before = os.stat(manifest).st_mtime_ns
    text = manifest.read_text().replace('"version": 1', '"version": 99')
    manifest.write_text(text)
    os.utime(manifest, ns=(before, before))
    finished_run(tmp_path / "old")
    qtbot.waitUntil(lambda: bool(said), timeout=10_000)
    watch.look_again()
    qtbot.waitUntil(lambda: "old" in [run.folder.name for run in watch.runs()], timeout=10_000)
    assert len(said) == 1
    assert "newer version" in said[0]
    assert manifest.read_text() == text


def test_a_folder_that_is_not_there_yet_is_followed(qtbot: QtBot, watch: RunWatch, tmp_path: Path) -> None:
    watch.watch(tmp_path / "later")
    finished_run(tmp_path / "later" / "one")
    followed(qtbot, watch, "one")


def test_labels_outlive_the_window_and_damage(tmp_path: Path) -> None:
    assert read_label(tmp_path) == Label()
    write_label(tmp_path, Label("α", "green"))
    assert read_label(tmp_path) == Label("α", "green")
    for damaged in ("", "[]", '{"name": 3}', "{", "\x00"):
        (tmp_path / "label.json").write_text(damaged)
        assert read_label(tmp_path) == Label()
