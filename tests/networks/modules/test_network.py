"""Built networks: torchvision's weights and logits, the plan's layers, the paper's initialisation."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from architectures import OWN_PRESETS, residuals
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.modules.network import FullyConnected, ResNet, build, empty
from resnet_studio.networks.modules.shortcuts import Add, ZeroPad
from resnet_studio.networks.modules.squeeze_excitation import Scale
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import preset

TORCHVISION = {
    "resnet18": models.resnet18,
    "resnet34": models.resnet34,
    "resnet50-v1.5": models.resnet50,
    "resnet101-v1.5": models.resnet101,
    "resnet152-v1.5": models.resnet152,
    "alexnet": models.alexnet,
}


def leaves(network: nn.Module) -> dict[str, nn.Module]:
    return {name: module for name, module in network.named_modules() if not list(module.children())}


def run(network: nn.Module, architecture: Architecture, device: str = "cpu") -> list[tuple[str, Tensor]]:
    """One pass over a random image: the leaf modules in the order of their calls, each with its output."""
    calls: list[tuple[str, Tensor]] = []
    hooks = [
        module.register_forward_hook(lambda module, inputs, output, name=name: calls.append((name, output)))
        for name, module in leaves(network).items()
    ]
    with torch.no_grad():
        network(torch.rand(1, *architecture.input_shape, device=device))
    for hook in hooks:
        hook.remove()
    return calls


def chw(output: Tensor) -> tuple[int, ...]:
    """Channels, height and width; after a linear layer torch keeps the channels alone."""
    return (*output.shape[1:], 1, 1)[:3]


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvisions_weights_load_strictly_and_give_its_logits(name: str) -> None:
    theirs = TORCHVISION[name](weights=None).eval()
    ours = empty(preset(name)).to_empty(device="cpu").eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    image = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected, logits = theirs(image), ours(image)
    assert logits.shape == (1, 1000)
    assert (logits - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_the_papers_resnet_50_is_another_network_with_the_same_weights() -> None:
    """Only the stride moves: the weights fit, the logits differ."""
    a, b = (Residual(Bottleneck(where), width=8, classes=10, image=64) for where in ("1x1", "3x3"))
    first, second = build(a, seed=0), build(b, seed=1)
    second.load_state_dict(first.state_dict(), strict=True)
    image = torch.rand(2, 3, 64, 64)
    assert not torch.allclose(first(image), second(image))


@pytest.mark.parametrize("name", OWN_PRESETS)
def test_the_plan_names_every_leaf_in_the_order_of_calls_with_its_shape_and_parameters(name: str) -> None:
    architecture = preset(name)
    network = empty(architecture).eval()
    planned = {layer.name: layer for layer in plan(architecture)}
    parameters = {name: sum(p.numel() for p in leaf.parameters()) for name, leaf in leaves(network).items()}
    assert parameters == {layer.name: layer.parameters for layer in planned.values()}
    calls = [(name, chw(output)) for name, output in run(network, architecture, "meta")]
    assert calls == [(layer.name, layer.output) for layer in planned.values() if layer.called]


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet20-cifar", "plain18", "article18", "alexnet"])
def test_no_tensor_is_overwritten_by_a_later_module(name: str) -> None:
    architecture = preset(name)
    if isinstance(architecture, Residual):
        architecture = replace(architecture, width=8, image=32)
    network = build(architecture, seed=0).eval()
    copies: list[Tensor] = []
    for module in leaves(network).values():
        module.register_forward_hook(lambda module, inputs, output: copies.append(output.clone()))
    calls = run(network, architecture)
    assert len(calls) == len(copies) > 20
    assert all(torch.equal(output, copy) for (_, output), copy in zip(calls, copies, strict=True))


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet20-cifar", "article18"])
@pytest.mark.parametrize("side", [1, 8, 33])
def test_small_and_odd_images_run(name: str, side: int) -> None:
    architecture = replace(preset(name), image=side, width=4, channels=2, classes=7)
    calls = run(build(architecture, seed=0).eval(), architecture)
    assert [chw(output) for _, output in calls] == [layer.output for layer in plan(architecture) if layer.called]
    assert calls[-1][1].shape == (1, 7)


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "article18", "alexnet"])
def test_initialization_is_kaimings(name: str) -> None:
    """Of n normal values the mean strays by σ/√n and the deviation by σ/√(2n): five of those are allowed."""
    network = build(preset(name), seed=3)
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    for layer in layers:
        weight = layer.weight.detach().double()
        n, fan_in = weight.numel(), weight[0].numel()
        sigma = (2 / fan_in) ** 0.5 if isinstance(layer, nn.Conv2d) else (1 / fan_in) ** 0.5
        assert abs(weight.mean()) < 5 * sigma / n**0.5
        assert abs(weight.std() - sigma) < 5 * sigma / (2 * n) ** 0.5
        assert layer.bias is None or not layer.bias.any()
    assert len(layers) > 5


def test_batch_norms_are_fresh_and_the_network_trains() -> None:
    network = build(preset("resnet20-cifar"), seed=0)
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            state = norm.state_dict()
            assert torch.equal(state["weight"], torch.ones(norm.num_features))
            assert torch.equal(state["running_var"], torch.ones(norm.num_features))
            assert not any(state[name].any() for name in ("bias", "running_mean", "num_batches_tracked"))
    assert all(module.training for module in network.modules())
    assert all(parameter.requires_grad and parameter.is_cpu for parameter in network.parameters())


@pytest.mark.parametrize("name", ["resnet20-cifar", "article18"])
def test_a_seed_is_a_network(name: str) -> None:
    first, again, other = (build(preset(name), seed=seed).state_dict() for seed in (5, 5, 6))
    assert all(torch.equal(first[key], again[key]) for key in first)
    weights = [key for key in first if key.endswith("weight") and first[key].dim() > 1]
    assert not any(torch.equal(first[key], other[key]) for key in weights)


@pytest.mark.parametrize("name", ["resnet20-cifar", "alexnet"])
def test_building_touches_no_random_state(name: str) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    build(preset(name), seed=1)
    empty(preset(name))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before[1:]


def test_an_empty_network_has_no_storage() -> None:
    assert {parameter.device.type for parameter in empty(preset("resnet152")).parameters()} == {"meta"}


def test_a_slice_of_a_network_is_a_network() -> None:
    network = build(replace(preset("resnet18"), width=4), seed=0)
    assert isinstance(network, ResNet)
    names = ["conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc"]
    assert [name for name, _ in network.named_children()] == names
    assert network[:6](torch.rand(2, 3, 64, 64)).shape == (2, 8, 8, 8)


def storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


def check_plan(architecture: Architecture, network: nn.Module) -> None:
    """Check every leaf of the network against the plan: what it takes and gives, what it holds, what it computes.

    An output is known by its storage, which a flattened view shares.
    """
    layers = {layer.name: layer for layer in plan(architecture)}
    modules = leaves(network)
    assert layers.keys() == modules.keys()
    made_by: dict[int, str] = {}
    kept: list[Tensor] = []
    order: list[str] = []

    def check(name: str, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        layer = layers[name]
        assert KINDS[type(modules[name])] == layer.kind
        assert tuple(made_by[key] for one in inputs if (key := storage(one)) in made_by) == layer.inputs
        assert inputs[0][0].numel() == math.prod(layer.input)
        assert chw(output) == layer.output
        made_by[storage(output)] = name
        kept.append(output)
        order.append(name)

    for name, module in modules.items():
        module.register_forward_hook(lambda _, inputs, output, name=name: check(name, inputs, output))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.eval()(torch.empty(2, *architecture.input_shape, device="meta"))
    assert order == [layer.name for layer in layers.values() if layer.called]
    counts = counter.get_flop_counts()
    for name, layer in layers.items():
        assert sum(parameter.numel() for parameter in modules[name].parameters()) == layer.parameters
        counted = counts.get(f"{type(network).__name__}.{name}", {})
        assert sum(counted.values()) == 2 * 2 * layer.macs  # two images, two operations for each multiply-add
        module = modules[name]
        if isinstance(module, nn.Conv2d) and layer.called:
            window = module.kernel_size[0], module.stride[0], module.padding[0], module.dilation[0]
            assert window == (layer.kernel, layer.stride, layer.padding, layer.dilation)
            assert (module.groups, module.bias is not None) == (layer.groups, layer.bias)


KINDS = {
    nn.Conv2d: "conv", nn.BatchNorm2d: "batch norm", nn.ReLU: "relu", nn.MaxPool2d: "max pool", nn.Dropout: "dropout",
    nn.AdaptiveAvgPool2d: "average pool", nn.Linear: "linear", FullyConnected: "linear", Add: "add",
    ZeroPad: "zero pad", nn.AvgPool2d: "average pool", nn.Sigmoid: "sigmoid", Scale: "scale",
}  # fmt: skip


@settings(max_examples=200)
@given(residuals(stages=4, blocks=2, width=5, image=40))
def test_the_plan_of_any_residual_network_is_its_module_layer_by_layer(architecture: Residual) -> None:
    check_plan(architecture, empty(architecture))
