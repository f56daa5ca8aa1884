"""What is accumulated over results and requested, with a fake engine whose answers each test emits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from fake_engine import FakeEngine
from resnet_studio.gui.activations.maps.controller import ReferenceController
from resnet_studio.gui.activations.statistics.controller import StatisticsController
from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.channel_statistics import ChannelStatistics, LayerStatistics, statistics
from resnet_studio.inference.feature_maps import layer_maps
from resnet_studio.inference.transforms import ImageTransforms
from resnet_studio.inference.values import SAMPLES, ForwardResult, Frame, Preprocessing, WeightsInfo
from resnet_studio.networks.presets import preset

LAYER, OTHER = "layer1.0.relu1", "layer2.0.relu1"
SMALL = preset("resnet20-cifar")
INFO = WeightsInfo("random, seed 0", False, Preprocessing(224, 224, (0.5,) * 3, (0.2,) * 3), ("class 0",))


class StatisticsHarness:
    """The controllers on a fake engine, and what they have emitted."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.app = AppController(SessionState(architecture=SMALL, layer=LAYER), self.engine)
        self.controller = StatisticsController(self.app.activations, self.app.images, self.engine)
        self.reference = ReferenceController(self.app.activations, self.engine)
        self.accumulated: list[ChannelStatistics | None] = []
        self.layer_statistics: list[LayerStatistics | None] = []
        self.running: list[int] = []
        self.controller.accumulatedChanged.connect(self.accumulated.append)
        self.controller.layerStatisticsChanged.connect(self.layer_statistics.append)
        self.controller.runningChanged.connect(self.running.append)
        self.app.start()

    def emit_result(
        self, values: float = 1.0, *, image: str = "00", layer: str = "", preview: bool = False
    ) -> ForwardResult:
        maps = (layer_maps(layer or self.app.activations.layer, np.full((3, 2, 2), values, np.float32)),)
        pixels = np.zeros((2, 2, 3), np.uint8)
        result = ForwardResult(
            self.app.activations.spec, image, Frame(1, 1, 2, 2), pixels, INFO, maps, 0.1, (), preview
        )
        self.app.activations.result = result
        self.app.activations.forwardFinished.emit(result)
        return result

    @property
    def images(self) -> int:
        return self.accumulated[-1].images if self.accumulated[-1] else 0


@pytest.fixture
def harness(qapp: object) -> Iterator[StatisticsHarness]:
    harness = StatisticsHarness()
    yield harness
    harness.app.close()


def test_an_image_counts_once_with_the_same_transforms(harness: StatisticsHarness) -> None:
    harness.emit_result(0.0, image="aa")
    harness.emit_result(0.0, image="aa")
    assert harness.images == 1
    harness.emit_result(2.0, image="bb")
    assert harness.images == 2
    assert harness.accumulated[-1] is not None
    assert harness.accumulated[-1].mean.tolist() == [1, 1, 1]
    assert harness.accumulated[-1].active_images.tolist() == [1, 1, 1]
    harness.app.activations.set_transforms(ImageTransforms(brightness=2))
    harness.emit_result(4.0, image="aa")
    assert harness.images == 3


def test_previews_do_not_count(harness: StatisticsHarness) -> None:
    harness.emit_result(image="aa")
    for brightness in (1.1, 1.2):
        harness.app.activations.set_transforms(ImageTransforms(brightness=brightness), moving=True)
        harness.emit_result(preview=True)
    assert harness.images == 1


def test_each_layer_counts_its_own_images_and_another_network_starts_again(harness: StatisticsHarness) -> None:
    harness.emit_result(image="aa")
    harness.emit_result(image="bb")
    harness.app.activations.set_layer(OTHER)
    assert harness.accumulated[-1] is None
    harness.emit_result(image="bb")
    assert harness.images == 1
    harness.app.activations.set_layer(LAYER)
    assert harness.images == 2
    harness.app.session.set_architecture(preset("plain20-cifar"))
    harness.emit_result(image="aa")
    assert harness.images == 1


def test_running_all_images_belongs_to_layer_network_and_transforms(harness: StatisticsHarness) -> None:
    harness.controller.run_all_images()
    (request,) = harness.engine.requests_of("layer_statistics")
    assert request == ("layer_statistics", harness.app.activations.spec, SAMPLES, LAYER)
    assert harness.running == [len(SAMPLES)]
    all_images = LayerStatistics(LAYER, statistics(np.ones((3, 2, 2), np.float32)), ())
    harness.engine.answer("layer_statistics", all_images)
    assert harness.running == [len(SAMPLES), 0]
    assert harness.layer_statistics[-1] is all_images
    harness.app.images.select("sample:flower")
    assert harness.layer_statistics[-1] is all_images
    harness.app.activations.set_layer(OTHER)
    assert harness.layer_statistics[-1] is None
    harness.app.activations.set_layer(LAYER)
    assert harness.layer_statistics[-1] is all_images
    harness.app.activations.set_transforms(ImageTransforms(zoom=2))
    assert harness.layer_statistics[-1] is None


def test_running_all_images_ends_with_a_cancel_and_with_an_error(harness: StatisticsHarness) -> None:
    harness.controller.run_all_images()
    harness.app.cancel()
    assert "layer_statistics" not in harness.engine.pending
    assert harness.running[-1] == 0
    harness.controller.run_all_images()
    harness.engine.fail("layer_statistics", ValueError("no"))
    assert harness.running == [len(SAMPLES), 0] * 2
    assert not any(harness.layer_statistics)


def test_the_reference_is_requested_once_for_a_layer_that_it_lacks(harness: StatisticsHarness) -> None:
    emitted: list[ForwardResult] = []
    harness.reference.referenceChanged.connect(emitted.append)
    harness.reference.request_layer(LAYER)
    harness.reference.set_current()
    assert not emitted
    result = harness.emit_result(image="aa")
    harness.reference.set_current()
    assert emitted == [result]
    harness.app.images.select("sample:flower")
    for _ in range(2):
        harness.reference.request_layer(OTHER)
    harness.reference.request_layer("layer9")
    assert harness.engine.requests_of("reference") == [("forward", result.spec, (OTHER,), False)]
    maps = (layer_maps(OTHER, np.ones((3, 1, 1), np.float32)),)
    answer = ForwardResult(result.spec, "aa", result.frame, result.model_input, INFO, maps, 0.1)
    harness.engine.answer("reference", answer)
    assert [layer.name for layer in emitted[-1].layers] == [LAYER, OTHER]
    assert emitted[-1].spec == result.spec
