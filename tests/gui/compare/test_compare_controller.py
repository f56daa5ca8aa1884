"""When networks are compared and their tables counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from fake_engine import FakeEngine
from resnet_studio.analysis.comparison import Comparison
from resnet_studio.analysis.comparison_rows import rows
from resnet_studio.analysis.measurement import (
    Measurement,
    MeasurementSpec,
    Timing,
    cpu_name,
    library_versions,
)
from resnet_studio.analysis.memory_cache import MemoryCache
from resnet_studio.analysis.memory_measurement import MemoryMeasurement
from resnet_studio.analysis.result_rows import memory_specs
from resnet_studio.analysis.table import CounterChecks, LayerTable, plan_table
from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.compare.controller import CompareController
from resnet_studio.gui.session import SessionState
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import preset, title
from written_runs import finished_run

RESNET, PLAIN = preset("resnet18"), preset("plain18")


def counted(architecture: Architecture) -> LayerTable:
    """A table as the engine returns it."""
    table = plan_table(architecture)
    macs, parameters = table.totals.macs, table.totals.parameters
    return replace(table, checks=CounterChecks(macs, macs, macs, parameters, parameters))


class Harness:
    """The controller with a fake engine, and what it has emitted."""

    def __init__(self, runs: Path) -> None:
        self.engine = FakeEngine()
        self.app = AppController(SessionState(architecture=RESNET, compared=[None, PLAIN]), self.engine, runs)
        self.controller = CompareController(self.app)
        self.emitted: list[Comparison] = []
        self.controller.comparisonChanged.connect(self.emitted.append)
        self.waiting: list[int] = []
        self.controller.measuringChanged.connect(self.waiting.append)
        self.errors: list[str] = []
        self.app.errorOccurred.connect(lambda sentence, *_: self.errors.append(sentence))
        self.app.start()

    def requested(self) -> list[str]:
        """The networks of all pending table requests that the controller made."""
        return [lane.removeprefix("table of ") for lane in self.engine.pending if lane.startswith("table of ")]


def measured(spec: MeasurementSpec, milliseconds: float) -> Measurement:
    timing = Timing(milliseconds / 1000, milliseconds / 1001, milliseconds / 999, 20)
    return Measurement(spec, timing, {}, cpu_name(), 2, library_versions(), 1.0)


@pytest.fixture
def harness(qtbot: QtBot, tmp_path: Path) -> Iterator[Harness]:
    harness = Harness(tmp_path)
    yield harness
    harness.controller.close()
    harness.app.close()


def test_nothing_is_compared_while_the_workspace_is_not_visible(harness: Harness) -> None:
    harness.app.session.set_architecture(preset("resnet34"))
    assert harness.emitted == []
    assert harness.requested() == []
    assert harness.controller.comparison().architectures == (preset("resnet34"), PLAIN)


def test_tables_are_counted_and_the_comparison_follows(harness: Harness) -> None:
    harness.controller.set_active(True)
    assert [comparison.architectures for comparison in harness.emitted] == [(RESNET, PLAIN)]
    assert harness.requested() == [title(RESNET), title(PLAIN)]
    harness.engine.answer(f"table of {title(PLAIN)}", counted(PLAIN))
    assert len(harness.emitted) == 2
    assert harness.requested() == [title(RESNET)]  # which has not been requested again
    assert len(harness.engine.requests_of(f"table of {title(RESNET)}")) == 1


def test_an_edit_is_compared_and_counted(harness: Harness) -> None:
    harness.controller.set_active(True)
    edited = replace(RESNET, width=32)
    harness.app.session.set_architecture(edited)
    assert harness.emitted[-1].architectures == (edited, PLAIN)
    assert title(edited) in harness.requested()
    harness.controller.set_active(False)
    count = len(harness.emitted)
    harness.app.session.undo()
    assert len(harness.emitted) == count


def test_compared_networks_are_kept_in_the_session(harness: Harness) -> None:
    harness.controller.set_active(True)
    harness.controller.compare_with((PLAIN, None, RESNET))
    assert harness.app.session.state.compared == [PLAIN, None, RESNET]
    assert harness.emitted[-1].architectures == (PLAIN, RESNET, RESNET)


def test_a_network_that_is_too_large_to_count_is_not_reported(harness: Harness) -> None:
    harness.controller.set_active(True)
    harness.engine.fail(f"table of {title(PLAIN)}", MemoryError("plain18 needs 30 GB to count its FLOPs"))
    assert harness.errors == []
    harness.engine.fail(f"table of {title(RESNET)}", RuntimeError("out of luck"))
    assert harness.errors == ["out of luck"]


def test_networks_are_measured_when_that_is_asked_for(harness: Harness) -> None:
    harness.controller.set_active(True)
    assert harness.engine.requests_of("measure") == []
    assert [result.time for result in harness.emitted[-1].results] == [None, None]
    harness.controller.measure()
    ((_, specs),) = harness.engine.requests_of("measure")
    assert [spec.architecture for spec in specs] == [RESNET, PLAIN]
    assert harness.waiting[-1] == 2
    harness.engine.part("measure", measured(specs[0], 40))
    assert [result.time and result.time.whole.median for result in harness.emitted[-1].results] == [0.04, None]
    assert harness.waiting[-1] == 1
    harness.engine.part("measure", measured(specs[1], 30))
    harness.engine.answer("measure", None)
    assert harness.waiting[-1] == 0
    assert harness.emitted[-1].results[1].time == measured(specs[1], 30)


def test_only_networks_without_a_time_are_measured_unless_all_have_one(harness: Harness) -> None:
    harness.controller.set_active(True)
    spec = harness.app.measurements.spec(RESNET)
    harness.app.measurements.request(RESNET)
    harness.engine.part("measure", measured(spec, 40))
    harness.engine.answer("measure", None)
    harness.controller.measure()
    assert [spec.architecture for spec in harness.engine.requests_of("measure")[-1][1]] == [PLAIN]
    harness.engine.part("measure", measured(harness.app.measurements.spec(PLAIN), 30))
    harness.engine.answer("measure", None)
    harness.controller.measure()
    assert [spec.architecture for spec in harness.engine.requests_of("measure")[-1][1]] == [RESNET, PLAIN]
    harness.controller.cancel()
    assert harness.waiting[-1] == 0


def test_the_best_runs_are_read_while_the_page_is_visible(qtbot: QtBot, harness: Harness, tmp_path: Path) -> None:
    finished_run(tmp_path / "one", "plain20-cifar")
    harness.controller.compare_with((RESNET, preset("plain20-cifar")))
    assert harness.emitted[-1].results[1].runs == ()
    harness.controller.set_active(True)
    qtbot.waitUntil(lambda: harness.emitted[-1].results[1].runs != ())
    assert harness.emitted[-1].results[1].runs[0].run == "one"


def test_measured_memory_is_looked_up(
    qtbot: QtBot, harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    _, training = memory_specs(PLAIN)
    MemoryCache().store(MemoryMeasurement(training, 900_000_000, 300_000_000, cpu_name(), 2, library_versions(), 1.0))
    harness.controller.set_active(True)
    qtbot.waitUntil(lambda: harness.emitted[-1].results[1].training_memory is not None)
    found = {row.label: row for row in rows(harness.emitted[-1])}
    assert [entry.value for entry in found["… measured, training"].entries] == ["–", "900 MB"]
    assert "300 MB of the process itself" in found["… measured, training"].entries[1].tip
    assert "… measured, inference" not in found


def test_a_deep_network_is_compared_in_time_slices(qtbot: QtBot, harness: Harness) -> None:
    deep = replace(preset("resnet50"), blocks=(100, 100, 100, 100))
    harness.controller.set_active(True)
    count = len(harness.emitted)
    harness.controller.compare_with((RESNET, deep))
    assert len(harness.emitted) == count
    qtbot.waitUntil(lambda: len(harness.emitted) > count)
    assert harness.emitted[-1].architectures == (RESNET, deep)
