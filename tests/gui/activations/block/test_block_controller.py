"""What the Block tab requests and when, with a fake engine whose answers each test emits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from block_values import block_responses
from fake_engine import FakeEngine
from resnet_studio.gui.activations.block.controller import BlockController
from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.counterparts import Responses, TrainedWeights
from resnet_studio.inference.errors import WeightsError
from resnet_studio.inference.transforms import ImageTransforms
from resnet_studio.inference.values import ForwardSpec, RandomWeights, WeightsFile, WeightsSource
from resnet_studio.inference.weights.bundled import bundled_weights
from resnet_studio.networks.block_tensors import BlockTensors
from resnet_studio.networks.presets import preset

DIGITS, PLAIN = preset("resnet20-digits"), preset("plain20-digits")


class BlockHarness:
    """A controller on a fake engine, and all that it has emitted."""

    def __init__(
        self, qtbot: QtBot, architecture: str, layer: str = "relu", weights: WeightsSource | None = None
    ) -> None:
        self.qtbot, self.engine = qtbot, FakeEngine()
        state = SessionState(
            architecture=preset(architecture),
            layer=layer,
            image="sample:digit-3",
            weights=weights or RandomWeights(),
        )
        self.app = AppController(state, self.engine)
        self.controller = BlockController(self.app.activations, self.engine)
        self.blocks: list[BlockTensors | None] = []
        self.measured: list[tuple[Responses, ...]] = []
        self.choices: list[tuple[tuple[TrainedWeights, ...], object]] = []
        self.controller.blockChanged.connect(lambda _, tensors: self.blocks.append(tensors))
        self.controller.responsesMeasured.connect(self.measured.append)
        self.controller.weightsChoicesChanged.connect(lambda *choices: self.choices.append(choices))
        self.app.start()
        self.app.activations.set_visible(True)

    def wait_for_request(self, lane: str, count: int) -> tuple[Any, ...]:
        """Wait for that many requests in the lane, and return the last."""
        self.qtbot.waitUntil(lambda: len(self.engine.requests_of(lane)) >= count)
        assert len(self.engine.requests_of(lane)) == count
        return self.engine.requests_of(lane)[-1]

    def wait_for_timer(self) -> None:
        """Wait until the timer of the controller has run out."""
        timer = self.controller.findChild(QTimer)
        assert timer is not None
        self.qtbot.waitUntil(lambda: not timer.isActive())

    def layers(self) -> tuple[str, ...]:
        """The layers of the newest forward request."""
        job, _, layers, _ = self.engine.pending["forward"]
        assert job == "forward"
        return layers  # type: ignore[no-any-return]


@pytest.fixture
def harness(qtbot: QtBot) -> Iterator[BlockHarness]:
    harness = BlockHarness(qtbot, "resnet20-digits", "layer2.1.bn1")
    yield harness
    harness.app.close()


def test_the_block_around_the_selected_layer_is_requested_while_the_view_is_visible(harness: BlockHarness) -> None:
    assert harness.layers() == ("layer2.1.bn1",)
    harness.controller.set_visible(True)
    terms = ("layer2.0.relu2", "layer2.1.bn2", "layer2.1.add", "layer2.1.relu2")
    assert harness.layers() == ("layer2.1.bn1", *terms)
    assert harness.blocks[-1] is not None
    assert harness.blocks[-1].block == "layer2.1"
    harness.controller.set_visible(False)
    assert harness.layers() == ("layer2.1.bn1",)


def test_selecting_a_block_selects_its_output_layer(harness: BlockHarness) -> None:
    harness.controller.set_visible(True)
    harness.controller.select_block("layer3.0")
    assert harness.app.activations.layer == "layer3.0.relu2"
    assert set(harness.layers()) == {"layer3.0.relu2", "layer3.0.add", "layer3.0.bn2", "layer3.0.downsample"}
    assert harness.blocks[-1] is not None
    assert harness.blocks[-1].block == "layer3.0"


def test_a_block_that_the_network_lacks_is_ignored(harness: BlockHarness) -> None:
    harness.controller.set_visible(True)
    before = harness.app.activations.layer
    harness.controller.select_block("layer4.2")
    assert harness.app.activations.layer == before


def test_the_network_and_its_counterpart_are_measured_once(harness: BlockHarness) -> None:
    harness.controller.set_visible(True)
    job, specs = harness.wait_for_request("responses", 1)
    assert job == "responses"
    assert [spec.architecture for spec in specs] == [DIGITS, PLAIN]
    assert [spec.weights for spec in specs] == [bundled_weights(DIGITS), bundled_weights(PLAIN)]
    answer = block_responses(specs[0])
    harness.engine.answer("responses", answer)
    assert harness.measured == [answer]
    harness.controller.select_block("layer3.0")
    harness.controller.set_visible(False)
    harness.controller.set_visible(True)
    harness.wait_for_timer()
    harness.wait_for_request("responses", 1)


def test_changed_transforms_are_measured_once_they_stop_changing(harness: BlockHarness) -> None:
    harness.controller.set_visible(True)
    harness.wait_for_request("responses", 1)
    for angle in range(3):
        harness.app.activations.set_transforms(ImageTransforms(rotation=angle + 1.0))
    _, specs = harness.wait_for_request("responses", 2)
    assert {spec.transforms for spec in specs} == {ImageTransforms(rotation=3.0)}


def test_nothing_is_measured_while_the_view_is_hidden(harness: BlockHarness) -> None:
    harness.controller.set_visible(True)
    harness.controller.set_visible(False)
    harness.app.activations.set_transforms(ImageTransforms(rotation=9.0))
    harness.wait_for_timer()
    assert harness.engine.requests_of("responses") == []


def test_a_network_without_blocks_emits_no_block(harness: BlockHarness) -> None:
    harness.controller.set_visible(True)
    harness.wait_for_request("responses", 1)
    harness.app.session.set_architecture(preset("vgg19"))
    assert harness.blocks[-1] is None
    assert harness.layers() == (harness.app.activations.layer,)
    harness.wait_for_timer()
    harness.wait_for_request("responses", 1)


def test_article18_is_measured_without_a_counterpart(harness: BlockHarness) -> None:
    harness.app.session.set_architecture(preset("article18"))
    harness.controller.set_visible(True)
    _, (spec,) = harness.wait_for_request("responses", 1)
    assert spec.architecture == preset("article18")


def test_a_failed_request_is_repeated_only_when_the_view_is_shown_again(harness: BlockHarness) -> None:
    harness.controller.set_visible(True)
    harness.wait_for_request("responses", 1)
    harness.engine.fail("responses", WeightsError("x.pth", "is damaged"))
    harness.controller.select_block("layer3.0")
    harness.wait_for_timer()
    harness.wait_for_request("responses", 1)
    harness.controller.set_visible(False)
    harness.controller.set_visible(True)
    harness.wait_for_request("responses", 2)


def test_weights_from_a_file_offer_a_choice_for_the_counterpart(qtbot: QtBot, tmp_path: Path) -> None:
    mine = tmp_path / "mine.pth"
    harness = BlockHarness(qtbot, "resnet20-digits", weights=WeightsFile(mine))
    harness.controller.set_visible(True)
    assert harness.wait_for_request("available_weights", 1) == ("available_weights", PLAIN)
    run = TrainedWeights("plain-1, 330 steps", WeightsFile(tmp_path / "plain.safetensors"))
    own = TrainedWeights("bundled weights", WeightsFile(tmp_path / "own.safetensors"))
    harness.engine.answer("available_weights", (run, own))
    assert harness.choices[-1] == ((run, own), run.weights)
    assert weights(harness.wait_for_request("responses", 1)) == [WeightsFile(mine), run.weights]
    harness.controller.set_counterpart_weights(own.weights)
    assert weights(harness.wait_for_request("responses", 2)) == [WeightsFile(mine), own.weights]
    harness.controller.set_counterpart_weights(None)
    assert weights(harness.wait_for_request("responses", 3)) == [WeightsFile(mine), RandomWeights()]
    assert harness.choices[-1] == ((run, own), RandomWeights())
    harness.app.activations.set_transforms(ImageTransforms(zoom=2.0))
    assert weights(harness.wait_for_request("responses", 4)) == [WeightsFile(mine), RandomWeights()]
    harness.app.weights.set_weights(RandomWeights(5))
    assert weights(harness.wait_for_request("responses", 5)) == [RandomWeights(5), RandomWeights(5)]
    assert harness.choices[-1] == ((), None)
    harness.app.close()


def test_without_runs_the_counterpart_has_random_weights(qtbot: QtBot, tmp_path: Path) -> None:
    harness = BlockHarness(qtbot, "resnet18", "layer1.0", weights=WeightsFile(tmp_path / "resnet18.pth"))
    harness.controller.set_visible(True)
    harness.wait_for_request("available_weights", 1)
    harness.engine.answer("available_weights", ())
    assert harness.choices[-1] == ((), RandomWeights())
    assert weights(harness.wait_for_request("responses", 1))[1] == RandomWeights()
    harness.app.close()


def weights(request: tuple[str, tuple[ForwardSpec, ...]]) -> list[object]:
    return [spec.weights for spec in request[1]]
