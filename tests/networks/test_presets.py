"""The named architectures, and what architectures are called."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_studio.networks.architecture import Architecture, Baseline, Residual
from resnet_studio.networks.families.article import ArticleBasic, ArticleBottleneck
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.preactivation import PreActivationBasic, PreActivationBottleneck
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import PRESETS, preset, preset_name, title

PAPER = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""He et al. 2015, Table 1."""
CIFAR = {20: 3, 32: 5, 44: 7, 56: 9, 110: 18, 1202: 200}
"""He et al. 2015, Section 4.2: 6n + 2 layers."""


def test_the_names() -> None:
    names = [f"resnet{depth}" for depth in PAPER]
    names += ["resnet50-v1.5", "resnet101-v1.5", "resnet152-v1.5", "plain18", "plain34"]
    names += [f"resnet{depth}-cifar" for depth in CIFAR] + [f"plain{depth}-cifar" for depth in (20, 32, 44, 56)]
    names += ["resnet20-digits", "plain20-digits", "vgg19", "alexnet"] + [f"article{depth}" for depth in PAPER]
    names += ["preresnet50", "preresnet110-cifar", "preresnet164-cifar"]
    assert list(PRESETS) == names
    assert len(set(PRESETS.values())) == len(names)


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
        (replace(PRESETS["preresnet110-cifar"], shortcut="B"), 1_730_522),  # the paper's shortcuts are A, theirs B
        (PRESETS["preresnet50"], 25_549_480 - 2 * 64),  # theirs activates the first block's input once more
    ],
)
def test_pre_activation_networks_have_published_numbers_of_parameters(
    architecture: Architecture, parameters: int
) -> None:
    """The first is He et al. 2016's 1.7 million; all digits are those of github.com/osmr/imgclsmob."""
    assert sum(layer.parameters for layer in plan(architecture)) == parameters


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_called_by_its_name(name: str) -> None:
    assert preset_name(preset(name)) == title(preset(name)) == name
    assert preset(name).depth == int("".join(c for c in name.split("-")[0] if c.isdigit()) or 8)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"'resnet51'.*resnet50"):
        preset("resnet51")
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
