"""Attributions against the definitions that the panel shows, and against what they must sum to."""

from __future__ import annotations

import pickle
import sys
from copy import deepcopy
from dataclasses import replace
from typing import Any

import captum.attr  # noqa: F401  (it imports matplotlib, which logs about its fonts on the first import)
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from architectures import OWN_PRESETS
from resnet_studio.inference.attribution import (
    METHODS,
    CaptumMissing,
    default_layer,
    layers_with_maps,
    missing_captum_message,
)
from resnet_studio.inference.compute.attribution import attribution_steps
from resnet_studio.inference.compute.prepare import PreparedForward, prepare_steps
from resnet_studio.inference.errors import DeviceError
from resnet_studio.inference.values import ForwardSpec
from resnet_studio.inference.weights.bundled import DIGIT_SAMPLE, DIGITS, bundled_weights
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.article import ArticleBasic
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import preset
from resnet_studio.progress import Progress, finish

DIGIT = ForwardSpec(DIGIT_SAMPLE, preset(DIGITS), bundled_weights(preset(DIGITS)))
SMALL = ForwardSpec("sample:china", replace(preset("resnet18"), image=64, classes=20))
BASIC = Residual(Basic(), (2, 1), shortcut="A", width=8, stem="cifar", image=24, classes=7)


@pytest.fixture(scope="module", params=[DIGIT, SMALL], ids=["digits", "resnet18"])
def spec(request: pytest.FixtureRequest) -> ForwardSpec:
    return request.param


class Guided(torch.autograd.Function):
    """A ReLU that passes only positive values, forward and backward (Springenberg et al. 2014)."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        context.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        [x] = context.saved_tensors
        return gradient.clamp(min=0) * (x > 0)


def gradient_of(network: nn.Module, images: Tensor, target: int, layer: str = "") -> tuple[Tensor, Tensor]:
    """A layer's output, or the input if no layer is named, and the gradient of the class's logit with respect to it."""
    at: dict[str, Tensor] = {"": images.clone().requires_grad_()}
    hook = network.get_submodule(layer).register_forward_hook(lambda _module, _inputs, out: at.__setitem__("out", out))
    logit = network(at[""])[0, target]
    hook.remove()
    values = at["out"] if layer else at[""]
    return values.detach(), torch.autograd.grad(logit, values)[0]


def guided_of(network: nn.Module, images: Tensor, target: int) -> Tensor:
    relus = [module for module in network.modules() if isinstance(module, nn.ReLU)]
    hooks = [relu.register_forward_hook(lambda _module, inputs, _out: Guided.apply(inputs[0])) for relu in relus]
    gradient = gradient_of(network, images, target)[1]
    for hook in hooks:
        hook.remove()
    return gradient.sum(1)


def grad_cam_of(network: nn.Module, images: Tensor, target: int, layer: str) -> Tensor:
    values, gradient = gradient_of(network, images, target, layer)
    return (gradient.mean((2, 3), keepdim=True) * values).sum(1).clamp(min=0)


def integrated_of(network: nn.Module, images: Tensor, target: int) -> Tensor:
    """Integrated from zero by Gauss–Legendre quadrature, as captum does."""
    points, shares = np.polynomial.legendre.leggauss(50)
    total = torch.zeros_like(images)
    for point, share in zip((points + 1) / 2, shares / 2, strict=True):
        total += share * gradient_of(network, images * point, target)[1]
    return (total * images).sum(1)


def occlusion_of(network: nn.Module, images: Tensor, target: int) -> Tensor:
    """Each square is set to zero in all channels; a pixel has the mean of the squares that cover it."""
    side = images.shape[-1]
    patch, stride = side // 4, side // 8
    falls, counts = torch.zeros(1, side, side, dtype=images.dtype), torch.zeros(1, side, side)
    with torch.no_grad():
        logit = network(images)[0, target]
        places = range(0, side - patch + stride, stride)
        for top in places:
            for unfinished in places:
                covered = images.clone()
                covered[:, :, top : top + patch, unfinished : unfinished + patch] = 0
                falls[:, top : top + patch, unfinished : unfinished + patch] += logit - network(covered)[0, target]
                counts[:, top : top + patch, unfinished : unfinished + patch] += 1
    return falls / counts


def by_definition(method: str, ready: PreparedForward, layer: str, target: int) -> Tensor:
    """An attribution by the definition in `METHODS`, without captum and in float64: 1 × height × width."""
    network, images = deepcopy(ready.network()).double(), ready.images.double()
    match method:
        case "grad-cam":
            return grad_cam_of(network, images, target, layer)
        case "guided-grad-cam":
            size = images.shape[-2:]
            cam = functional.interpolate(grad_cam_of(network, images, target, layer)[None], size, mode="bilinear")[0]
            return guided_of(network, images, target) * cam
        case "layer-gradient-x-activation":
            values, gradient = gradient_of(network, images, target, layer)
            return (values * gradient).sum(1)
        case "saliency":
            return gradient_of(network, images, target)[1].abs().sum(1)
        case "input-x-gradient":
            return (images * gradient_of(network, images, target)[1]).sum(1)
        case "guided-backprop":
            return guided_of(network, images, target)
        case "integrated-gradients":
            return integrated_of(network, images, target)
        case "occlusion":
            return occlusion_of(network, images, target)
    raise AssertionError(method)


def close(ours: NDArray[np.float32], theirs: Tensor) -> None:
    expected = theirs.detach()[0].numpy()
    assert ours.shape == expected.shape
    assert np.abs(ours - expected).max() <= 5e-3 * np.abs(expected).max()  # float32 near a ReLU's kink


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("spec", "layer"),
    [
        (DIGIT, "layer2.1"),
        (replace(SMALL, architecture=BASIC), "layer2.0"),
        (
            replace(SMALL, architecture=replace(BASIC, image=27, block=ArticleBasic(), shortcut="B")),
            "conv1",
        ),
        (replace(SMALL, architecture=replace(BASIC, block=Bottleneck(), channels=1)), "layer1.1.add"),
    ],
    ids=["digits", "rgb", "article, side 27", "gray bottleneck"],
)
def test_each_value_matches_its_description_in_the_panel(spec: ForwardSpec, layer: str, method: str) -> None:
    found = finish(attribution_steps(spec, method, layer, 3))
    ready = finish(prepare_steps(spec))
    expected = by_definition(method, ready, layer, 3)
    assert expected.abs().max() > 0
    close(found.values, expected)
    side = ready.images.shape[-1]
    close(found.at_input, functional.interpolate(expected[None], (side, side), mode="bilinear")[0])
    assert found.layer == (layer if METHODS[method].has_layer else "")
    assert (found.method, found.target, found.spec) == (method, 3, spec)


def test_the_defaults_are_the_last_block_and_the_most_probable_class(spec: ForwardSpec) -> None:
    found = finish(attribution_steps(spec))
    ready = finish(prepare_steps(spec))
    with torch.no_grad():
        probabilities = ready.network()(ready.images).softmax(1)[0]
    assert (found.method, found.layer) == ("grad-cam", "layer3.2" if spec is DIGIT else "layer4.1")
    assert found.target == int(probabilities.argmax())
    assert found.probability == pytest.approx(float(probabilities.max()), rel=1e-5)
    assert found.label == ready.weights.labels[found.target]
    assert found.model_input.shape == (*found.at_input.shape, 3)
    assert found.values.min() >= 0
    assert found.delta is None


def test_integrated_gradients_sum_to_what_the_image_changes(spec: ForwardSpec) -> None:
    """Completeness: the sum is f(x) − f(baseline), and the delta is the error.

    The logit of an untrained network has its kinks crowded around gray: there no number of steps comes close.
    """
    found = finish(attribution_steps(spec, "integrated-gradients", target=2, steps=400))
    ready = finish(prepare_steps(spec))
    with torch.no_grad():
        logits = ready.network()(torch.cat([ready.images, torch.zeros_like(ready.images)]))[:, 2]
    difference = float(logits[0] - logits[1])
    total = float(found.values.sum(dtype=np.float64))
    if found.weights.trained:
        assert total == pytest.approx(difference, rel=0.02)
    assert found.delta == pytest.approx(total - difference, abs=1e-4)


def state(network: nn.Module) -> list[object]:
    """All that a method could leave behind on a network."""
    marks: list[object] = []
    for module in network.modules():
        hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
        marks.append((module.training, *(len(some) for some in hooks)))
    marks += [(one.requires_grad, one.grad is None, one.detach().sum().item()) for one in network.parameters()]
    marks += [one.sum().item() for one in network.buffers()]
    return marks


@pytest.mark.parametrize("method", METHODS)
def test_the_network_and_the_image_are_left_as_they_were(method: str) -> None:
    ready = finish(prepare_steps(DIGIT))
    before, images = state(ready.network()), ready.images.clone()
    finish(attribution_steps(DIGIT, method))
    assert state(ready.network()) == before
    assert torch.equal(ready.images, images)
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("method", ["integrated-gradients", "occlusion"])
def test_long_methods_can_be_stopped_at_every_pass(method: str) -> None:
    """Between two yields others may use the network: another attribution in the meantime changes nothing."""
    spec = replace(SMALL, architecture=replace(SMALL.architecture, image=128))
    whole = finish(attribution_steps(spec, method))
    steps = attribution_steps(spec, method)
    progress = []
    while True:
        try:
            progress.append(next(steps))
        except StopIteration as end:
            again = end.value
            break
        finish(attribution_steps(DIGIT, "saliency"))
    assert np.array_equal(again.values, whole.values)
    passes = [one for one in progress if one.what == METHODS[method].title]
    assert len(passes) > 5
    assert all(isinstance(one, Progress) and one.done < one.of for one in progress)
    unfinished = attribution_steps(spec, method)
    while next(unfinished).done < 3:
        pass
    unfinished.close()  # the suite fails if the thread stays


@pytest.mark.parametrize("name", OWN_PRESETS)
def test_the_default_layer_is_the_last_with_maps(name: str) -> None:
    architecture = preset(name)
    offered = list(layers_with_maps(architecture))
    usual = default_layer(architecture)
    assert usual in offered
    last = offered[offered.index(usual) + 1 :]
    kinds = {layer.name: layer.kind for layer in plan(architecture)}
    assert {kinds[one] for one in last} <= {"max pool", "average pool"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "grad-kam"}, "grad-cam"),
        ({"layer": "layer9"}, "layer4.1"),
        ({"layer": "fc"}, "layer4.1"),
        ({"target": 20}, "20"),
        ({"target": -1}, "-1"),
    ],
)
def test_unknown_methods_layers_and_classes_are_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        finish(attribution_steps(SMALL, **changes))


def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(DeviceError, match="cuda:99"):
        finish(attribution_steps(replace(DIGIT, device="cuda:99")))


def test_without_captum_the_error_has_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing_captum_message() == ""
    monkeypatch.setitem(sys.modules, "captum", None)
    with pytest.raises(CaptumMissing, match=r"-m pip install 'captum>=0\.9'$") as caught:
        finish(attribution_steps(DIGIT))
    assert missing_captum_message() == str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_values_cross(spec: ForwardSpec) -> None:
    found = finish(attribution_steps(spec))
    again = pickle.loads(pickle.dumps(found))
    assert np.array_equal(again.at_input, found.at_input)
