"""What is added up over looks and asked of the engine, with an engine whose answers the test gives by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QObject, Signal

from resnet_studio.gui.activations.maps.controller import ReferenceController
from resnet_studio.gui.activations.statistics.controller import StatisticsController
from resnet_studio.gui.app_controller import ACTIVATIONS, AppController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.channel_statistics import ChannelStatistics, LayerStatistics, statistics
from resnet_studio.inference.feature_maps import layer_maps
from resnet_studio.inference.transforms import ImageTransforms
from resnet_studio.inference.values import SAMPLES, ForwardResult, Frame, Preprocessing, WeightsInfo
from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.presets import preset

LAYER, OTHER = "layer1.0.relu1", "layer2.0.relu1"
SMALL = preset("resnet20-cifar")
INFO = WeightsInfo("random, seed 0", False, Preprocessing(224, 224, (0.5,) * 3, (0.2,) * 3), ("class 0",))


class Engine(QObject):
    """Stands where the link with the engine is."""

    part, answer, error = Signal(str, int, object), Signal(str, int, object), Signal(str, int, object)
    state_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Any, ...]] = []
        self.cancelled: list[str] = []

    def ask(self, lane: str, job: str, *arguments: Any, label: str = "") -> int:
        self.asked.append((lane, job, *arguments))
        return len(self.asked)

    def cancel(self, lane: str) -> None:
        self.cancelled.append(lane)

    def questions(self, lane: str) -> list[tuple[Any, ...]]:
        return [one for one in self.asked if one[0] == lane]


class Bench:
    """The desks, and what they have told."""

    def __init__(self) -> None:
        self.engine = Engine()
        work = EngineClient(self.engine)  # type: ignore[arg-type]
        self.studio = AppController(SessionState(architecture=to_json(SMALL), layer=LAYER, workspace=ACTIVATIONS), work)
        self.desk = StatisticsController(self.studio.subject, self.studio.images, work)
        self.reference = ReferenceController(self.studio.subject, work)
        self.seen: list[ChannelStatistics | None] = []
        self.surveys: list[LayerStatistics | None] = []
        self.running: list[int] = []
        self.desk.seen_changed.connect(self.seen.append)
        self.desk.surveyed.connect(self.surveys.append)
        self.desk.running_changed.connect(self.running.append)
        self.studio.begin()

    def look(self, values: float = 1.0, *, image: str = "00", layer: str = "", brief: bool = False) -> ForwardResult:
        maps = (layer_maps(layer or self.studio.subject.layer, np.full((3, 2, 2), values, np.float32)),)
        pixels = np.zeros((2, 2, 3), np.uint8)
        look = ForwardResult(self.studio.subject.subject, image, Frame(1, 1, 2, 2), pixels, INFO, maps, 0.1, (), brief)
        self.engine.answer.emit("look", 0, look)
        return look

    @property
    def images(self) -> int:
        return self.seen[-1].images if self.seen[-1] else 0


@pytest.fixture
def bench(qapp: object) -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.studio.close()


def test_an_image_counts_once_with_the_same_handles(bench: Bench) -> None:
    bench.look(0.0, image="aa")
    bench.look(0.0, image="aa")
    assert bench.images == 1
    bench.look(2.0, image="bb")
    assert bench.images == 2
    assert bench.seen[-1] is not None
    assert bench.seen[-1].mean.tolist() == [1, 1, 1]
    assert bench.seen[-1].alive.tolist() == [1, 1, 1]
    bench.studio.subject.turn(ImageTransforms(brightness=2))
    bench.look(4.0, image="aa")
    assert bench.images == 3


def test_what_goes_by_while_a_hand_moves_does_not_count(bench: Bench) -> None:
    bench.look(image="aa")
    for brightness in (1.1, 1.2):
        bench.studio.subject.turn(ImageTransforms(brightness=brightness), moving=True)
        bench.look(brief=True)
    assert bench.images == 1


def test_each_layer_has_its_own_images_and_another_network_begins_anew(bench: Bench) -> None:
    bench.look(image="aa")
    bench.look(image="bb")
    bench.studio.subject.choose_layer(OTHER)
    assert bench.seen[-1] is None
    bench.look(image="bb")
    assert bench.images == 1
    bench.studio.subject.choose_layer(LAYER)
    assert bench.images == 2
    bench.studio.session.take(preset("plain20-cifar"))
    bench.look(image="aa")
    assert bench.images == 1


def test_a_survey_asks_for_every_image_and_belongs_to_layer_network_and_handles(bench: Bench) -> None:
    bench.desk.look_at_all()
    (question,) = bench.engine.questions("survey")
    assert question[1:] == ("survey", bench.studio.subject.subject, SAMPLES, LAYER)
    assert bench.running == [len(SAMPLES)]
    survey = LayerStatistics(LAYER, statistics(np.ones((3, 2, 2), np.float32)), ())
    bench.engine.answer.emit("survey", 0, survey)
    assert bench.running == [len(SAMPLES), 0]
    assert bench.surveys[-1] is survey
    bench.studio.images.choose("sample:flower")
    assert bench.surveys[-1] is survey
    bench.studio.subject.choose_layer(OTHER)
    assert bench.surveys[-1] is None
    bench.studio.subject.choose_layer(LAYER)
    assert bench.surveys[-1] is survey
    bench.studio.subject.turn(ImageTransforms(zoom=2))
    assert bench.surveys[-1] is None


def test_a_survey_ends_with_a_cancel_and_with_an_error(bench: Bench) -> None:
    bench.desk.look_at_all()
    bench.studio.cancel()
    assert "survey" in bench.engine.cancelled
    assert bench.running[-1] == 0
    bench.desk.look_at_all()
    bench.engine.error.emit("survey", 0, ValueError("no"))
    assert bench.running[-1] == 0
    bench.engine.answer.emit("survey", 0, LayerStatistics(LAYER, None, ()))
    assert bench.surveys[-1] is None


def test_the_reference_is_asked_once_for_a_layer_that_it_lacks(bench: Bench) -> None:
    told: list[ForwardResult] = []
    bench.reference.reference_changed.connect(told.append)
    bench.reference.need(LAYER)
    bench.reference.keep()
    assert not told
    look = bench.look(image="aa")
    bench.reference.keep()
    assert told == [look]
    bench.studio.images.choose("sample:flower")
    for _ in range(2):
        bench.reference.need(OTHER)
    bench.reference.need("layer9")
    assert bench.engine.questions("reference") == [("reference", "look", look.subject, (OTHER,), False)]
    maps = (layer_maps(OTHER, np.ones((3, 1, 1), np.float32)),)
    answer = ForwardResult(look.subject, "aa", look.frame, look.seen, INFO, maps, 0.1)
    bench.engine.answer.emit("reference", 0, answer)
    assert [layer.name for layer in told[-1].layers] == [LAYER, OTHER]
    assert told[-1].subject == look.subject
