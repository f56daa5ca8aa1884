"""Every captured value against the same network in float64 in which nothing is ever overwritten."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from architectures import OWN_PRESETS
from resnet_studio.inference.compute.capture import capture
from resnet_studio.inference.compute.folding import folded
from resnet_studio.inference.compute.transforms import imagenet, preprocess
from resnet_studio.inference.images.references import open_reference
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.modules.network import ResNet, build
from resnet_studio.networks.plan import blocks, plan
from resnet_studio.networks.presets import PRESETS

SIDES = {"vgg19": 64, "alexnet": 80}
"""Image sizes, so that all takes a minute; 64 for other ImageNet networks, CIFAR's unchanged."""
DAMPED = 0.25
"""Gamma of each residual branch's last batch norm: without it 600 additions leave float32's range."""
FLOAT32_ALONE = {"plain56-cifar": 2e-5}
"""What float32 itself loses in 56 layers without shortcuts: 1.2e-5."""


def small(name: str) -> Architecture:
    architecture = PRESETS[name]
    return replace(architecture, image=min(architecture.image, SIDES.get(name, 64)))


def images(architecture: Architecture) -> Tensor:
    return preprocess(open_reference("sample:china"), imagenet(architecture.image), architecture.channels)


def outputs(network: nn.Module, values: Tensor, names: tuple[str, ...]) -> dict[str, Tensor]:
    """Each layer's output, cloned before any in-place operation."""
    outputs_by_name: dict[str, Tensor] = {}

    def record(name: str, output: Tensor) -> None:
        outputs_by_name[name] = output.detach().clone()

    hooks = [
        network.get_submodule(name).register_forward_hook(lambda _m, _i, output, name=name: record(name, output))
        for name in names
    ]
    with torch.no_grad():
        network(values)
    for hook in hooks:
        hook.remove()
    return outputs_by_name


def worst(captured: dict[str, Tensor], wanted: dict[str, Tensor]) -> tuple[float, str]:
    """The greatest error of any layer, as a fraction of that layer's greatest value, and its name."""
    assert captured.keys() == wanted.keys()
    errors = (
        (float((captured[name].double() - exact).abs().max() / exact.abs().max().clamp(min=1e-30)), name)
        for name, exact in wanted.items()
    )
    return max(errors)


def conditioned(architecture: Architecture) -> nn.Module:
    """A network in eval mode whose values keep their magnitude through any depth, so that float32 loses little.

    Batch norms that are calibrated on one small image divide by what float32 has rounded, and differ by up to 1e-2 from
    float64 after 56 plain layers, whoever runs them.
    """
    network = build(architecture, seed=0).eval()
    layers = plan(architecture)
    residual = {layer.inputs[0] for layer in layers if layer.kind in ("add", "scale")}
    for name, module in network.named_modules():
        if name in residual and isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.weight, DAMPED)
    return network


@pytest.mark.parametrize("name", OWN_PRESETS)
def test_every_named_tensor_is_exact(name: str) -> None:
    architecture = small(name)
    network = conditioned(architecture)
    layers = tuple(layer.name for layer in plan(architecture) if layer.called)
    block_names = tuple(block.name for block in blocks(architecture)) if isinstance(architecture, Residual) else ()
    values = images(architecture)
    ours = capture(network, values, (*layers, *block_names)).layers
    fast = capture(folded(network), values, block_names).layers if isinstance(network, ResNet) else {}
    cloned = outputs(network, values, (*layers, *block_names))
    assert all(torch.equal(ours[layer], cloned[layer]) for layer in cloned)  # bit for bit
    exact = outputs(network.double(), values.double(), (*layers, *block_names))
    error, where = worst(ours, exact)
    assert error <= FLOAT32_ALONE.get(name, 1e-5), where
    if fast:
        error, where = worst(fast, {block: exact[block] for block in block_names})
        assert error <= 1e-4, where
