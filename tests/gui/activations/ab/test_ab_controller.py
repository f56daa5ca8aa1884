"""What is asked for the second side and when, with an engine whose answers the test gives by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QObject, Signal

from resnet_studio.gui.activations.ab.controller import ABController
from resnet_studio.gui.app_controller import ACTIVATIONS, AppController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.ab import ABPair, SideBOverrides
from resnet_studio.inference.errors import Remedy, WeightsError, WeightsMismatch
from resnet_studio.inference.feature_maps import layer_maps
from resnet_studio.inference.transforms import ImageTransforms
from resnet_studio.inference.values import (
    ForwardResult,
    ForwardSpec,
    Frame,
    Preprocessing,
    RandomWeights,
    WeightsFile,
    WeightsInfo,
)
from resnet_studio.inference.weights.bundled import shipped_weights
from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.presets import preset

INFO = WeightsInfo("random, seed 0", False, Preprocessing(224, 224, (0.5,) * 3, (0.2,) * 3), ("class 0",))


class Engine(QObject):
    """Stands where the link with the engine is: keeps the newest question of each lane."""

    part, answer, error = Signal(str, int, object), Signal(str, int, object), Signal(str, int, object)
    state_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.questions: dict[str, tuple[Any, ...]] = {}
        self.asked: list[str] = []

    def ask(self, lane: str, job: str, *arguments: Any, label: str = "") -> int:
        self.questions[lane] = arguments
        self.asked.append(lane)
        return len(self.asked)

    def cancel(self, lane: str) -> None:
        self.questions.pop(lane, None)

    def look(self, lane: str) -> ForwardResult:
        """Answer the lane's question as the engine would."""
        subject, layers, brief = self.questions.pop(lane)
        maps = tuple(layer_maps(name, np.ones((2, 3, 3), np.float32)) for name in layers)
        pixels = np.zeros((2, 2, 3), np.uint8)
        look = ForwardResult(subject, "00", Frame(1, 1, 2, 2), pixels, INFO, maps, 0.1, (), brief)
        self.answer.emit(lane, 0, look)
        return look

    def fail(self, lane: str, error: Exception) -> None:
        self.questions.pop(lane)
        self.error.emit(lane, 0, error)


class Bench:
    """A desk, and all that it has told."""

    def __init__(self, kept: SessionState) -> None:
        self.engine = Engine()
        work = EngineClient(self.engine)  # type: ignore[arg-type]
        self.studio = AppController(kept, work)
        self.problems: list[str] = []
        self.studio.problem.connect(lambda sentence, *_: self.problems.append(sentence))
        self.desk = ABController(self.studio, work)
        self.pairs: list[ABPair] = []
        self.refusals: list[tuple[str, tuple[tuple[str, SideBOverrides], ...]]] = []
        self.awaited: list[ABPair] = []
        self.desk.awaited.connect(self.awaited.append)
        self.told: list[tuple[SideBOverrides, ForwardSpec]] = []
        self.desk.paired.connect(self.pairs.append)
        self.desk.refused.connect(lambda *one: self.refusals.append(one))
        self.desk.beside_changed.connect(lambda *one: self.told.append(one))
        self.studio.begin()
        self.studio.enter(ACTIVATIONS)
        self.desk.enter(True)

    def question(self) -> tuple[ForwardSpec, tuple[str, ...], bool]:
        return self.engine.questions["beside"]  # type: ignore[return-value]


def kept(**changes: Any) -> SessionState:
    return SessionState(architecture=to_json(preset("resnet34")), layer="layer2.3", **changes)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench(kept(beside={"architecture": to_json(preset("plain34"))}))
    yield bench
    bench.studio.close()


def test_the_second_side_is_asked_after_the_first_and_shown_with_it(bench: Bench) -> None:
    assert "beside" not in bench.engine.questions
    first = bench.engine.look("look")
    subject, layers, brief = bench.question()
    assert (subject, layers, brief) == (replace(first.subject, architecture=preset("plain34")), ("layer2.3",), False)
    assert bench.pairs == []
    other = bench.engine.look("beside")
    assert [(pair.a, pair.b, pair.layer) for pair in bench.pairs] == [(first, other, "layer2.3")]


def test_another_layer_is_asked_by_its_counterpart(bench: Bench) -> None:
    bench.engine.look("look")
    bench.engine.look("beside")
    bench.studio.subject.choose_layer("layer3.0.add")
    bench.engine.look("look")
    assert bench.question()[1] == ("layer3.0.bn2",)
    bench.engine.look("beside")
    assert bench.pairs[-1].counterpart == "layer3.0.bn2"
    assert [maps.name for maps in bench.pairs[-1].maps if maps] == ["layer3.0.add", "layer3.0.bn2"]


def test_a_layer_without_counterpart_is_asked_for_predictions_alone(bench: Bench) -> None:
    bench.studio.subject.choose_layer("layer2.0.downsample.1")
    bench.engine.look("look")
    assert bench.question()[1] == ()
    bench.engine.look("beside")
    assert bench.pairs[-1].maps[1] is None


def test_a_moving_hand_has_one_look_under_way_and_the_newest_next(bench: Bench) -> None:
    bench.engine.look("look")
    bench.engine.look("beside")
    asked = bench.engine.asked.count("beside")
    turn = bench.studio.subject.turn
    turn(ImageTransforms(zoom=1.1), True)
    first = bench.engine.look("look 0")
    assert bench.question()[0].handles.zoom == 1.1
    assert bench.question()[2]
    for zoom in (1.2, 1.3):
        turn(ImageTransforms(zoom=zoom), True)
        newest = bench.engine.look("look 0" if "look 0" in bench.engine.questions else "look 1")
    assert bench.engine.asked.count("beside") == asked + 1
    bench.engine.look("beside")
    assert bench.pairs[-1].a is first
    assert bench.question()[0].handles.zoom == 1.3
    bench.engine.look("beside")
    assert bench.pairs[-1].a is newest
    assert all(pair.a.subject.handles == pair.b.subject.handles for pair in bench.pairs)
    turn(ImageTransforms(zoom=1.3), False)
    bench.engine.look("look")
    assert not bench.question()[2]


def test_nothing_is_asked_while_the_page_is_away(bench: Bench) -> None:
    bench.desk.enter(False)
    bench.engine.look("look")
    assert "beside" not in bench.engine.questions
    bench.desk.enter(True)
    assert bench.question()[0].architecture == preset("plain34")


def test_coming_back_to_what_is_there_asks_nothing_again(bench: Bench) -> None:
    bench.engine.look("look")
    other = bench.engine.look("beside")
    bench.desk.enter(False)
    bench.desk.enter(True)
    assert "beside" not in bench.engine.questions
    assert [pair.b for pair in bench.pairs] == [other, other]


def test_a_side_that_does_not_differ_is_not_asked_for(bench: Bench) -> None:
    bench.desk.choose(SideBOverrides())
    look = bench.engine.look("look")
    assert "beside" not in bench.engine.questions
    assert bench.pairs[-1].a is bench.pairs[-1].b is look


def test_what_is_chosen_is_kept(bench: Bench) -> None:
    bench.desk.choose(SideBOverrides(weights=RandomWeights(7), image="sample:flower"))
    assert bench.studio.session.kept.beside == {"weights": {"seed": 7}, "image": "sample:flower"}
    assert bench.told[-1] == (
        SideBOverrides(weights=RandomWeights(7), image="sample:flower"),
        bench.studio.subject.subject,
    )


def test_a_session_that_was_tampered_with_puts_nothing_beside() -> None:
    bench = Bench(kept(beside={"architecture": "plain34", "weights": [1], "image": 4}))
    look = bench.engine.look("look")
    assert [(pair.a, pair.b) for pair in bench.pairs] == [(look, look)]
    bench.studio.close()


def test_a_start_downloads_nothing() -> None:
    bench = Bench(kept(beside={"weights": {"model": "resnet34", "name": "IMAGENET1K_V1"}, "image": "sample:flower"}))
    bench.engine.look("look")
    assert bench.question()[0] == ForwardSpec("sample:flower", preset("resnet34"))
    bench.studio.close()


def test_refused_weights_are_told_in_their_place_and_the_first_side_keeps_its_own(bench: Bench) -> None:
    file = WeightsFile(Path("/weights/other.pth"))
    bench.engine.look("look")
    bench.desk.choose(SideBOverrides(weights=file))
    assert bench.question()[0].weights == file
    remedies = (Remedy("all but the head", replace(file, head=False), preset("resnet34")),
                Remedy("switch", file, preset("resnet18")))  # fmt: skip
    differing = (("fc.weight", (10, 512), (1000, 512)),)
    bench.engine.fail("beside", WeightsMismatch("other.pth", (), (), differing, "fc", None, remedies))
    sentence, offers = bench.refusals[-1]
    assert sentence.startswith("other.pth does not fit this network")
    assert offers == (
        ("all but the head", SideBOverrides(weights=replace(file, head=False))),
        ("switch", SideBOverrides(preset("resnet18"), file)),
    )
    assert bench.awaited[-1].a is bench.awaited[-1].b is bench.studio.subject.look
    assert bench.studio.subject.subject.weights == RandomWeights()
    assert bench.problems == []


def test_a_refused_side_waits_until_the_hand_rests(bench: Bench) -> None:
    bench.engine.look("look")
    bench.engine.fail("beside", WeightsError("net.pth", "is gone"))
    assert bench.refusals[-1] == ("net.pth is gone", ())
    bench.studio.subject.turn(ImageTransforms(zoom=1.1), True)
    bench.engine.look("look 0")
    assert "beside" not in bench.engine.questions
    bench.studio.subject.turn(ImageTransforms(zoom=1.1), False)
    bench.engine.look("look")
    assert bench.question()[0].handles.zoom == 1.1


def test_after_a_cancel_the_same_can_be_asked_again(bench: Bench) -> None:
    bench.engine.look("look")
    bench.studio.cancel()
    assert "beside" not in bench.engine.questions
    bench.studio.enter(ACTIVATIONS)
    bench.engine.look("look")
    assert "beside" in bench.engine.questions


def test_sides_are_exchanged(bench: Bench) -> None:
    bench.desk.choose(SideBOverrides(preset("resnet50"), RandomWeights(4), "sample:flower"))
    bench.studio.subject.choose_layer("layer1.0.relu2")
    bench.engine.look("look")
    before = bench.studio.subject.subject
    bench.desk.swap()
    subject = bench.studio.subject.subject
    assert subject == ForwardSpec("sample:flower", preset("resnet50"), RandomWeights(4))
    assert bench.studio.subject.layer == "layer1.0.relu3"
    bench.engine.look("look")
    assert bench.question()[:2] == (before, ("layer1.0.relu2",))
    bench.desk.swap()
    assert bench.studio.subject.subject == before


def test_the_second_side_is_taken_in_hand(bench: Bench) -> None:
    bench.desk.choose(SideBOverrides(preset("resnet20-digits"), shipped_weights(preset("resnet20-digits"))))
    bench.desk.take_in_hand()
    assert bench.studio.session.architecture == preset("resnet20-digits")
    assert bench.studio.subject.subject.weights == shipped_weights(preset("resnet20-digits"))
    assert bench.studio.session.kept.beside == {}
    bench.studio.session.undo()
    assert bench.studio.session.architecture == preset("resnet34")


def test_a_network_comes_from_a_file(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    path.write_text('{"kind": "baseline", "name": "alexnet"}')
    bench.desk.open_architecture(str(path))
    assert bench.told[-1][0].architecture == preset("alexnet")
    path.write_text("{")
    bench.desk.open_architecture(str(path))
    assert "net.json" in bench.refusals[-1][0]
    assert bench.told[-1][0].architecture == preset("alexnet")
