from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from resnet_studio.inference.counterparts import has_choice, is_plain, plain_counterpart, twin_weights, with_twin
from resnet_studio.inference.values import ForwardSpec, PublishedWeights, RandomWeights, WeightsFile
from resnet_studio.inference.weights.bundled import shipped_weights
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.presets import preset


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("resnet18", "plain18"), ("plain34", "resnet34"), ("resnet56-cifar", "plain56-cifar"),
        ("plain20-cifar", "resnet20-cifar"), ("plain20-digits", "resnet20-digits"),
        ("resnet20-digits", "plain20-digits"),
    ],
)  # fmt: skip
def test_twins_are_the_papers(one: str, other: str) -> None:
    assert plain_counterpart(preset(one)) == preset(other)
    assert is_plain(preset(one)) != is_plain(preset(other))


def test_every_shortcut_has_the_same_plain_twin() -> None:
    plain = Residual(shortcut="none")
    assert {plain_counterpart(replace(plain, shortcut=shortcut)) for shortcut in ("A", "B", "C")} == {plain}
    assert plain_counterpart(plain) == preset("resnet50")


def test_some_have_none() -> None:
    for name in ("vgg19", "article18", "article50"):
        subject = ForwardSpec("sample:china", preset(name))
        assert plain_counterpart(preset(name)) is None
        assert with_twin(subject) == (subject,)


def test_the_twins_weights_are_of_the_same_kind() -> None:
    digits, plain = preset("resnet20-digits"), preset("plain20-digits")
    shipped, other = shipped_weights(digits), shipped_weights(plain)
    assert shipped is not None
    assert twin_weights(ForwardSpec("sample:digit-3", digits, shipped)) == other
    assert twin_weights(ForwardSpec("sample:digit-3", digits, RandomWeights(7))) == RandomWeights(7)
    assert twin_weights(ForwardSpec("x.png", digits, WeightsFile(Path("x.pth")))) == RandomWeights()
    assert twin_weights(ForwardSpec("x.png", preset("resnet20-cifar"), shipped)) == RandomWeights()


def test_only_a_files_weights_leave_a_choice() -> None:
    digits = preset("resnet20-digits")
    shipped = shipped_weights(digits)
    assert shipped is not None
    assert not has_choice(ForwardSpec("x.png", digits, shipped))
    assert not has_choice(ForwardSpec("x.png", digits))
    assert has_choice(ForwardSpec("x.png", digits, WeightsFile(Path("x.pth"))))
    assert has_choice(ForwardSpec("x.png", preset("resnet50"), PublishedWeights("resnet50", "IMAGENET1K_V2")))
    chosen = WeightsFile(Path("y.pth"))
    assert with_twin(ForwardSpec("x.png", digits), chosen)[1].weights == chosen
