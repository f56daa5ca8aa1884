"""Networks told from their tensors, against the built networks themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_studio.inference.weights.architecture_inference import fits, prefixes, recognise, shapes_of, under
from resnet_studio.networks.architecture import Architecture, Baseline, Residual
from resnet_studio.networks.modules.network import empty
from resnet_studio.networks.presets import PRESETS, preset

TELLING = sorted(name for name in PRESETS if name != "resnet1202-cifar")


def built(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in empty(architecture).state_dict().items()}


@st.composite
def residuals(draw: st.DrawFn) -> Residual:
    article = draw(st.booleans())
    return Residual(
        block=draw(st.sampled_from(("basic", "bottleneck"))),
        blocks=tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=5))),
        stride_on="3x3" if article else draw(st.sampled_from(("1x1", "3x3"))),
        shortcut="B" if article else draw(st.sampled_from(("A", "B", "C", "none"))),
        width=draw(st.integers(1, 9)),
        stem=draw(st.sampled_from(("imagenet", "cifar"))),
        channels=draw(st.integers(1, 4)),
        image=draw(st.integers(1, 300)),
        classes=draw(st.integers(1, 12)),
        variant="article" if article else "paper",
    )


@settings(max_examples=200)
@given(residuals(), st.one_of(st.none(), residuals()))
def test_any_network_is_recognised_by_its_tensors(architecture: Residual, like: Residual | None) -> None:
    shapes = built(architecture)
    assert shapes_of(architecture) == shapes
    found = recognise(shapes, like)
    assert found is not None
    assert built(found) == shapes


@pytest.mark.parametrize("name", TELLING)
def test_every_preset_is_recognised_by_who_has_it_in_hand(name: str) -> None:
    architecture = preset(name)
    assert shapes_of(architecture) == built(architecture)
    found = recognise(built(architecture), architecture)
    if isinstance(architecture, Residual) and architecture.block == "bottleneck":
        architecture = replace(architecture, stride_on="3x3")  # which no tensor tells, and which most files have
    assert found == architecture


@pytest.mark.parametrize(
    ("name", "like", "found"),
    [
        ("resnet34", "resnet18", "resnet34"),
        ("resnet101", "resnet50", "resnet101-v1.5"),
        ("resnet101", "resnet50-v1.5", "resnet101-v1.5"),
        ("resnet50", "resnet18", "resnet50-v1.5"),
        ("resnet18", "resnet50-v1.5", "resnet18"),
        ("plain34", "resnet50", "plain34"),
        ("plain20-cifar", "plain56-cifar", "plain20-cifar"),
        ("plain20-cifar", "resnet50", "resnet20-cifar"),
        ("article18", "resnet50", "article18"),
        ("vgg19", "resnet50", "vgg19"),
        ("alexnet", "vgg19", "alexnet"),
    ],
)
def test_what_no_tensor_tells_is_as_in_the_network_in_hand_or_as_usual(name: str, like: str, found: str) -> None:
    assert recognise(built(preset(name)), preset(like)) == preset(found)


def test_the_image_is_that_in_hand_where_the_stem_is_the_same() -> None:
    shapes = built(replace(preset("resnet34"), classes=7))
    assert recognise(shapes, replace(preset("resnet18"), image=96)) == replace(preset("resnet34"), image=96, classes=7)
    assert recognise(shapes, replace(preset("resnet20-cifar"))) == replace(preset("resnet34"), classes=7)
    assert recognise(shapes) == replace(preset("resnet34"), classes=7)
    assert recognise(built(Baseline("vgg19", 64, 7)), Baseline("vgg19", 96)) == Baseline("vgg19", 96, 7)


def test_counts_of_batches_tell_nothing() -> None:
    old = {name: shape for name, shape in built(preset("resnet18")).items() if "num_batches" not in name}
    assert recognise(old) == preset("resnet18")


@pytest.mark.parametrize(
    "changes",
    [
        {"layer5.0.conv1.weight": (8, 8, 3, 3)},
        {"layer2.0.conv1.weight": None},
        {"conv1.weight": (64, 3, 5, 5)},
        {"conv1.weight": (0, 3, 7, 7)},
        {"conv1.weight": (64, 3)},
        {"fc.weight": None},
        {"fc.weight": (10, 512)},
        {"bn1.running_mean": (63,)},
        {"scale": ()},
    ],
)
def test_what_differs_in_a_single_tensor_is_no_network_of_ours(changes: dict[str, tuple[int, ...] | None]) -> None:
    shapes = {**built(preset("resnet18")), **changes}
    assert recognise({name: shape for name, shape in shapes.items() if shape is not None}) is None
    assert recognise({}) is None


def test_networks_inside_larger_ones_are_found() -> None:
    small = built(preset("resnet20-cifar"))
    shapes = {f"encoder.module.{name}": shape for name, shape in small.items()}
    shapes |= {f"momentum.{name}": shape for name, shape in built(preset("alexnet")).items()}
    assert prefixes(shapes) == ("encoder.module.", "momentum.")
    assert under(shapes, "encoder.module.") == small
    assert recognise(under(shapes, "momentum.")) == preset("alexnet")
    assert recognise(shapes) is None
    assert prefixes(small) == ()


def test_a_head_may_be_left_out_of_the_comparison() -> None:
    ten, seven = preset("resnet20-cifar"), replace(preset("resnet20-cifar"), classes=7)
    assert fits(built(ten), ten)
    assert not fits(built(seven), ten)
    assert fits(built(seven), ten, head="fc")
    assert not fits(built(preset("resnet32-cifar")), ten, head="fc")
