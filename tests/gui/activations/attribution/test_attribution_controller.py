"""What is asked about a class and when, with an engine whose answers the test gives by hand; then a real one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.attribution.controller import SWEEP, WHY, AttributionController
from resnet_studio.gui.activations.attribution.overlay import OverlayView
from resnet_studio.gui.activations.attribution.view import AttributionView
from resnet_studio.gui.app_controller import ACTIVATION_PAGES, ACTIVATIONS, AppController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.attribution import NOT_YET, Attribution, Sweep
from resnet_studio.inference.transforms import ImageTransforms, Occluder
from resnet_studio.inference.values import ForwardResult, ForwardSpec, Frame, Prediction, Preprocessing, WeightsInfo
from resnet_studio.inference.weights.bundled import A_DIGIT, DIGITS
from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.presets import preset

PATIENCE = 120_000  # milliseconds for torch to be imported on a busy machine
INFO = WeightsInfo("random, seed 0", False, Preprocessing(8, 8, (0.5,), (0.5,)), tuple("abcdefghij"))
SEEN = np.zeros((8, 8, 3), np.uint8)


class Engine(QObject):
    """Stands where the link with the engine is: keeps the newest question of each lane."""

    part, answer, error = Signal(str, int, object), Signal(str, int, object), Signal(str, int, object)
    state_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.questions: dict[str, tuple[Any, ...]] = {}

    def ask(self, lane: str, job: str, *arguments: Any, label: str = "") -> int:
        self.questions[lane] = job, *arguments
        return 0

    def cancel(self, lane: str) -> None:
        self.questions.pop(lane, None)

    def look(self, subject: ForwardSpec, *, brief: bool = False) -> None:
        predictions = (Prediction("d", 0.9, 3),)
        self.answer.emit(
            "look", 0, ForwardResult(subject, "00", Frame(4, 4, 8, 8), SEEN, INFO, (), 0.1, predictions, brief)
        )


class Bench:
    """A desk, and all that it has told."""

    def __init__(self) -> None:
        self.engine = Engine()
        kept = SessionState(architecture=to_json(preset(DIGITS)), image=A_DIGIT)
        work = EngineClient(self.engine)  # type: ignore[arg-type]
        self.studio = AppController(kept, work)
        self.desk = AttributionController(self.studio.subject, work)
        self.work = work
        self.told: list[object] = []
        self.running: list[tuple[bool, bool]] = []
        for signal in (self.desk.explained, self.desk.swept):
            signal.connect(self.told.append)
        self.desk.running_changed.connect(lambda *which: self.running.append(which))
        self.studio.begin()
        self.studio.enter(ACTIVATIONS)

    @property
    def subject(self) -> ForwardSpec:
        return self.studio.subject.subject

    def rest(self) -> None:
        """The newest look has come."""
        self.engine.look(self.subject)

    def asked(self, lane: str = WHY) -> tuple[Any, ...] | None:
        """What has been asked since the last time."""
        return self.engine.questions.pop(lane, None)


@pytest.fixture
def bench(qtbot: QtBot) -> Bench:
    return Bench()


def found(subject: ForwardSpec) -> Attribution:
    values = np.ones((2, 2), np.float32)
    return Attribution(subject, "grad-cam", "layer3.2", 3, "d", 0.9, values, values, SEEN, "00", INFO, 0.1)


def swept(subject: ForwardSpec, done: int) -> Sweep:
    winners = np.full((2, 2), NOT_YET, np.int32)
    winners.flat[:done] = 3
    probabilities = np.where(winners == NOT_YET, np.nan, 0.5).astype(np.float32)
    return Sweep(subject, 3, "d", 0.9, 3, 4, (0, 4), probabilities, winners, INFO.labels, SEEN, INFO, 0.1)


def test_nothing_is_computed_unless_asked_for(bench: Bench) -> None:
    bench.desk.enter(True)
    bench.desk.choose("saliency", "", None)
    bench.rest()
    assert bench.asked() is None
    assert bench.asked(SWEEP) is None


def test_a_question_is_of_what_is_looked_at_and_its_answer_is_told(bench: Bench) -> None:
    bench.desk.explain("grad-cam", "layer2.0", 5)
    assert bench.asked() == ("attribution", bench.subject, "grad-cam", "layer2.0", 5)
    answer = found(bench.subject)
    bench.engine.answer.emit(WHY, 0, answer)
    assert bench.told == [answer]
    assert bench.running == [(True, False), (False, False)]


def test_while_it_follows_every_image_that_rests_is_asked_for_once(bench: Bench) -> None:
    bench.desk.enter(True)
    bench.desk.choose("grad-cam", "", None)
    bench.desk.follow(True)
    assert bench.asked() == ("attribution", bench.subject, "grad-cam", "", None)
    bench.rest()
    assert bench.asked() is None  # of that it has been asked
    bench.studio.images.choose("sample:china")
    bench.rest()
    question = bench.asked()
    assert question is not None
    assert question[1].image == "sample:china"
    bench.studio.subject.turn(ImageTransforms(zoom=2), True)
    bench.engine.look(bench.subject, brief=True)
    assert bench.asked() is None  # the hand still moves
    bench.studio.subject.turn(ImageTransforms(zoom=2))
    bench.rest()
    question = bench.asked()
    assert question is not None
    assert question[1].handles == ImageTransforms(zoom=2)
    bench.desk.choose("saliency", "", 2)
    assert bench.asked() == ("attribution", bench.subject, "saliency", "", 2)
    bench.desk.follow(False)
    bench.studio.images.choose(A_DIGIT)
    bench.rest()
    assert bench.asked() is None


def test_it_follows_only_on_the_screen_and_catches_up_there(bench: Bench) -> None:
    bench.desk.choose("grad-cam", "", None)
    bench.desk.follow(True)
    bench.rest()
    assert bench.asked() is None
    bench.desk.enter(True)
    assert bench.asked() is not None
    bench.desk.enter(False)
    bench.studio.images.choose("sample:china")
    bench.rest()
    assert bench.asked() is None


def test_a_sweep_is_told_as_it_grows_and_its_cancel_ends_nothing_else(bench: Bench) -> None:
    bench.desk.explain("grad-cam", "", None)
    bench.desk.sweep(4, 4, None)
    assert bench.engine.questions[SWEEP] == ("sweep", bench.subject, 4, 4, None)
    parts = [swept(bench.subject, done) for done in (1, 3)]
    for part in parts:
        bench.engine.part.emit(SWEEP, 0, part)
    assert bench.told == parts
    bench.desk.cancel()
    assert SWEEP not in bench.engine.questions
    assert WHY in bench.engine.questions
    assert bench.running == [(True, False), (True, True), (True, False)]


@pytest.mark.parametrize("lane", [WHY, SWEEP])
def test_failures_and_a_cancel_of_all_end_what_ran(bench: Bench, lane: str) -> None:
    ends = (lambda: bench.engine.error.emit(lane, 0, ValueError("no")), bench.work.cancel)
    for end in ends:
        bench.desk.explain("grad-cam", "", None) if lane == WHY else bench.desk.sweep(4, 4, None)
        assert any(bench.running[-1])
        end()
        assert bench.running[-1] == (False, False)


def test_covering_a_position_turns_the_occluder_handle_alone(bench: Bench) -> None:
    bench.studio.subject.turn(ImageTransforms(zoom=2))
    bench.desk.cover(Occluder(0.25, 0.75, 0.5))
    assert bench.subject.handles == ImageTransforms(zoom=2, occluder=Occluder(0.25, 0.75, 0.5))


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    kept = SessionState(
        architecture=to_json(preset(DIGITS)),
        image=A_DIGIT,
        workspace=ACTIVATIONS,
        activations_page=ACTIVATION_PAGES.index("Why"),
    )
    window = MainWindow(kept)
    qtbot.addWidget(window)
    window.show()
    window.start_engine()
    yield window
    window.close()


def test_a_digit_is_explained_swept_and_covered_in_the_window(qtbot: QtBot, window: MainWindow) -> None:
    view, desk = window.findChild(AttributionView), window.activations._why
    answers: list[Attribution] = []
    desk.explained.connect(answers.append)
    qtbot.waitUntil(lambda: window.studio.subject.look is not None, timeout=PATIENCE)
    qtbot.mouseClick(view.findChild(QPushButton, "whyCompute"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(answers), timeout=PATIENCE)
    assert (answers[0].layer, answers[0].label, answers[0].weights.trained) == ("layer3.2", "3", True)
    assert "Grad-CAM" in view.findChild(QLabel, "whyTitle").text()

    part = next(one for one in view.findChildren(QToolButton) if one.text() == "What would flip it")
    qtbot.mouseClick(part, Qt.MouseButton.LeftButton)
    sweeps: list[Sweep] = []
    desk.swept.connect(sweeps.append)
    qtbot.mouseClick(view.findChild(QPushButton, "sweepStart"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(sweeps) and sweeps[-1].done == 49, timeout=PATIENCE)
    place, sweep = view.findChild(OverlayView, "sweepMap"), sweeps[-1]
    qtbot.mouseClick(place, Qt.MouseButton.LeftButton, pos=place.centre(5, 5))
    occluder = window.studio.subject.subject.handles.occluder
    assert occluder == sweep.occluder(4, 4)

    def covered() -> bool:
        look = window.studio.subject.look
        return look is not None and look.subject.handles.occluder == occluder

    qtbot.waitUntil(covered, timeout=PATIENCE)
    look = window.studio.subject.look
    assert look is not None
    assert look.predictions is not None
    probabilities = {one.number: one.probability for one in look.predictions}
    assert probabilities[3] == pytest.approx(float(sweep.probabilities[4, 4]), abs=1e-5)
    assert replace(look.subject, handles=sweep.subject.handles) == sweep.subject
