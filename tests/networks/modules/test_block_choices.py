"""What ResNeXt, wide, SE, D, dilated and v2 networks compute: against torchvision's and timm's, and formulas."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

import pytest
import timm
import torch
from timm.layers import make_divisible
from timm.models.resnet import BasicBlock
from timm.models.resnet import Bottleneck as TimmBottleneck
from timm.models.resnet import ResNet as TimmResNet
from timm.models.resnetv2 import PreActBasic, PreActBottleneck, ResNetV2
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models

from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.family import reduced_channels
from resnet_studio.networks.families.v2 import V2Basic, V2Bottleneck
from resnet_studio.networks.modules.network import ResNet, build, initialize
from resnet_studio.networks.modules.squeeze_excitation import SqueezeExcitation

SHALLOW = Residual(Bottleneck("3x3"), (1, 2, 1, 1), image=48, classes=7)
BASIC = replace(SHALLOW, block=Basic())


def randomized(network: nn.Module) -> nn.Module:
    """Random weights and batch norm statistics, in eval mode."""
    initialize(network, seed=1)
    generator = torch.Generator().manual_seed(2)
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for values in (norm.running_mean, norm.running_var, norm.weight.data, norm.bias.data):
                values.uniform_(0.5, 1.5, generator=generator)
    return network.eval()


def check_equal(theirs: nn.Module, architecture: Residual, weights: dict[str, Tensor]) -> None:
    """Their weights load strictly into our network, and both give the same logits."""
    ours = build(architecture).eval()
    ours.load_state_dict(weights, strict=True)
    images = torch.rand(2, *architecture.input_shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected, logits = theirs(images), ours(images)
    assert logits.shape == (2, 7)
    assert (logits - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize(("groups", "width_per_group"), [(1, 64), (4, 8), (32, 4), (1, 128)])
@pytest.mark.parametrize("dilated", [0, 2])
def test_torchvisions_resnext_wide_and_dilated_networks(groups: int, width_per_group: int, dilated: int) -> None:
    dilate = [place >= 3 - dilated for place in range(3)]
    theirs = models.ResNet(
        models.resnet.Bottleneck, [1, 2, 1, 1], 7, groups=groups, width_per_group=width_per_group,
        replace_stride_with_dilation=dilate,
    )  # fmt: skip
    ours = replace(SHALLOW, block=Bottleneck("3x3", groups, width_per_group), dilated=dilated)
    check_equal(randomized(theirs), ours, theirs.state_dict())


@pytest.mark.parametrize("dilated", [1, 2, 3])
def test_every_number_of_dilated_stages_is_torchvisions(dilated: int) -> None:
    dilate = [place >= 3 - dilated for place in range(3)]
    theirs = models.ResNet(models.resnet.Bottleneck, [1, 2, 1, 1], 7, replace_stride_with_dilation=dilate)
    check_equal(randomized(theirs), replace(SHALLOW, dilated=dilated), theirs.state_dict())


@pytest.mark.parametrize(
    ("architecture", "options"),
    [
        (replace(BASIC, se=16), {"block_args": {"attn_layer": "se"}}),
        (replace(SHALLOW, se=16), {"block_args": {"attn_layer": "se"}}),
        (
            replace(SHALLOW, block=Bottleneck("3x3", 32, 4), se=16),
            {"block_args": {"attn_layer": "se"}, "cardinality": 32, "base_width": 4},
        ),
        (replace(SHALLOW, se=4), {"block_args": {"attn_layer": partial(timm.layers.SEModule, rd_ratio=1 / 4)}}),
        (replace(BASIC, stem="deep", shortcut="D"), {"stem_type": "deep", "stem_width": 32, "avg_down": True}),
        (replace(SHALLOW, stem="deep", shortcut="D"), {"stem_type": "deep", "stem_width": 32, "avg_down": True}),
        (
            replace(SHALLOW, stem="deep", shortcut="D", image=75),
            {"stem_type": "deep", "stem_width": 32, "avg_down": True},
        ),
        (replace(SHALLOW, stem="deep"), {"stem_type": "deep", "stem_width": 32}),
        (replace(SHALLOW, stem="deep-tiered"), {"stem_type": "deep_tiered", "stem_width": 32}),
        (replace(SHALLOW, dilated=2), {"output_stride": 8}),
        (replace(BASIC, dilated=2), {"output_stride": 8}),
        (replace(BASIC, dilated=1), {"output_stride": 16}),
    ],
    ids=["se basic", "se bottleneck", "se resnext", "se 4", "d basic", "d bottleneck", "d odd", "c", "tiered",
         "dilated", "dilated basic", "dilated once"],
)  # fmt: skip
def test_timms_networks(architecture: Residual, options: dict[str, object]) -> None:
    block = BasicBlock if isinstance(architecture.block, Basic) else TimmBottleneck
    theirs = randomized(TimmResNet(block, (1, 2, 1, 1), num_classes=7, **options))
    check_equal(theirs, architecture, theirs.state_dict())


@pytest.mark.parametrize("bottleneck", [False, True])
def test_timms_resnetv2(bottleneck: bool) -> None:
    """Its weights have other names, and its classifier is a 1×1 convolution."""
    options = {"bottle_ratio": 0.25} if bottleneck else {"basic": True, "bottle_ratio": 1.0}
    channels = (256, 512, 1024, 2048) if bottleneck else (64, 128, 256, 512)
    theirs = ResNetV2(
        (1, 2, 1, 1), channels, num_classes=7, conv_layer=timm.layers.create_conv2d,
        norm_layer=timm.layers.BatchNormAct2d, **options,
    )  # fmt: skip
    assert isinstance(theirs.stages[0].blocks[0], PreActBottleneck if bottleneck else PreActBasic)
    architecture = replace(SHALLOW, block=V2Bottleneck() if bottleneck else V2Basic())
    check_equal(randomized(theirs), architecture, {our_name(n): w for n, w in theirs.state_dict().items()} | {
        "fc.weight": theirs.head.fc.weight.flatten(1), "fc.bias": theirs.head.fc.bias,
    })  # fmt: skip


def our_name(name: str) -> str:
    """A tensor of timm's resnetv2 in our network."""
    name = re.sub(r"^stages\.(\d)\.blocks\.(\d+)\.", lambda found: f"layer{int(found[1]) + 1}.{found[2]}.", name)
    name = name.replace("stem.conv", "conv1").replace("downsample.conv", "downsample").replace("head.fc", "fc")
    return re.sub(r"^norm\.", "final_bn.", re.sub(r"\.norm(\d)\.", r".bn\1.", name))


@pytest.mark.parametrize("channels", [8, 16, 64, 72, 100, 256, 512, 1024, 2048])
@pytest.mark.parametrize("reduction", [1, 2, 4, 8, 16])
def test_reduced_channels_are_timms(channels: int, reduction: int) -> None:
    assert reduced_channels(channels, reduction) == make_divisible(channels / reduction, 8, round_limit=0.0)


def test_squeeze_and_excitation_is_its_formula() -> None:
    """Hu et al. 2018, equations 2 to 4: s = σ(W₂ ReLU(W₁ z)), z the means of the channels."""
    module = SqueezeExcitation(6, 8)
    x = torch.randn(2, 6, 5, 4)
    first, second = (layer.weight.flatten(1) for layer in (module.fc1, module.fc2))
    hidden = functional.relu(x.mean((2, 3)) @ first.T + module.fc1.bias)
    gate = torch.sigmoid(hidden @ second.T + module.fc2.bias)
    torch.testing.assert_close(module(x), x * gate[:, :, None, None])


def test_a_widened_network_keeps_its_first_convolution() -> None:
    """Zagoruyko and Komodakis 2016, Table 1: conv1 has 16 channels, the groups have 16k, 32k and 64k."""
    network = build(Residual(Basic(widen=4), (1, 1, 1), width=16, stem="cifar", image=8, classes=10))
    assert isinstance(network, ResNet)
    widths = [network.get_submodule(f"layer{stage}.0.conv1").out_channels for stage in (1, 2, 3)]
    assert (network.conv1.out_channels, widths) == (16, [64, 128, 256])
    assert network.get_submodule("layer1.0").downsample[0].in_channels == 16


def test_a_deep_stem_has_a_channel_in_the_narrowest_network() -> None:
    for stem in ("deep", "deep-tiered"):
        network = build(Residual(Basic(), (1,), width=1, stem=stem, image=8, classes=2))
        assert network(torch.rand(2, 3, 8, 8)).shape == (2, 2)
