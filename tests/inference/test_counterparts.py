from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from resnet_studio.inference.counterparts import (
    counterpart_weights,
    is_plain,
    needs_weights_choice,
    plain_counterpart,
    with_counterpart,
)
from resnet_studio.inference.values import ForwardSpec, PublishedWeights, RandomWeights, WeightsFile
from resnet_studio.inference.weights.bundled import bundled_weights
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.presets import preset


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("resnet18", "plain18"), ("resnet34", "plain34"), ("plain34", "resnet34"), ("resnet56-cifar", "plain56-cifar"),
        ("plain20-cifar", "resnet20-cifar"), ("plain20-digits", "resnet20-digits"),
        ("resnet20-digits", "plain20-digits"),
    ],
)  # fmt: skip
def test_counterparts_are_the_papers_networks(one: str, other: str) -> None:
    assert plain_counterpart(preset(one)) == preset(other)
    assert is_plain(preset(one)) != is_plain(preset(other))


def test_every_shortcut_has_the_same_plain_counterpart() -> None:
    plain = Residual(shortcut="none")
    assert {plain_counterpart(replace(plain, shortcut=shortcut)) for shortcut in ("A", "B", "C")} == {plain}
    assert plain_counterpart(plain) == preset("resnet50")


def test_networks_without_counterpart() -> None:
    for name in ("vgg19", "alexnet", "article18", "article50"):
        spec = ForwardSpec("sample:china", preset(name))
        assert plain_counterpart(preset(name)) is None
        assert with_counterpart(spec) == (spec,)


def test_counterpart_weights_are_of_the_same_kind() -> None:
    digits, plain = preset("resnet20-digits"), preset("plain20-digits")
    bundled, other = bundled_weights(digits), bundled_weights(plain)
    assert bundled is not None
    assert counterpart_weights(ForwardSpec("sample:digit-3", digits, bundled)) == other
    assert counterpart_weights(ForwardSpec("sample:digit-3", digits, RandomWeights(7))) == RandomWeights(7)
    assert counterpart_weights(ForwardSpec("x.png", digits, WeightsFile(Path("x.pth")))) == RandomWeights()
    assert counterpart_weights(ForwardSpec("x.png", preset("resnet20-cifar"), bundled)) == RandomWeights()


def test_only_weights_from_files_and_torchvision_need_a_choice() -> None:
    digits = preset("resnet20-digits")
    bundled = bundled_weights(digits)
    assert bundled is not None
    assert not needs_weights_choice(ForwardSpec("x.png", digits, bundled))
    assert not needs_weights_choice(ForwardSpec("x.png", digits))
    assert needs_weights_choice(ForwardSpec("x.png", digits, WeightsFile(Path("x.pth"))))
    assert needs_weights_choice(ForwardSpec("x.png", preset("resnet50"), PublishedWeights("resnet50", "IMAGENET1K_V2")))
    chosen = WeightsFile(Path("y.pth"))
    assert with_counterpart(ForwardSpec("x.png", digits), chosen)[1].weights == chosen
