"""The choice of the run, and reading its snapshots: damaged ones are reported, later requests are answered."""

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


class SnapshotsHarness:
    """A controller over a folder of runs, with the emitted steps and errors."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.qtbot, self.folder = qtbot, folder
        self.monitor = RunMonitor()
        self.controller = SnapshotsController(self.monitor)
        self.run, self.steps, self.failed = "", [], []
        self.controller.runChanged.connect(lambda name, _: setattr(self, "run", name))
        self.controller.probeLoaded.connect(lambda one: self.steps.append(one.step))
        self.controller.failed.connect(lambda step, reason: self.failed.append((step, reason)))
        self.monitor.set_folder(folder)
        self.controller.refresh()

    def write(self, name: str, *steps: int, created: float = 1e9) -> WrittenRun:
        run = WrittenRun(self.folder / name, created=created).create().begin()
        for step in steps:
            snapshots.save(run.folder / f"probes/{step}.npz", probe(step))
            run.emit(Probed(0.0, step, f"probes/{step}.npz"))
        return run

    def wait(self, name: str) -> None:
        self.qtbot.waitUntil(lambda: self.run == name)


@pytest.fixture
def harness(qtbot: QtBot, tmp_path: Path) -> Iterator[SnapshotsHarness]:
    made = SnapshotsHarness(qtbot, tmp_path)
    yield made
    made.controller.stop()
    made.monitor.stop()


def test_a_new_run_does_not_replace_the_one_that_is_shown(harness: SnapshotsHarness) -> None:
    harness.write("one", 0, 5)
    harness.wait("one")
    later = harness.write("later", 0, created=2e9).folder
    harness.qtbot.waitUntil(lambda: (run := harness.monitor.run(later)) is not None and bool(run.curves.probes))
    assert harness.run == "one"
    harness.controller.select_run(later)
    assert harness.run == "later"


def test_a_damaged_snapshot_is_reported_and_the_others_are_read(harness: SnapshotsHarness) -> None:
    run = harness.write("one", 0, 5, 10)
    (run.folder / "probes/5.npz").write_bytes(b"PK damaged")
    (run.folder / "probes/10.npz").unlink()
    harness.wait("one")
    harness.qtbot.waitUntil(lambda: len(harness.monitor.run(run.folder).curves.probes) == 3)
    for step in (5, 10, 0):
        before = len(harness.steps) + len(harness.failed)
        harness.controller.request_step(step)
        harness.qtbot.waitUntil(lambda before=before: len(harness.steps) + len(harness.failed) > before)
    assert [step for step, _ in harness.failed] == [5, 10]
    assert harness.failed[0][1].startswith("5.npz is damaged")
    assert harness.steps == [0]


def test_fast_requests_read_the_first_and_the_last_snapshot(harness: SnapshotsHarness) -> None:
    harness.write("one", *range(20))
    harness.wait("one")
    harness.qtbot.waitUntil(lambda: len(harness.monitor.runs()[0].curves.probes) == 20)
    for step in range(20):
        harness.controller.request_step(step)
    harness.qtbot.waitUntil(lambda: 19 in harness.steps)
    assert harness.steps == [0, 19]
