"""What is requested for side B and when, with a fake engine whose answers each test emits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fake_engine import FakeEngine
from resnet_studio.gui.activations.ab.controller import ABController
from resnet_studio.gui.activations.controller import PREVIEW_LANES
from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.session import SessionState
from resnet_studio.gui.session_file import decode
from resnet_studio.inference.ab import ABPair, SideBOverrides
from resnet_studio.inference.errors import SuggestedFix, WeightsError, WeightsMismatch
from resnet_studio.inference.feature_maps import layer_maps
from resnet_studio.inference.transforms import ImageTransforms
from resnet_studio.inference.values import (
    ForwardResult,
    ForwardSpec,
    Frame,
    Preprocessing,
    PublishedWeights,
    RandomWeights,
    WeightsFile,
    WeightsInfo,
)
from resnet_studio.inference.weights.bundled import bundled_weights
from resnet_studio.networks.presets import preset

INFO = WeightsInfo("random, seed 0", False, Preprocessing(224, 224, (0.5,) * 3, (0.2,) * 3), ("class 0",))


class ForwardEngine(FakeEngine):
    """Answers forward passes as the engine would."""

    def finish(self, lane: str) -> ForwardResult:
        """Answer the lane's request."""
        _, spec, layers, preview = self.pending[lane]
        maps = tuple(layer_maps(name, np.ones((2, 3, 3), np.float32)) for name in layers)
        pixels = np.zeros((2, 2, 3), np.uint8)
        result = ForwardResult(spec, "00", Frame(1, 1, 2, 2), pixels, INFO, maps, 0.1, (), preview)
        self.answer(lane, result)
        return result


class ABHarness:
    """A controller on a fake engine, and all that it has emitted."""

    def __init__(self, session_state: SessionState) -> None:
        self.engine = ForwardEngine()
        self.app = AppController(session_state, self.engine)
        self.errors: list[str] = []
        self.app.errorOccurred.connect(lambda sentence, *_: self.errors.append(sentence))
        self.controller = ABController(self.app, self.engine)
        self.pairs: list[ABPair] = []
        self.failures: list[tuple[str, tuple[tuple[str, SideBOverrides], ...]]] = []
        self.pending: list[ABPair] = []
        self.controller.pairPending.connect(self.pending.append)
        self.emitted: list[tuple[SideBOverrides, ForwardSpec]] = []
        self.controller.pairChanged.connect(self.pairs.append)
        self.controller.failed.connect(lambda *failure: self.failures.append(failure))
        self.controller.overridesChanged.connect(lambda *overrides: self.emitted.append(overrides))
        self.app.start()
        self.app.activations.set_visible(True)
        self.controller.set_visible(True)

    def side_b_request(self) -> tuple[ForwardSpec, tuple[str, ...], bool]:
        return self.engine.pending["side_b"][1:]  # type: ignore[return-value]


def session_state(**changes: Any) -> SessionState:
    return SessionState(architecture=preset("resnet34"), layer="layer2.3", **changes)


@pytest.fixture
def harness(qapp: object) -> Iterator[ABHarness]:
    harness = ABHarness(session_state(beside=SideBOverrides(preset("plain34"))))
    yield harness
    harness.app.close()


def test_side_b_is_requested_after_side_a_and_shown_with_it(harness: ABHarness) -> None:
    assert "side_b" not in harness.engine.pending
    side_a = harness.engine.finish("forward")
    spec, layers, preview = harness.side_b_request()
    assert (spec, layers, preview) == (replace(side_a.spec, architecture=preset("plain34")), ("layer2.3",), False)
    assert harness.pairs == []
    side_b = harness.engine.finish("side_b")
    assert [(pair.a, pair.b, pair.layer) for pair in harness.pairs] == [(side_a, side_b, "layer2.3")]


def test_another_layer_is_requested_by_its_counterpart(harness: ABHarness) -> None:
    harness.engine.finish("forward")
    harness.engine.finish("side_b")
    harness.app.activations.set_layer("layer3.0.add")
    harness.engine.finish("forward")
    assert harness.side_b_request()[1] == ("layer3.0.bn2",)
    harness.engine.finish("side_b")
    assert harness.pairs[-1].b_layer == "layer3.0.bn2"
    assert [maps.name for maps in harness.pairs[-1].maps if maps] == ["layer3.0.add", "layer3.0.bn2"]


def test_a_layer_without_counterpart_is_requested_for_predictions_alone(harness: ABHarness) -> None:
    harness.app.activations.set_layer("layer2.0.downsample.1")
    harness.engine.finish("forward")
    assert harness.side_b_request()[1] == ()
    harness.engine.finish("side_b")
    assert harness.pairs[-1].maps[1] is None


def test_while_dragging_one_forward_pass_runs_and_the_newest_is_next(harness: ABHarness) -> None:
    harness.engine.finish("forward")
    harness.engine.finish("side_b")
    requests = len(harness.engine.requests_of("side_b"))
    set_transforms = harness.app.activations.set_transforms
    set_transforms(ImageTransforms(zoom=1.1), True)
    side_a = harness.engine.finish(PREVIEW_LANES[0])
    assert harness.side_b_request()[0].transforms.zoom == 1.1
    assert harness.side_b_request()[2]
    for zoom in (1.2, 1.3):
        set_transforms(ImageTransforms(zoom=zoom), True)
        newest = harness.engine.finish(next(lane for lane in PREVIEW_LANES if lane in harness.engine.pending))
    assert len(harness.engine.requests_of("side_b")) == requests + 1
    harness.engine.finish("side_b")
    assert harness.pairs[-1].a is side_a
    assert harness.side_b_request()[0].transforms.zoom == 1.3
    harness.engine.finish("side_b")
    assert harness.pairs[-1].a is newest
    assert all(pair.a.spec.transforms == pair.b.spec.transforms for pair in harness.pairs)
    set_transforms(ImageTransforms(zoom=1.3), False)
    harness.engine.finish("forward")
    assert not harness.side_b_request()[2]


def test_nothing_is_requested_while_the_view_is_hidden(harness: ABHarness) -> None:
    harness.controller.set_visible(False)
    harness.engine.finish("forward")
    assert "side_b" not in harness.engine.pending
    harness.controller.set_visible(True)
    assert harness.side_b_request()[0].architecture == preset("plain34")


def test_showing_the_view_again_repeats_no_request(harness: ABHarness) -> None:
    harness.engine.finish("forward")
    side_b = harness.engine.finish("side_b")
    harness.controller.set_visible(False)
    harness.controller.set_visible(True)
    assert "side_b" not in harness.engine.pending
    assert [pair.b for pair in harness.pairs] == [side_b, side_b]


def test_a_side_b_that_does_not_differ_is_not_requested(harness: ABHarness) -> None:
    harness.controller.set_overrides(SideBOverrides())
    result = harness.engine.finish("forward")
    assert "side_b" not in harness.engine.pending
    assert harness.pairs[-1].a is harness.pairs[-1].b is result


def test_overrides_are_stored_in_the_session(harness: ABHarness) -> None:
    harness.controller.set_overrides(SideBOverrides(weights=RandomWeights(7), image="sample:flower"))
    assert harness.app.session.state.beside == SideBOverrides(weights=RandomWeights(7), image="sample:flower")
    assert harness.emitted[-1] == (
        SideBOverrides(weights=RandomWeights(7), image="sample:flower"),
        harness.app.activations.spec,
    )


def test_invalid_overrides_in_a_session_are_ignored() -> None:
    harness = ABHarness(
        session_state(beside=decode({"beside": {"architecture": "plain34", "weights": [1], "image": 4}})[0].beside)
    )
    result = harness.engine.finish("forward")
    assert [(pair.a, pair.b) for pair in harness.pairs] == [(result, result)]
    harness.app.close()


def test_a_start_downloads_nothing() -> None:
    harness = ABHarness(
        session_state(beside=SideBOverrides(None, PublishedWeights("resnet34", "IMAGENET1K_V1"), "sample:flower"))
    )
    harness.engine.finish("forward")
    assert harness.side_b_request()[0] == ForwardSpec("sample:flower", preset("resnet34"))
    harness.app.close()


def test_weights_that_do_not_fit_fail_side_b_alone_and_side_a_keeps_its_own(harness: ABHarness) -> None:
    file = WeightsFile(Path("/weights/other.pth"))
    harness.engine.finish("forward")
    harness.controller.set_overrides(SideBOverrides(weights=file))
    assert harness.side_b_request()[0].weights == file
    fixes = (SuggestedFix("all but the head", replace(file, head=False), preset("resnet34")),
                SuggestedFix("switch", file, preset("resnet18")))  # fmt: skip
    differing = (("fc.weight", (10, 512), (1000, 512)),)
    harness.engine.fail("side_b", WeightsMismatch("other.pth", (), (), differing, "fc", None, fixes))
    sentence, offers = harness.failures[-1]
    assert sentence.startswith("other.pth doesn't match this network")
    assert offers == (
        ("all but the head", SideBOverrides(weights=replace(file, head=False))),
        ("switch", SideBOverrides(preset("resnet18"), file)),
    )
    assert harness.pending[-1].a is harness.pending[-1].b is harness.app.activations.result
    assert harness.app.activations.spec.weights == RandomWeights()
    assert harness.errors == []


def test_a_failed_side_b_is_repeated_only_after_a_full_quality_result(harness: ABHarness) -> None:
    harness.engine.finish("forward")
    harness.engine.fail("side_b", WeightsError("net.pth", "is gone"))
    assert harness.failures[-1] == ("net.pth is gone", ())
    harness.app.activations.set_transforms(ImageTransforms(zoom=1.1), True)
    harness.engine.finish(PREVIEW_LANES[0])
    assert "side_b" not in harness.engine.pending
    harness.app.activations.set_transforms(ImageTransforms(zoom=1.1), False)
    harness.engine.finish("forward")
    assert harness.side_b_request()[0].transforms.zoom == 1.1


def test_after_a_cancel_the_same_can_be_requested_again(harness: ABHarness) -> None:
    harness.engine.finish("forward")
    harness.app.cancel()
    assert "side_b" not in harness.engine.pending
    assert len(harness.pairs) == 0
    harness.controller.set_visible(True)
    assert "side_b" in harness.engine.pending


def test_after_a_cancel_of_both_sides_both_are_requested_again(harness: ABHarness) -> None:
    harness.app.cancel()
    harness.app.activations.set_visible(True)
    harness.engine.finish("forward")
    assert "side_b" in harness.engine.pending


def test_swap_exchanges_the_sides(harness: ABHarness) -> None:
    harness.controller.set_overrides(SideBOverrides(preset("resnet50"), RandomWeights(4), "sample:flower"))
    harness.app.activations.set_layer("layer1.0.relu2")
    harness.engine.finish("forward")
    before = harness.app.activations.spec
    harness.controller.swap()
    spec = harness.app.activations.spec
    assert spec == ForwardSpec("sample:flower", preset("resnet50"), RandomWeights(4))
    assert harness.app.activations.layer == "layer1.0.relu3"
    harness.engine.finish("forward")
    assert harness.side_b_request()[:2] == (before, ("layer1.0.relu2",))
    harness.controller.swap()
    assert harness.app.activations.spec == before


def test_side_b_replaces_side_a(harness: ABHarness) -> None:
    harness.controller.set_overrides(
        SideBOverrides(preset("resnet20-digits"), bundled_weights(preset("resnet20-digits")))
    )
    harness.controller.use_side_b()
    assert harness.app.session.architecture == preset("resnet20-digits")
    assert harness.app.activations.spec.weights == bundled_weights(preset("resnet20-digits"))
    assert harness.app.session.state.beside == SideBOverrides()
    harness.app.session.undo()
    assert harness.app.session.architecture == preset("resnet34")


def test_the_network_of_side_b_is_read_from_a_file(harness: ABHarness, tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    path.write_text('{"kind": "baseline", "name": "alexnet"}')
    harness.controller.open_architecture(str(path))
    assert harness.emitted[-1][0].architecture == preset("alexnet")
    path.write_text("{")
    harness.controller.open_architecture(str(path))
    assert "net.json" in harness.failures[-1][0]
    assert harness.emitted[-1][0].architecture == preset("alexnet")
