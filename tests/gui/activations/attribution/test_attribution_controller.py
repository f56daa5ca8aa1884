"""What is requested about a class and when, with a fake engine whose answers each test emits; then a real one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from fake_engine import FakeEngine
from overlay_pixels import pixel_center
from resnet_studio.gui.activations.attribution.controller import ATTRIBUTION, OCCLUSION, AttributionController
from resnet_studio.gui.activations.attribution.overlay import OverlayView
from resnet_studio.gui.activations.attribution.view import AttributionView
from resnet_studio.gui.activations.workspace import ActivationsWorkspace
from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.attribution import NOT_COMPUTED, Attribution, OcclusionMap
from resnet_studio.inference.transforms import ImageTransforms, Occluder
from resnet_studio.inference.values import ForwardResult, ForwardSpec, Frame, Prediction, Preprocessing, WeightsInfo
from resnet_studio.inference.weights.bundled import DIGIT_SAMPLE, DIGITS
from resnet_studio.networks.presets import preset
from workspace_numbers import ACTIVATIONS

INFO = WeightsInfo("random, seed 0", False, Preprocessing(8, 8, (0.5,), (0.5,)), tuple("abcdefghij"))
MODEL_INPUT = np.zeros((8, 8, 3), np.uint8)


class AttributionHarness:
    """A controller on a fake engine, and all that it has emitted."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        state = SessionState(architecture=preset(DIGITS), image=DIGIT_SAMPLE)
        self.app = AppController(state, self.engine)
        self.controller = AttributionController(self.app.activations, self.engine)
        self.emitted: list[object] = []
        self.running: list[tuple[bool, bool]] = []
        for signal in (self.controller.attributionComputed, self.controller.occlusionUpdated):
            signal.connect(self.emitted.append)
        self.controller.runningChanged.connect(lambda *which: self.running.append(which))
        self.app.start()
        self.app.activations.set_visible(True)

    @property
    def spec(self) -> ForwardSpec:
        return self.app.activations.spec

    def emit_result(self, *, preview: bool = False) -> None:
        """Emit a result of the current spec."""
        predictions = (Prediction("d", 0.9, 3),)
        result = ForwardResult(self.spec, "00", Frame(4, 4, 8, 8), MODEL_INPUT, INFO, (), 0.1, predictions, preview)
        self.app.activations.forwardFinished.emit(result)

    def pop_request(self, lane: str = ATTRIBUTION) -> tuple[Any, ...] | None:
        """Return the lane's request and end it."""
        return self.engine.pending.pop(lane, None)


@pytest.fixture
def harness(qtbot: QtBot) -> AttributionHarness:
    return AttributionHarness()


def attribution(spec: ForwardSpec) -> Attribution:
    values = np.ones((2, 2), np.float32)
    return Attribution(spec, "grad-cam", "layer3.2", 3, "d", 0.9, values, values, MODEL_INPUT, "00", INFO, 0.1)


def occlusion_map(spec: ForwardSpec, computed: int) -> OcclusionMap:
    top_classes = np.full((2, 2), NOT_COMPUTED, np.int32)
    top_classes.flat[:computed] = 3
    probabilities = np.where(top_classes == NOT_COMPUTED, np.nan, 0.5).astype(np.float32)
    return OcclusionMap(
        spec, 3, "d", 0.9, 3, 4, (0, 4), (0, 4), probabilities, top_classes, INFO.labels, MODEL_INPUT, INFO, 0.1
    )


def test_nothing_is_computed_unless_requested(harness: AttributionHarness) -> None:
    harness.controller.set_visible(True)
    harness.controller.set_request("saliency", "", None)
    harness.emit_result()
    assert harness.pop_request() is None
    assert harness.pop_request(OCCLUSION) is None


def test_an_attribution_is_requested_for_the_current_spec_and_emitted(harness: AttributionHarness) -> None:
    harness.controller.compute_attribution("grad-cam", "layer2.0", 5)
    assert harness.engine.pending[ATTRIBUTION] == ("attribution", harness.spec, "grad-cam", "layer2.0", 5)
    answer = attribution(harness.spec)
    harness.engine.answer(ATTRIBUTION, answer)
    assert harness.emitted == [answer]
    assert harness.running == [(True, False), (False, False)]


def test_while_following_every_full_quality_result_is_requested_once(harness: AttributionHarness) -> None:
    harness.controller.set_visible(True)
    harness.controller.set_request("grad-cam", "", None)
    harness.controller.set_following(True)
    assert harness.pop_request() == ("attribution", harness.spec, "grad-cam", "", None)
    harness.emit_result()
    assert harness.pop_request() is None  # this spec is computed already
    harness.app.images.select("sample:china")
    harness.emit_result()
    request = harness.pop_request()
    assert request is not None
    assert request[1].image == "sample:china"
    harness.app.activations.set_transforms(ImageTransforms(zoom=2), True)
    harness.emit_result(preview=True)
    assert harness.pop_request() is None  # a preview
    harness.app.activations.set_transforms(ImageTransforms(zoom=2))
    harness.emit_result()
    request = harness.pop_request()
    assert request is not None
    assert request[1].transforms == ImageTransforms(zoom=2)
    harness.controller.set_request("saliency", "", 2)
    assert harness.pop_request() == ("attribution", harness.spec, "saliency", "", 2)
    harness.controller.set_following(False)
    harness.app.images.select(DIGIT_SAMPLE)
    harness.emit_result()
    assert harness.pop_request() is None


def test_it_follows_only_while_visible_and_catches_up_when_shown(harness: AttributionHarness) -> None:
    harness.controller.set_request("grad-cam", "", None)
    harness.controller.set_following(True)
    harness.emit_result()
    assert harness.pop_request() is None
    harness.controller.set_visible(True)
    assert harness.pop_request() is not None
    harness.controller.set_visible(False)
    harness.app.images.select("sample:china")
    harness.emit_result()
    assert harness.pop_request() is None


def test_partial_occlusion_maps_are_emitted_and_cancel_ends_only_them(harness: AttributionHarness) -> None:
    harness.controller.compute_attribution("grad-cam", "", None)
    harness.controller.compute_occlusion(4, 4, None)
    assert harness.engine.pending[OCCLUSION] == ("occlusion", harness.spec, 4, 4, None)
    parts = [occlusion_map(harness.spec, computed) for computed in (1, 3)]
    for part in parts:
        harness.engine.part(OCCLUSION, part)
    assert harness.emitted == parts
    harness.controller.cancel_occlusion()
    assert OCCLUSION not in harness.engine.pending
    assert ATTRIBUTION in harness.engine.pending
    assert harness.running == [(True, False), (True, True), (True, False)]


@pytest.mark.parametrize("lane", [ATTRIBUTION, OCCLUSION])
def test_errors_and_a_cancel_of_everything_end_what_ran(harness: AttributionHarness, lane: str) -> None:
    ends = (lambda: harness.engine.fail(lane, ValueError("no")), harness.engine.cancel_all)
    for end in ends:
        harness.controller.compute_attribution(
            "grad-cam", "", None
        ) if lane == ATTRIBUTION else harness.controller.compute_occlusion(4, 4, None)
        assert any(harness.running[-1])
        end()
        assert harness.running[-1] == (False, False)


def test_setting_the_occluder_leaves_the_other_transforms(harness: AttributionHarness) -> None:
    harness.app.activations.set_transforms(ImageTransforms(zoom=2))
    harness.controller.set_occluder(Occluder(0.25, 0.75, 0.5))
    assert harness.spec.transforms == ImageTransforms(zoom=2, occluder=Occluder(0.25, 0.75, 0.5))


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    state = SessionState(
        architecture=preset(DIGITS),
        image=DIGIT_SAMPLE,
        workspace=ACTIVATIONS,
        activations_page=ActivationsWorkspace.pages.index("Attribution"),
    )
    window = MainWindow(state)
    qtbot.addWidget(window)
    window.show()
    window.start_engine()
    yield window
    window.close()


def test_attribution_and_occlusion_of_a_digit_in_the_window(qtbot: QtBot, window: MainWindow) -> None:
    view, controller = window.findChild(AttributionView), window.findChild(ActivationsWorkspace).factory.attribution
    answers: list[Attribution] = []
    controller.attributionComputed.connect(answers.append)
    qtbot.waitUntil(lambda: window.controller.activations.result is not None)
    qtbot.mouseClick(view.findChild(QPushButton, "whyCompute"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(answers))
    assert (answers[0].layer, answers[0].label, answers[0].weights.trained) == ("layer3.2", "3", True)
    assert "Grad-CAM" in view.findChild(QLabel, "whyTitle").text()

    part = next(one for one in view.findChildren(QToolButton) if one.text() == "Occlusion test")
    qtbot.mouseClick(part, Qt.MouseButton.LeftButton)
    occlusion_maps: list[OcclusionMap] = []
    controller.occlusionUpdated.connect(occlusion_maps.append)
    qtbot.mouseClick(view.findChild(QPushButton, "sweepStart"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(occlusion_maps) and occlusion_maps[-1].computed == 49)
    overlay, occlusion = view.findChild(OverlayView, "sweepMap"), occlusion_maps[-1]
    qtbot.mouseClick(overlay, Qt.MouseButton.LeftButton, pos=pixel_center(overlay, 5, 5))
    occluder = window.controller.activations.spec.transforms.occluder
    assert occluder == occlusion.occluder(4, 4)

    def covered() -> bool:
        result = window.controller.activations.result
        return result is not None and result.spec.transforms.occluder == occluder

    qtbot.waitUntil(covered)
    result = window.controller.activations.result
    assert result is not None
    assert result.predictions is not None
    probabilities = {one.number: one.probability for one in result.predictions}
    assert probabilities[3] == pytest.approx(float(occlusion.probabilities[4, 4]), abs=1e-5)
    assert replace(result.spec, transforms=occlusion.spec.transforms) == occlusion.spec
