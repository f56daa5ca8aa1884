"""What autograd saves for the backward pass, counted by torch's own hooks, against the plan's count."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.live_tensors import saved_bytes
from resnet_studio.networks.modules.network import build, empty
from resnet_studio.networks.presets import GROUPS, preset

OTHERS = {"densenet121": 0.002, "mobilenet_v3_small": 0.001, "shufflenet_v2_x0_5": 0.001, "inception_v3": 0.1}
"""Networks with functions that are no rows of their plans, such as pools, and what is missing at most."""
NOISE = 1000
"""Bytes an image: stochastic depth draws a number for each image and block."""
RESIDUAL = [
    "resnet18", "resnet50", "resnet152", "plain34", "preresnet50", "resnetv2_50", "wide_resnet50_2", "resnext50_32x4d",
    "seresnet50", "resnet50d", "resnet110-cifar", "preresnet164-cifar", "wrn-16-8", "seresnet110-cifar",
    "plain20-digits", "article18", "article50",
]  # fmt: skip
BASELINES = [
    "alexnet", "vgg11", "vgg19_bn", "squeezenet1_0", "mobilenet_v2", "mnasnet0_5", "efficientnet_b0", "regnet_x_400mf",
    "regnet_y_400mf", "googlenet", "convnext_tiny", "swin_t", "swin_v2_t",
]  # fmt: skip


def saved_by_torch(network: nn.Module, architecture: Architecture, batch: int) -> int:
    """Bytes of the tensors that a forward pass saves, weights excepted; each storage once."""
    weights = {tensor.untyped_storage()._cdata for tensor in [*network.parameters(), *network.buffers()]}
    sizes: dict[int, int] = {}
    kept: list[Tensor] = []  # so that no storage takes the place of another

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            sizes[storage._cdata] = storage.nbytes()
            kept.append(tensor)
        return tensor

    device = next(network.parameters()).device
    images = torch.zeros(batch, *architecture.input_shape, device=device).to(memory_format=torch.channels_last)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        kept.append(network.train()(images))
    return sum(sizes.values())


def saved_per_image(network: nn.Module, architecture: Architecture) -> int:
    """What another image adds."""
    return saved_by_torch(network, architecture, 4) - saved_by_torch(network, architecture, 3)


def test_every_group_of_residual_presets_is_counted() -> None:
    groups = {group for group, names in GROUPS.items() if set(names) & set(RESIDUAL)}
    assert groups | {"ResNet v1.5", "Baselines"} == set(GROUPS)


@pytest.mark.parametrize("name", RESIDUAL)
def test_residual_networks_are_counted_to_the_byte(name: str) -> None:
    architecture = preset(name)
    assert saved_bytes(architecture) == saved_per_image(empty(architecture), architecture)


@pytest.mark.parametrize("name", BASELINES)
def test_baselines_are_counted_to_the_byte(name: str) -> None:
    architecture = preset(name)
    counted = saved_per_image(empty(architecture), architecture)
    assert counted - NOISE <= saved_bytes(architecture) <= counted


@pytest.mark.parametrize(("name", "missing"), OTHERS.items())
def test_what_no_row_stands_for_is_missing(name: str, missing: float) -> None:
    architecture = preset(name)
    counted = saved_per_image(empty(architecture), architecture)
    assert (1 - missing) * counted < saved_bytes(architecture) < counted


def test_a_vision_transformer_on_the_cpu() -> None:
    """On "meta" its attention is not the one that the CPU computes."""
    architecture = preset("vit_b_32")
    with torch.no_grad():
        network = build(architecture)
    assert saved_bytes(architecture) == pytest.approx(saved_per_image(network, architecture), rel=0.01)
