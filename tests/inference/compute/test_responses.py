"""Layer responses over depth, against torch's own deviation of captured tensors."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from resnet_studio.inference.compute.capture import capture
from resnet_studio.inference.compute.prepare import prepare_steps
from resnet_studio.inference.compute.responses import responses_steps
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.counterparts import Responses, with_counterpart
from resnet_studio.inference.errors import WeightsMismatch
from resnet_studio.inference.transforms import ImageTransforms
from resnet_studio.inference.values import ForwardSpec, RandomWeights, WeightsFile
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.presets import preset
from resnet_studio.progress import Progress, finish
from resnet_studio.resources import resource

DIGITS = WeightsFile(resource("trained/resnet20-digits.safetensors"))
SMALL = Residual(Bottleneck(), (2, 2), width=8, image=64, classes=5)


def captured(spec: ForwardSpec, *layers: str) -> list[float]:
    network, _ = load(spec.architecture, spec.weights)
    images = finish(prepare_steps(spec)).images
    tensors = capture(network, images, layers).layers
    return [float(torch.std(tensors[name], correction=0)) for name in layers]


def test_digits_and_their_plain_counterpart_match_torchs_deviations() -> None:
    spec = ForwardSpec("sample:digit-3", preset("resnet20-digits"), DIGITS)
    residual, plain = finish(responses_steps(with_counterpart(spec)))
    names = [f"layer{stage}.{block}" for stage in (1, 2, 3) for block in range(3)]
    assert residual.blocks == plain.blocks == tuple(names)
    assert residual.spec == spec
    assert plain.spec.architecture == preset("plain20-digits")
    assert (residual.source, residual.trained) == ("resnet20-digits.safetensors", True)
    assert (plain.source, plain.trained) == ("plain20-digits.safetensors", True)
    assert (residual.plain, plain.plain) == (False, True)
    for one in (residual, plain):
        before = ["relu", *(f"{name}.relu2" for name in names[:-1])]
        assert one.residuals == pytest.approx(captured(one.spec, *(f"{name}.bn2" for name in names)), rel=1e-5)
        assert one.inputs == pytest.approx(captured(one.spec, *before), rel=1e-5)
        assert one.largest == max(*one.residuals, *one.inputs)


def test_bottlenecks_random_weights_and_a_rotated_image() -> None:
    spec = ForwardSpec("sample:china", SMALL, RandomWeights(3), transforms=ImageTransforms(rotation=20))
    residual, plain = finish(responses_steps(with_counterpart(spec)))
    assert (plain.source, plain.trained) == ("random, seed 3", False)
    assert plain.spec.transforms == spec.transforms
    for one in (residual, plain):
        assert one.residuals[2] == pytest.approx(captured(one.spec, "layer2.0.bn3")[0], rel=1e-5)
        assert one.inputs[:3:2] == pytest.approx(captured(one.spec, "maxpool", "layer1.1.relu3"), rel=1e-5)


def test_progress_names_what_is_measured() -> None:
    steps = responses_steps(with_counterpart(ForwardSpec("sample:digit-3", preset("resnet20-digits"), DIGITS)))
    messages = [one.what for one in steps if isinstance(one, Progress)]
    assert "measuring resnet20-digits" in messages
    assert "measuring plain20-digits" in messages


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsMismatch):
        finish(responses_steps((ForwardSpec("sample:china", SMALL, DIGITS),)))


def test_the_greatest_of_nan_values() -> None:
    nan = float("nan")
    spec = ForwardSpec("sample:china", SMALL)
    assert Responses(spec, "", False, ("layer1.0",), (nan,), (nan,)).largest == 0
    assert Responses(spec, "", False, ("layer1.0",), (nan,), (2.5,)).largest == 2.5
