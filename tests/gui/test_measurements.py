"""Measured times in the window: what is requested, found, kept, and canceled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from fake_engine import FakeEngine
from resnet_studio.analysis.measurement import (
    Measurement,
    MeasurementFailure,
    MeasurementSpec,
    Timing,
    cpu_name,
    library_versions,
)
from resnet_studio.analysis.measurement_cache import MeasurementCache
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.measurements import MeasurementController
from resnet_studio.gui.session import Session, SessionState
from resnet_studio.inference.values import Device
from resnet_studio.networks.presets import preset
from resnet_studio.progress import Progress
from small import TINY

RESNET, PLAIN = preset("resnet18"), preset("plain34")
CARD = "NVIDIA A100"


def measured(spec: MeasurementSpec, when: float = 1.0, device: str | None = None) -> Measurement:
    timing = Timing(1.0, 0.5, 2.0, 9)
    return Measurement(spec, timing, {"conv1": 0.25}, device or cpu_name(), 2, library_versions(), when)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def session() -> Session:
    return Session(SessionState())


@pytest.fixture
def cache(tmp_path: Path) -> MeasurementCache:
    return MeasurementCache(tmp_path / "measurements")


@pytest.fixture
def controller(
    qtbot: QtBot, session: Session, engine: FakeEngine, cache: MeasurementCache
) -> Iterator[MeasurementController]:  # fmt: skip
    found = MeasurementController(session, engine, cache)
    yield found
    found.stop()


@pytest.fixture
def heard(controller: MeasurementController) -> list[tuple[str, object]]:
    """The controller's signals in order."""
    found: list[tuple[str, object]] = []
    controller.measured.connect(lambda one: found.append(("measured", one)))
    controller.changed.connect(lambda: found.append(("changed", None)))
    controller.measuringChanged.connect(lambda measuring: found.append(("measuring", measuring)))
    controller.failed.connect(lambda sentence: found.append(("failed", sentence)))
    return found


def stored(qtbot: QtBot, cache: MeasurementCache) -> list[Measurement]:
    qtbot.waitUntil(lambda: any(cache.folder.glob("*.json")))
    return MeasurementCache(cache.folder).load()


def test_nothing_is_measured_unasked(controller: MeasurementController, engine: FakeEngine) -> None:
    assert controller.find(RESNET) is None
    assert not controller.measuring
    assert engine.requests == []


def test_a_request_is_measured_found_and_kept(
    qtbot: QtBot, controller: MeasurementController, engine: FakeEngine, cache: MeasurementCache, heard: list
) -> None:
    controller.request(RESNET, batch=4)
    spec = MeasurementSpec(RESNET, batch=4)
    assert engine.pending["measure"] == ("measure", (spec,))
    assert controller.measuring
    assert controller.find(RESNET, batch=4) is None
    engine.part("measure", measured(spec))
    engine.answer("measure", None)
    assert heard == [("measuring", True), ("measured", measured(spec)), ("measuring", False)]
    assert controller.find(RESNET, batch=4) == measured(spec)
    assert controller.find(RESNET) is None
    assert stored(qtbot, cache) == [measured(spec)]


def test_requests_wait_for_each_other(controller: MeasurementController, engine: FakeEngine) -> None:
    first, second, third = (MeasurementSpec(RESNET, batch=size) for size in (1, 2, 4))
    for size in (1, 2, 4, 2):
        controller.request(RESNET, batch=size)
    assert controller.pending == (first, second, third)
    assert engine.requests_of("measure") == [("measure", (first,))]
    engine.part("measure", measured(first))
    engine.answer("measure", None)
    assert engine.requests_of("measure")[1:] == [("measure", (second, third))]
    assert controller.measuring


def test_of_many_only_those_without_a_measurement_are_measured(
    controller: MeasurementController, engine: FakeEngine
) -> None:
    one, other = MeasurementSpec(RESNET), MeasurementSpec(PLAIN)
    controller.request(RESNET)
    engine.part("measure", measured(one))
    engine.answer("measure", None)
    controller.request_all([one, other])
    assert engine.pending["measure"] == ("measure", (other,))
    engine.answer("measure", None)
    controller.request_all([one], again=True)
    assert engine.pending["measure"] == ("measure", (one,))


def test_cancel_drops_what_runs_and_what_waits(
    controller: MeasurementController, engine: FakeEngine, heard: list
) -> None:
    controller.request(RESNET)
    controller.request(PLAIN)
    engine.cancel_all()
    assert heard == [("measuring", True), ("measuring", False)]
    assert controller.pending == ()
    controller.request(PLAIN)
    controller.cancel()
    assert not controller.measuring


def test_an_error_of_the_engine_ends_all_and_is_reported_as_of_any_job(
    controller: MeasurementController, engine: FakeEngine
) -> None:
    reported: list[str] = []
    engine.requestFailed.connect(lambda lane, error: reported.append(f"{lane}: {error}"))
    controller.request(RESNET)
    engine.fail("measure", RuntimeError("broken"))
    assert reported == ["measure: broken"]
    assert not controller.measuring


def test_what_cannot_be_measured_is_named_and_the_rest_goes_on(
    controller: MeasurementController, engine: FakeEngine, heard: list
) -> None:
    large, small = MeasurementSpec(RESNET, batch=4096), MeasurementSpec(RESNET)
    controller.request_all([large, small])
    engine.part("measure", MeasurementFailure(large, "it needs 90 GB"))
    engine.part("measure", measured(small))
    assert ("failed", "resnet18 could not be measured: it needs 90 GB.") in heard
    assert controller.find(RESNET) == measured(small)


def test_earlier_measurements_are_found_once_they_are_read(
    qtbot: QtBot, controller: MeasurementController, cache: MeasurementCache, heard: list
) -> None:
    spec = MeasurementSpec(RESNET)
    cache.store(measured(spec))
    cache.store(replace(measured(MeasurementSpec(PLAIN)), versions={"torch": "1.0"}))
    cache.store(measured(MeasurementSpec(PLAIN), device="Another CPU"))
    assert controller.find(RESNET) is None
    qtbot.waitUntil(lambda: ("changed", None) in heard)
    assert controller.find(RESNET) == measured(spec)
    assert controller.find(PLAIN) is None


def test_a_new_measurement_is_not_replaced_by_an_earlier_one(
    qtbot: QtBot, controller: MeasurementController, engine: FakeEngine, cache: MeasurementCache, heard: list
) -> None:
    spec = MeasurementSpec(RESNET)
    cache.store(replace(measured(spec), threads=1))
    controller.find(RESNET)
    controller.request(RESNET)
    engine.part("measure", measured(spec, when=2.0))
    qtbot.waitUntil(lambda: ("changed", None) in heard)
    assert controller.find(RESNET) == measured(spec, when=2.0)


def test_a_damaged_file_is_named(
    qtbot: QtBot, controller: MeasurementController, cache: MeasurementCache, heard: list
) -> None:
    cache.folder.mkdir()
    (cache.folder / "cut.json").write_text("{")
    controller.find(RESNET)
    qtbot.waitUntil(lambda: bool(heard))
    [(kind, sentence)] = heard
    assert kind == "failed"
    assert str(sentence).startswith("The measurement cut.json is damaged (")


def test_a_folder_that_cannot_be_written_loses_nothing_of_this_session(
    qtbot: QtBot, controller: MeasurementController, engine: FakeEngine, cache: MeasurementCache, heard: list
) -> None:
    cache.folder.write_text("a file in its place")
    controller.request(RESNET)
    engine.part("measure", measured(MeasurementSpec(RESNET)))
    qtbot.waitUntil(lambda: heard[-1][0] == "failed")
    assert str(heard[-1][1]).startswith("The measurement could not be saved: ")
    assert controller.find(RESNET) is not None


def test_each_device_has_its_own_measurements(
    controller: MeasurementController, engine: FakeEngine, session: Session
) -> None:
    controller.set_devices(
        [Device("cpu", "CPU"), Device("cuda:0", CARD), Device("cuda:0 half", f"{CARD}, half precision")]
    )
    session.update(device="cuda:0 half")
    controller.request(RESNET)
    spec = MeasurementSpec(RESNET, "cuda:0", "fp16")
    assert engine.pending["measure"] == ("measure", (spec,))
    engine.part("measure", measured(spec, device=CARD))
    assert controller.find(RESNET) == measured(spec, device=CARD)
    for other in ("cuda:0", "cpu"):
        session.update(device=other)
        assert controller.find(RESNET) is None


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    window = MainWindow(SessionState(architecture=TINY))
    qtbot.addWidget(window)
    window.show()
    window.start_engine()
    yield window
    window.close()


def test_the_engine_measures_with_progress_in_the_status_bar(qtbot: QtBot, window: MainWindow) -> None:
    measurements, said = window.controller.measurements, list[str]()
    window.engine.progressChanged.connect(lambda progress: said.append(progress.what))
    with qtbot.waitSignal(measurements.measured) as answer:
        measurements.request(TINY)
    [measurement] = answer.args
    assert measurement.layers["layer1.0.conv1"] > 0
    assert measurements.find(TINY) == measurement
    assert any(what.startswith("measuring ") and what.endswith(", batch 1") for what in said)
    qtbot.waitUntil(lambda: not measurements.measuring)


def test_cancel_in_the_status_bar_ends_a_measurement(qtbot: QtBot, window: MainWindow) -> None:
    measurements, steps = window.controller.measurements, list[Progress]()
    window.engine.progressChanged.connect(steps.append)
    measurements.request(preset("resnet18"))
    qtbot.waitUntil(lambda: any(step.what.startswith("measuring ") for step in steps))
    cancel = window.status_bar.findChild(QPushButton, "cancel")
    qtbot.mouseClick(cancel, Qt.MouseButton.LeftButton)
    assert not measurements.measuring
    assert not window.message_bar.isVisible()
    with qtbot.waitSignal(window.controller.tableChanged):  # the engine goes on
        window.controller.session.set_architecture(preset("resnet20-cifar"))
