"""Which networks are plotted, when they are tabled, and how the missing times are measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from fake_engine import FakeEngine
from resnet_studio.analysis.measurement import Measurement, MeasurementSpec, Timing, cpu_name, library_versions
from resnet_studio.analysis.network_sets import DOZEN
from resnet_studio.cli.main import main
from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.compare.scatter.controller import ScatterController
from resnet_studio.gui.compare.scatter.state import ScatterState
from resnet_studio.gui.session import SessionState
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.presets import PRESETS, preset
from written_runs import WrittenRun

PAIR = [preset("resnet18"), preset("plain18")]


def measurement(spec: MeasurementSpec, seconds: float) -> Measurement:
    timing = Timing(seconds, seconds, seconds, 20)
    return Measurement(spec, timing, {}, cpu_name(), 2, library_versions(), 1.7e9)


class Harness:
    """The controller with a fake engine, and what it has emitted."""

    def __init__(self, qtbot: QtBot, runs: Path) -> None:
        self.qtbot, self.engine = qtbot, FakeEngine()
        state = SessionState(architecture=preset("resnet34"), compared=[None, *PAIR], scatter_source="compared")
        self.app = AppController(state, self.engine, runs)
        self.controller = ScatterController(self.app)
        self.states: list[ScatterState] = []
        self.progress: list[str] = []
        self.controller.stateChanged.connect(self.states.append)
        self.controller.measuringChanged.connect(self.progress.append)
        self.app.start()

    def next_state(self) -> ScatterState:
        """The state that the last change leads to."""
        count = len(self.states)
        self.qtbot.waitUntil(lambda: len(self.states) > count and not self.controller._scheduler.busy)
        return self.states[-1]

    def open(self) -> ScatterState:
        self.controller.set_active(True)
        return self.next_state()

    def titles(self) -> list[str]:
        return [point.title for point in self.states[-1].found.points]


@pytest.fixture
def harness(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    made = Harness(qtbot, tmp_path / "runs")
    yield made
    made.controller.close()
    made.app.close()


def test_nothing_is_tabled_while_the_page_is_not_visible(harness: Harness) -> None:
    harness.controller.set_source("all")
    harness.app.session.set_architecture(preset("resnet50"))
    harness.qtbot.wait(50)
    assert harness.states == []


def test_compared_networks_and_an_edit_of_the_current_one(harness: Harness) -> None:
    harness.controller.set_quantity("y", "parameters")
    assert harness.open().current.architecture == preset("resnet34")
    assert harness.titles() == ["resnet34", "resnet18", "plain18"]
    edited = replace(preset("resnet34"), width=32)
    harness.app.session.set_architecture(edited)
    state = harness.next_state()
    assert state.found.points[0].architecture == edited
    assert state.current_index == 0


def test_the_current_network_is_always_among_them(harness: Harness) -> None:
    harness.controller.set_source("dozen")
    harness.controller.set_quantity("y", "depth")
    state = harness.open()
    assert {preset(name) for name in DOZEN} == {point.architecture for point in state.found.points}
    harness.app.session.set_architecture(preset("resnet1202-cifar"))
    assert len(harness.next_state().found.points) == 13
    harness.controller.set_source("all")
    assert len(harness.next_state().found.points) == len(PRESETS)


def test_axes_change_places_when_they_would_be_equal(harness: Harness) -> None:
    harness.open()
    harness.controller.set_quantity("y", "macs")
    state = harness.next_state()
    assert (state.found.x.key, state.found.y.key) == ("published_error", "macs")
    assert harness.app.session.state.scatter_x == "published_error"


def test_a_sweep_is_plotted_and_forgotten_at_the_next_start(harness: Harness) -> None:
    harness.controller.set_active(True)
    variants = [replace(preset("resnet34"), width=width) for width in (16, 32)]
    harness.controller.show_sweep(variants)
    harness.controller.set_quantity("y", "parameters")
    harness.next_state()
    assert [point.architecture for point in harness.states[-1].found.points] == [*variants, preset("resnet34")]
    again = ScatterController(harness.app)
    again.stateChanged.connect(harness.states.append)
    again.set_active(True)
    assert harness.next_state().source == "torchvision"
    again.close()


def test_flops_follow_the_unit_of_the_window(harness: Harness) -> None:
    before = harness.open().found.x
    harness.app.session.set_flop_unit("operations")
    after = harness.next_state().found.x
    figures = harness.states[-1].current
    assert after.title == "FLOPs (2 × MAC)"
    assert after.of(figures) == 2 * (before.of(figures) or 0)


def test_missing_times_are_measured_on_request_only(harness: Harness) -> None:
    harness.controller.set_quantity("x", "seconds")
    harness.controller.set_quantity("y", "macs")
    state = harness.open()
    assert state.offer is not None
    assert (state.offer.count, state.found.points) == (3, ())
    assert harness.engine.requests_of("measure") == []
    harness.controller.measure()
    ((_, specs),) = harness.engine.requests_of("measure")
    assert [spec.architecture for spec in specs] == [preset("resnet34"), *PAIR]
    assert harness.progress[-1] == "Measured 0 of 3"
    harness.engine.part("measure", measurement(specs[0], 0.02))
    state = harness.next_state()
    assert harness.titles() == ["resnet34"]
    assert state.found.points[0].x == 0.02
    assert state.conditions == f"Measured on {cpu_name()}, 2 threads"
    assert harness.progress[-1] == "Measured 1 of 3"
    harness.controller.cancel()
    assert harness.progress[-1] == ""
    assert state.offer is not None
    assert state.offer.count == 2


def test_the_best_runs_are_read(harness: Harness, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path / "runs" / "one").create().begin()
    run.measure(11, 0.125)
    run.measure(22, 0.25)
    harness.app.session.set_architecture(preset("resnet20-cifar"))
    harness.controller.set_quantity("y", "best_run_error")
    harness.controller.set_active(True)
    harness.qtbot.waitUntil(lambda: bool(harness.states) and bool(harness.states[-1].found.points))
    assert harness.titles() == ["resnet20-cifar"]
    assert harness.states[-1].found.points[0].y == 12.5


def test_the_window_keeps_running_while_a_deep_network_is_tabled(harness: Harness) -> None:
    deep = Residual(Basic(), (1000,) * 6, width=1)
    harness.app.session.update(compared=[deep])
    harness.controller.set_quantity("y", "training_bytes")
    state = harness.open()
    assert state.found.points[0].title.startswith("resnet12002")


def test_the_command_line_draws_the_same(
    harness: Harness, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    harness.controller.set_quantity("y", "parameters")
    harness.open()
    arguments = harness.controller.command_line()
    assert main(arguments) == 0
    assert capsys.readouterr().out == "parameters-macs.svg: 3 networks, 1 on the front\n"
    drawn = (tmp_path / "parameters-macs.svg").read_text(encoding="utf-8")
    assert all(f">{title}<" in drawn for title in harness.titles())
    harness.controller.show_sweep(PAIR)
    with pytest.raises(ValueError, match="Sweep page"):
        harness.controller.command_line()
