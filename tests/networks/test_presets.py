"""The named architectures, and what architectures are called."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from resnet_studio.networks import baselines
from resnet_studio.networks.architecture import Architecture, Baseline, Residual
from resnet_studio.networks.families.article import ArticleBasic, ArticleBottleneck
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.preactivation import PreActivationBasic, PreActivationBottleneck
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import GROUPS, PRESETS, matching, preset, preset_name, title

PAPER = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""He et al. 2015, Table 1."""
CIFAR = {20: 3, 32: 5, 44: 7, 56: 9, 110: 18, 1202: 200}
"""He et al. 2015, Section 4.2: 6n + 2 layers."""


def test_the_names() -> None:
    depths = (50, 101, 152)
    cifar = [f"resnet{depth}-cifar" for depth in CIFAR] + [f"plain{depth}-cifar" for depth in (20, 32, 44, 56)]
    cifar += ["preresnet110-cifar", "preresnet164-cifar", "wrn-40-4", "wrn-16-8", "wrn-28-10"]
    assert {group: list(names) for group, names in GROUPS.items()} == {
        "ResNet": [f"resnet{depth}" for depth in PAPER],
        "ResNet v1.5": [f"resnet{depth}-v1.5" for depth in depths],
        "Plain": ["plain18", "plain34"],
        "Pre-activation": ["preresnet50", *(f"resnetv2_{depth}" for depth in depths)],
        "Wide ResNet": ["wide_resnet50_2", "wide_resnet101_2"],
        "ResNeXt": ["resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d"],
        "SE-ResNet": [*(f"seresnet{depth}" for depth in PAPER), "seresnext50_32x4d"],
        "ResNet-D": [f"resnet{depth}d" for depth in (18, 26, 34, 50, 101, 152, 200)],
        "CIFAR": [*cifar, "resnext29-8x64d", "resnext29-16x64d", "seresnet110-cifar"],
        "Digits": ["resnet20-digits", "plain20-digits"],
        "Article": [f"article{depth}" for depth in PAPER],
        "Baselines": list(baselines.NAMES),
    }
    assert list(PRESETS) == [name for names in GROUPS.values() for name in names]
    assert len(set(PRESETS.values())) == len(PRESETS)


@pytest.mark.parametrize("depth", PAPER)
def test_the_papers_imagenet_networks(depth: int) -> None:
    block = Basic() if depth < 50 else Bottleneck()
    paper = Residual(block, PAPER[depth], "B", 64, "imagenet", 3, 224, 1000)
    assert preset(f"resnet{depth}") == paper
    assert preset(f"article{depth}") == replace(paper, block=ArticleBasic() if depth < 50 else ArticleBottleneck())
    if depth >= 50:
        assert preset(f"resnet{depth}-v1.5") == replace(paper, block=Bottleneck("3x3"))
    if depth <= 34:
        assert preset(f"plain{depth}") == replace(paper, shortcut="none")


@pytest.mark.parametrize("depth", CIFAR)
def test_the_papers_cifar_networks(depth: int) -> None:
    paper = Residual(Basic(), (CIFAR[depth],) * 3, "A", 16, "cifar", 3, 32, 10)
    assert preset(f"resnet{depth}-cifar") == paper
    if depth <= 56:
        assert preset(f"plain{depth}-cifar") == replace(paper, shortcut="none")


@pytest.mark.parametrize(
    ("architecture", "parameters"),
    [
        (PRESETS["preresnet164-cifar"], 1_703_258),
        (PRESETS["wrn-28-10"], 36_479_194),
        (PRESETS["resnext29-16x64d"], 68_155_210),
        (PRESETS["seresnet101"], 49_326_872),
        (PRESETS["seresnet152"], 66_821_848),
        (PRESETS["seresnext50_32x4d"], 27_559_896),
        (replace(PRESETS["preresnet110-cifar"], shortcut="B"), 1_730_522),  # the paper's shortcuts are A, theirs B
        (PRESETS["preresnet50"], 25_549_480 - 2 * 64),  # theirs activates the first block's input once more
    ],
)
def test_the_numbers_of_parameters_are_those_that_imgclsmob_publishes(
    architecture: Architecture, parameters: int
) -> None:
    """All digits are those of github.com/osmr/imgclsmob; the first is He et al. 2016's 1.7 million."""
    assert sum(layer.parameters for layer in plan(architecture)) == parameters


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_called_by_its_name(name: str) -> None:
    assert preset_name(preset(name)) == title(preset(name)) == name


@pytest.mark.parametrize("name", [name for name, value in PRESETS.items() if isinstance(value, Residual)])
def test_a_residual_presets_name_has_its_depth(name: str) -> None:
    architecture, depth = preset(name), next(int(part) for part in re.findall(r"\d+", name.replace("resnetv2", "")))
    if name.startswith("wrn"):  # which counts all convolutions, and no linear layer
        assert sum(layer.kind == "conv" for layer in plan(architecture)) == depth
    else:
        assert architecture.depth == depth


@pytest.mark.parametrize(
    ("depth", "block"),
    [(18, Basic()), (26, Bottleneck("3x3")), (34, Basic()), (50, Bottleneck("3x3")), (200, Bottleneck("3x3"))],
)
def test_resnet_d_has_the_deep_stem_and_pools_before_its_projections(depth: int, block: Basic | Bottleneck) -> None:
    """He et al. 2019 (Bag of Tricks), Figure 2, in the depths that timm has: 2·2·2·2 blocks in 26, 3·24·36·3 in 200."""
    architecture = preset(f"resnet{depth}d")
    assert isinstance(architecture, Residual)
    blocks = {26: (2, 2, 2, 2), 200: (3, 24, 36, 3)}.get(depth) or PAPER[depth]
    image = 256 if depth == 200 else 224
    assert architecture == Residual(block, blocks, "D", 64, "deep", image=image)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("ResNet50", "resnet50"),
        ("resnet-50", "resnet50"),
        ("ResNet 50 v1.5", "resnet50-v1.5"),
        ("ResNeXt-50-32x4d", "resnext50_32x4d"),
        ("ResNeXt-101 (64×4d)", "resnext101_64x4d"),
        ("WRN-28-10", "wrn-28-10"),
        ("wrn28_10", "wrn-28-10"),
        ("WideResNet-16-8", "wrn-16-8"),
        ("wide resnet 50-2", "wide_resnet50_2"),
        ("WRN-50-2", "wide_resnet50_2"),
        ("SE-ResNet-50", "seresnet50"),
        ("ResNet-50-D", "resnet50d"),
        ("PreActResNet164 CIFAR", "preresnet164-cifar"),
        ("ResNetV2-50", "resnetv2_50"),
        ("VGG-19", "vgg19"),
        ("RegNet X 16GF", "regnet_x_16gf"),
        ("RegNetX-1.6GF", "regnet_x_1_6gf"),
    ],
)
def test_a_name_is_understood_in_whatever_way_it_is_written(typed: str, name: str) -> None:
    assert preset(typed) == PRESETS[name]
    assert matching(typed)[0] == name


def test_a_part_of_a_name_finds_presets() -> None:
    assert matching("ResNet-152")[:3] == ("resnet152", "resnet152-v1.5", "resnet152d")
    assert set(matching("32x4d")) == {"resnext50_32x4d", "seresnext50_32x4d"}
    assert matching("1202") == ("resnet1202-cifar",)
    assert matching("resnet51") == ()
    assert set(matching("")) == set(PRESETS)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"'resnet51'.*resnet50"):
        preset("resnet51")
    with pytest.raises(ValueError, match=r"'WRN-28-12'.*wrn-28-10"):
        preset("WRN-28-12")
    with pytest.raises(ValueError, match="resnet-studio presets"):
        preset("transformer")


@pytest.mark.parametrize(
    ("architecture", "words"),
    [
        (replace(PRESETS["resnet50"], image=320), ["resnet50", "320×320"]),
        (replace(PRESETS["resnet50"], classes=12345), ["resnet50", "12,345 classes"]),
        (replace(PRESETS["resnet20-cifar"], image=8), ["resnet20-cifar", "8×8"]),
        (replace(PRESETS["resnet56-cifar"], image=8, channels=1), ["resnet56-cifar", "8×8", "1 channel"]),
        (replace(PRESETS["resnet18"], channels=4, classes=10), ["resnet18", "4 channels", "10 classes"]),
        (Baseline("vgg19", image=64, classes=10), ["vgg19", "64×64", "10 classes"]),
        (Residual(Basic(), (1, 1), shortcut="C", image=16), ["resnet6", "basic", "1·1", "shortcut C", "image 16"]),
        (Residual(Basic(), (1, 1), shortcut="none", width=8), ["plain6", "width 8"]),
        (Residual(Bottleneck("3x3"), (1,)), ["resnet5", "stride on 3×3"]),
        (Residual(ArticleBottleneck(), (1,)), ["article5"]),
        (Residual(stem="cifar", channels=1), ["resnet50", "stem cifar", "channels 1"]),
        (Residual(PreActivationBottleneck("3x3"), (1,)), ["preresnet5", "pre-activation bottleneck", "stride on 3×3"]),
        (Residual(PreActivationBasic(), (1,), "none"), ["plain4", "pre-activation basic"]),
    ],
)
def test_what_is_no_preset_is_described(architecture: Residual | Baseline, words: list[str]) -> None:
    assert preset_name(architecture) is None
    assert all(part in title(architecture) for part in words)
