"""Which run's maps are shown, and reading them: what is damaged is told, and the next question is answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from resnet_studio.gui.training.run_monitor import RunMonitor
from resnet_studio.gui.training.snapshots.controller import SnapshotsController
from resnet_studio.training import snapshots
from resnet_studio.training.runs.events import Probed
from training_values import probe
from written_runs import WrittenRun


class Shown:
    """A desk over a folder of runs, and what it has told."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.qtbot, self.folder = qtbot, folder
        self.watch = RunMonitor()
        self.desk = SnapshotsController(self.watch)
        self.run, self.steps, self.failed = "", [], []
        self.desk.run_changed.connect(lambda name, _: setattr(self, "run", name))
        self.desk.probe_read.connect(lambda one: self.steps.append(one.step))
        self.desk.failed.connect(lambda step, why: self.failed.append((step, why)))
        self.watch.watch(folder)
        self.desk.begin()

    def write(self, name: str, *steps: int, created: float = 1e9) -> WrittenRun:
        run = WrittenRun(self.folder / name, created=created).make().begin()
        for step in steps:
            snapshots.save(run.folder / f"probes/{step}.npz", probe(step))
            run.tell(Probed(0.0, step, f"probes/{step}.npz"))
        return run

    def wait(self, name: str) -> None:
        self.qtbot.waitUntil(lambda: self.run == name, timeout=10_000)


@pytest.fixture
def shown(qtbot: QtBot, tmp_path: Path) -> Iterator[Shown]:
    made = Shown(qtbot, tmp_path)
    yield made
    made.desk.stop()
    made.watch.stop()


def test_a_run_that_begins_does_not_take_the_place_of_the_one_looked_at(shown: Shown) -> None:
    shown.write("one", 0, 5)
    shown.wait("one")
    later = shown.write("later", 0, created=2e9).folder
    shown.qtbot.waitUntil(
        lambda: (run := shown.watch.run(later)) is not None and bool(run.curves.probes), timeout=10_000
    )
    assert shown.run == "one"
    shown.desk.choose(later)
    assert shown.run == "later"


def test_a_damaged_moment_is_told_and_the_others_are_read(shown: Shown) -> None:
    run = shown.write("one", 0, 5, 10)
    (run.folder / "probes/5.npz").write_bytes(b"PK damaged")
    (run.folder / "probes/10.npz").unlink()
    shown.wait("one")
    shown.qtbot.waitUntil(lambda: len(shown.watch.run(run.folder).curves.probes) == 3, timeout=10_000)
    for step in (5, 10, 0):
        before = len(shown.steps) + len(shown.failed)
        shown.desk.ask(step)
        shown.qtbot.waitUntil(lambda before=before: len(shown.steps) + len(shown.failed) > before, timeout=10_000)
    assert [step for step, _ in shown.failed] == [5, 10]
    assert shown.failed[0][1].startswith("5.npz is damaged")
    assert shown.steps == [0]


def test_a_fast_hand_sees_maps_and_the_last_one_asked_for(shown: Shown) -> None:
    shown.write("one", *range(20))
    shown.wait("one")
    shown.qtbot.waitUntil(lambda: len(shown.watch.runs()[0].curves.probes) == 20, timeout=10_000)
    for step in range(20):
        shown.desk.ask(step)
    shown.qtbot.waitUntil(lambda: 19 in shown.steps, timeout=10_000)
    assert shown.steps == [0, 19]
