"""Networks of torchvision and timm with random weights: ours take their state dicts strictly and give their logits.

One small network of each family runs whole. The presets themselves are compared by the names and shapes of all tensors.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn
from torchvision.models import get_model, resnet

from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.family import Family
from resnet_studio.networks.families.v2 import V2Basic, V2Bottleneck
from resnet_studio.networks.modules.network import empty
from resnet_studio.networks.presets import GROUPS, preset

BLOCKS = (1, 2, 2, 1)
IN_TIMM = tuple(
    name
    for group in ("ResNet", "ResNet v1.5", "Pre-activation", "Wide ResNet", "ResNeXt", "SE-ResNet", "ResNet-D")
    for name in GROUPS[group]
    if name not in ("resnet50", "resnet101", "resnet152", "preresnet50")  # of the papers, which halve with the 1×1
)
IN_TORCHVISION = tuple(name for name in IN_TIMM if not name.startswith(("se", "resnetv2")) and not name.endswith("d"))


def small(block: Family, **fields: Any) -> Residual:
    return Residual(block, BLOCKS, image=64, classes=10, **fields)


def library_name(name: str) -> str:
    return name.removesuffix("-v1.5")


def torchvision(block: Basic | Bottleneck, dilated: tuple[bool, bool, bool] = (False, False, False)) -> nn.Module:
    if isinstance(block, Basic):
        return resnet.ResNet(resnet.BasicBlock, list(BLOCKS), num_classes=10)
    return resnet.ResNet(
        resnet.Bottleneck, list(BLOCKS), num_classes=10, groups=block.groups, width_per_group=block.width_per_group,
        replace_stride_with_dilation=list(dilated),
    )  # fmt: skip


def timms(name: str, **options: Any) -> nn.Module:
    network: nn.Module = timm.create_model(name, pretrained=False, **options)
    return network


def with_random_weights(network: nn.Module) -> nn.Module:
    """The network in eval mode with all weights and statistics random, none of them zero as timm begins with."""
    generator = torch.Generator().manual_seed(0)
    for key, tensor in network.state_dict().items():
        if key.endswith("running_var") or (key.endswith("weight") and tensor.dim() == 1):
            tensor.uniform_(0.5, 1.5, generator=generator)
        elif tensor.dim() > 1:
            tensor.normal_(0, tensor[0].numel() ** -0.5, generator=generator)
        elif tensor.is_floating_point():
            tensor.normal_(0, 0.1, generator=generator)
    return network.eval()


def our_name(key: str) -> str:
    """Our name of a tensor of timm's resnetv2; all other networks have the same names."""
    key = re.sub(r"^stages\.(\d)\.blocks\.", lambda found: f"layer{int(found[1]) + 1}.", key)
    key = key.replace("stem.conv.", "conv1.").replace("head.fc.", "fc.").replace("downsample.conv.", "downsample.")
    return re.sub(r"^norm\.", "final_bn.", re.sub(r"\bnorm(\d)\.", r"bn\1.", key))


def our_state(theirs: nn.Module, *, v2: bool = False) -> dict[str, Tensor]:
    state = theirs.state_dict()
    if not v2:
        return dict(state)
    return {our_name(key): tensor.flatten(1) if key == "head.fc.weight" else tensor for key, tensor in state.items()}


def check(architecture: Residual, theirs: nn.Module) -> None:
    """Load their random weights strictly and compare the logits of two images."""
    v2 = isinstance(architecture.block, V2Basic | V2Bottleneck)
    ours = empty(architecture).to_empty(device="cpu").eval()
    ours.load_state_dict(our_state(with_random_weights(theirs), v2=v2), strict=True)
    images = torch.rand(2, *architecture.input_shape, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected, logits = theirs(images), ours(images)
    assert logits.shape == expected.shape
    assert expected.std() > 1e-3
    assert (logits - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize(
    "block", [Bottleneck("3x3", 32, 4), Bottleneck("3x3", 1, 128), Bottleneck("3x3"), Basic()], ids=str
)
def test_torchvisions_families(block: Basic | Bottleneck) -> None:
    check(small(block), torchvision(block))


@pytest.mark.parametrize("dilated", [1, 2])
def test_torchvisions_dilated_networks(dilated: int) -> None:
    theirs = torchvision(Bottleneck("3x3"), (False, dilated > 1, True))
    check(small(Bottleneck("3x3"), dilated=dilated), theirs)


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("resnet18d", small(Basic(), shortcut="D", stem="deep")),
        ("resnet50d", small(Bottleneck("3x3"), shortcut="D", stem="deep")),
        ("resnet50t", small(Bottleneck("3x3"), shortcut="D", stem="deep-tiered")),
        ("resnet50c", small(Bottleneck("3x3"), stem="deep")),
        ("seresnet18", small(Basic(), se=16)),
        ("seresnet50", small(Bottleneck("3x3"), se=16)),
        ("seresnext50_32x4d", small(Bottleneck("3x3", 32, 4), se=16)),
        ("resnetv2_18", small(V2Basic())),
        ("resnetv2_50", small(V2Bottleneck())),
    ],
)
def test_timms_families(name: str, ours: Residual) -> None:
    check(ours, timms(name, layers=BLOCKS, num_classes=10))


@pytest.mark.parametrize(("stride", "dilated"), [(16, 1), (8, 2)])
@pytest.mark.parametrize(
    ("name", "block"),
    [("resnet18", Basic()), ("resnext50_32x4d", Bottleneck("3x3", 32, 4)), ("resnetv2_50", V2Bottleneck())],
)
def test_timms_dilated_networks(name: str, block: Family, stride: int, dilated: int) -> None:
    check(small(block, dilated=dilated), timms(name, layers=BLOCKS, num_classes=10, output_stride=stride))


def test_an_image_that_is_not_square_gives_torchvisions_logits() -> None:
    check(replace(small(Bottleneck("3x3")), image=(48, 80)), torchvision(Bottleneck("3x3")))


@pytest.mark.parametrize("name", IN_TORCHVISION)
def test_a_presets_tensors_are_torchvisions(name: str) -> None:
    with torch.device("meta"):
        theirs = get_model(library_name(name), weights=None)
    assert shapes(empty(preset(name)).state_dict()) == shapes(theirs.state_dict())


@pytest.mark.parametrize("name", IN_TIMM)
def test_a_presets_tensors_are_timms(name: str) -> None:
    with torch.device("meta"):
        theirs = timms(library_name(name))
    assert shapes(empty(preset(name)).state_dict()) == shapes(our_state(theirs, v2=name.startswith("resnetv2")))


def shapes(state: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {key: tensor.shape for key, tensor in state.items()}


@pytest.mark.parametrize("name", sorted(set(IN_TIMM) - set(IN_TORCHVISION)))
def test_a_presets_image_has_timms_size(name: str) -> None:
    assert timm.models.get_pretrained_cfg_value(library_name(name), "input_size") == preset(name).input_shape
