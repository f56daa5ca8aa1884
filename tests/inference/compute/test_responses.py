"""The responses over depth, against torch's own deviation of tensors captured by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from resnet_studio.inference.compute.capture import capture
from resnet_studio.inference.compute.prepare import ready_steps
from resnet_studio.inference.compute.responses import responses_steps
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.counterparts import Responses, with_twin
from resnet_studio.inference.errors import WeightsMismatch
from resnet_studio.inference.transforms import ImageTransforms
from resnet_studio.inference.values import ForwardSpec, RandomWeights, WeightsFile
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.presets import preset
from resnet_studio.progress import Progress, finish
from resnet_studio.resources import resource

DIGITS = WeightsFile(resource("trained/resnet20-digits.safetensors"))
SMALL = Residual("bottleneck", (2, 2), width=8, image=64, classes=5)


def captured(subject: ForwardSpec, *layers: str) -> list[float]:
    network, _ = load(subject.architecture, subject.weights)
    images = finish(ready_steps(subject)).images
    tensors = capture(network, images, layers).layers
    return [float(torch.std(tensors[name], correction=0)) for name in layers]


def test_digits_beside_their_plain_twin_are_what_torch_says_of_their_tensors() -> None:
    subject = ForwardSpec("sample:digit-3", preset("resnet20-digits"), DIGITS)
    residual, plain = finish(responses_steps(with_twin(subject)))
    names = [f"layer{stage}.{block}" for stage in (1, 2, 3) for block in range(3)]
    assert residual.blocks == plain.blocks == tuple(names)
    assert residual.subject == subject
    assert plain.subject.architecture == preset("plain20-digits")
    assert (residual.source, residual.trained) == ("resnet20-digits.safetensors", True)
    assert (plain.source, plain.trained) == ("plain20-digits.safetensors", True)
    assert (residual.plain, plain.plain) == (False, True)
    for one in (residual, plain):
        before = ["relu", *(f"{name}.relu2" for name in names[:-1])]
        assert one.residuals == pytest.approx(captured(one.subject, *(f"{name}.bn2" for name in names)), rel=1e-5)
        assert one.inputs == pytest.approx(captured(one.subject, *before), rel=1e-5)
        assert one.greatest == max(*one.residuals, *one.inputs)


def test_bottlenecks_random_weights_and_a_turned_image() -> None:
    subject = ForwardSpec("sample:china", SMALL, RandomWeights(3), handles=ImageTransforms(rotation=20))
    residual, plain = finish(responses_steps(with_twin(subject)))
    assert (plain.source, plain.trained) == ("random, seed 3", False)
    assert plain.subject.handles == subject.handles
    for one in (residual, plain):
        assert one.residuals[2] == pytest.approx(captured(one.subject, "layer2.0.bn3")[0], rel=1e-5)
        assert one.inputs[:3:2] == pytest.approx(captured(one.subject, "maxpool", "layer1.1.relu3"), rel=1e-5)


def test_it_tells_what_is_measured() -> None:
    steps = responses_steps(with_twin(ForwardSpec("sample:digit-3", preset("resnet20-digits"), DIGITS)))
    told = [one.what for one in steps if isinstance(one, Progress)]
    assert "measuring resnet20-digits" in told
    assert "measuring plain20-digits" in told


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsMismatch):
        finish(responses_steps((ForwardSpec("sample:china", SMALL, DIGITS),)))


def test_the_greatest_of_numbers_that_are_none() -> None:
    nan = float("nan")
    subject = ForwardSpec("sample:china", SMALL)
    assert Responses(subject, "", False, ("layer1.0",), (nan,), (nan,)).greatest == 0
    assert Responses(subject, "", False, ("layer1.0",), (nan,), (2.5,)).greatest == 2.5
