"""What is asked for the Block page and when, with an engine whose answers the test gives by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject, QTimer, Signal
from pytestqt.qtbot import QtBot

from block_values import measured
from resnet_studio.gui.activations.block.controller import AT_HAND, LANE, BlockController
from resnet_studio.gui.app_controller import ACTIVATIONS, AppController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.counterparts import Responses, TrainedWeights
from resnet_studio.inference.errors import WeightsError
from resnet_studio.inference.transforms import ImageTransforms
from resnet_studio.inference.values import ForwardSpec, RandomWeights, WeightsFile
from resnet_studio.inference.weights.bundled import shipped_weights
from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.block_tensors import BlockTensors
from resnet_studio.networks.presets import preset

DIGITS, PLAIN = preset("resnet20-digits"), preset("plain20-digits")


class Engine(QObject):
    """Stands where the link with the engine is: keeps every question of each lane."""

    part, answer, error = Signal(str, int, object), Signal(str, int, object), Signal(str, int, object)
    state_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[str, list[tuple[Any, ...]]] = {}

    def ask(self, lane: str, job: str, *arguments: Any, label: str = "") -> int:
        self.asked.setdefault(lane, []).append((job, *arguments))
        return 0

    def cancel(self, lane: str) -> None:
        pass


class Bench:
    """A desk whose page is on the screen, and all that it has told."""

    def __init__(self, qtbot: QtBot, architecture: str, layer: str = "relu", weights: str = "") -> None:
        self.qtbot, self.engine = qtbot, Engine()
        self.work = EngineClient(self.engine)  # type: ignore[arg-type]
        kept = SessionState(
            architecture=to_json(preset(architecture)), layer=layer, image="sample:digit-3", weights=weights
        )
        self.studio = AppController(kept, self.work)
        self.desk = BlockController(self.studio.subject, self.work)
        self.blocks: list[BlockTensors | None] = []
        self.measured: list[tuple[Responses, ...]] = []
        self.choices: list[tuple[tuple[TrainedWeights, ...], object]] = []
        self.desk.block_changed.connect(lambda _, paths: self.blocks.append(paths))
        self.desk.measured.connect(self.measured.append)
        self.desk.choices_changed.connect(lambda *one: self.choices.append(one))
        self.studio.begin()
        self.studio.enter(ACTIVATIONS)

    def asked(self, lane: str, count: int) -> tuple[Any, ...]:
        """Wait for the lane's questions; the last."""
        self.qtbot.waitUntil(lambda: len(self.engine.asked.get(lane, ())) >= count)
        assert len(self.engine.asked[lane]) == count
        return self.engine.asked[lane][-1]

    def rest(self) -> None:
        """Wait until the desk no longer waits for the subject to rest."""
        timer = self.desk.findChild(QTimer)
        assert timer is not None
        self.qtbot.waitUntil(lambda: not timer.isActive())

    def layers(self) -> tuple[str, ...]:
        """Those of the newest look that was asked for."""
        job, _, layers, _ = self.engine.asked["look"][-1]
        assert job == "look"
        return layers  # type: ignore[no-any-return]


@pytest.fixture
def bench(qtbot: QtBot) -> Iterator[Bench]:
    bench = Bench(qtbot, "resnet20-digits", "layer2.1.bn1")
    yield bench
    bench.studio.close()


def test_the_block_around_the_chosen_layer_is_looked_at_while_the_page_is_on_the_screen(bench: Bench) -> None:
    assert bench.layers() == ("layer2.1.bn1",)
    bench.desk.enter(True)
    terms = ("layer2.0.relu2", "layer2.1.bn2", "layer2.1.add", "layer2.1.relu2")
    assert bench.layers() == ("layer2.1.bn1", *terms)
    assert bench.blocks[-1] is not None
    assert bench.blocks[-1].block == "layer2.1"
    bench.desk.enter(False)
    assert bench.layers() == ("layer2.1.bn1",)


def test_a_chosen_block_is_looked_at_by_what_it_gives(bench: Bench) -> None:
    bench.desk.enter(True)
    bench.desk.choose("layer3.0")
    assert bench.studio.subject.layer == "layer3.0.relu2"
    assert set(bench.layers()) == {"layer3.0.relu2", "layer3.0.add", "layer3.0.bn2", "layer3.0.downsample"}
    assert bench.blocks[-1] is not None
    assert bench.blocks[-1].block == "layer3.0"


def test_a_block_of_a_former_network_is_let_be(bench: Bench) -> None:
    bench.desk.enter(True)
    before = bench.studio.subject.layer
    bench.desk.choose("layer4.2")
    assert bench.studio.subject.layer == before


def test_the_network_and_its_twin_are_measured_once(bench: Bench) -> None:
    bench.desk.enter(True)
    job, subjects = bench.asked(LANE, 1)
    assert job == "responses"
    assert [one.architecture for one in subjects] == [DIGITS, PLAIN]
    assert [one.weights for one in subjects] == [shipped_weights(DIGITS), shipped_weights(PLAIN)]
    answer = measured(subjects[0])
    bench.engine.answer.emit(LANE, 0, answer)
    assert bench.measured == [answer]
    bench.desk.choose("layer3.0")
    bench.desk.enter(False)
    bench.desk.enter(True)
    bench.rest()
    bench.asked(LANE, 1)


def test_another_image_is_measured_when_the_hand_rests(bench: Bench) -> None:
    bench.desk.enter(True)
    bench.asked(LANE, 1)
    for angle in range(3):
        bench.studio.subject.turn(ImageTransforms(rotation=angle + 1.0))
    _, subjects = bench.asked(LANE, 2)
    assert {one.handles for one in subjects} == {ImageTransforms(rotation=3.0)}


def test_nothing_is_measured_while_the_page_is_elsewhere(bench: Bench) -> None:
    bench.desk.enter(True)
    bench.desk.enter(False)
    bench.studio.subject.turn(ImageTransforms(rotation=9.0))
    bench.rest()
    assert LANE not in bench.engine.asked


def test_a_network_without_blocks_has_none(bench: Bench) -> None:
    bench.desk.enter(True)
    bench.asked(LANE, 1)
    bench.studio.session.take(preset("vgg19"))
    assert bench.blocks[-1] is None
    assert bench.layers() == (bench.studio.subject.layer,)
    bench.rest()
    bench.asked(LANE, 1)


def test_the_articles_network_is_measured_alone(bench: Bench) -> None:
    bench.studio.session.take(preset("article18"))
    bench.desk.enter(True)
    _, (subject,) = bench.asked(LANE, 1)
    assert subject.architecture == preset("article18")


def test_an_error_is_not_asked_for_again_until_the_page_is_entered_anew(bench: Bench) -> None:
    bench.desk.enter(True)
    bench.asked(LANE, 1)
    bench.engine.error.emit(LANE, 0, WeightsError("x.pth", "is damaged"))
    bench.desk.choose("layer3.0")
    bench.rest()
    bench.asked(LANE, 1)
    bench.desk.enter(False)
    bench.desk.enter(True)
    bench.asked(LANE, 2)


def test_weights_of_a_file_leave_a_choice_for_the_twin(qtbot: QtBot, tmp_path: Path) -> None:
    mine = tmp_path / "mine.pth"
    bench = Bench(qtbot, "resnet20-digits", weights=str(mine))
    bench.desk.enter(True)
    assert bench.asked(AT_HAND, 1) == ("weights at hand", PLAIN)
    run = TrainedWeights("plain-1, 330 steps", WeightsFile(tmp_path / "plain.safetensors"))
    own = TrainedWeights("the program's own", WeightsFile(tmp_path / "own.safetensors"))
    bench.engine.answer.emit(AT_HAND, 0, (run, own))
    assert bench.choices[-1] == ((run, own), run.weights)
    assert weights(bench.asked(LANE, 1)) == [WeightsFile(mine), run.weights]
    bench.desk.choose_weights(own.weights)
    assert weights(bench.asked(LANE, 2)) == [WeightsFile(mine), own.weights]
    bench.desk.choose_weights(None)
    assert weights(bench.asked(LANE, 3)) == [WeightsFile(mine), RandomWeights()]
    assert bench.choices[-1] == ((run, own), RandomWeights())
    bench.studio.subject.turn(ImageTransforms(zoom=2.0))
    assert weights(bench.asked(LANE, 4)) == [WeightsFile(mine), RandomWeights()]
    bench.studio.weights.take(RandomWeights(5))
    assert weights(bench.asked(LANE, 5)) == [RandomWeights(5), RandomWeights(5)]
    assert bench.choices[-1] == ((), None)
    bench.studio.close()


def test_without_runs_the_twin_has_random_weights(qtbot: QtBot, tmp_path: Path) -> None:
    bench = Bench(qtbot, "resnet18", "layer1.0", weights=str(tmp_path / "resnet18.pth"))
    bench.desk.enter(True)
    bench.asked(AT_HAND, 1)
    bench.engine.answer.emit(AT_HAND, 0, ())
    assert bench.choices[-1] == ((), RandomWeights())
    assert weights(bench.asked(LANE, 1))[1] == RandomWeights()
    bench.studio.close()


def weights(question: tuple[str, tuple[ForwardSpec, ...]]) -> list[object]:
    return [one.weights for one in question[1]]
