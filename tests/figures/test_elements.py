"""What is drawn of a network: every layer once, a box for each with weights, and its skip connections."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings

from architectures import residuals
from resnet_studio.figures.elements import Figure, element_count, figure_of
from resnet_studio.networks.architecture import Baseline, Residual
from resnet_studio.networks.plan import called_layers
from resnet_studio.networks.presets import PRESETS, preset

RESIDUAL = tuple(name for name, value in PRESETS.items() if isinstance(value, Residual))
BASELINES = tuple(name for name, value in PRESETS.items() if isinstance(value, Baseline))


def names(figure: Figure) -> Counter[str]:
    """Every name that stands in a box or on a skip connection."""
    found = Counter(name for element in figure.elements for name in element.names)
    return found + Counter(name for group in figure.groups for skip in group.skips for name in skip.names)


def weighted(figure: Figure) -> int:
    return sum(element.kind in ("conv", "linear") for element in figure.elements)


@pytest.mark.parametrize("name", RESIDUAL)
def test_as_many_boxes_have_weights_as_the_network_has_layers(name: str) -> None:
    architecture = preset(name)
    assert isinstance(architecture, Residual)
    figure = figure_of(architecture, fold=False)
    extra = 2 if architecture.stem.startswith("deep") else 0  # three convolutions, which the depth counts as one
    assert weighted(figure) == architecture.depth + extra
    skips = [skip for group in figure.groups for skip in group.skips]
    assert len(skips) == (0 if architecture.shortcut == "none" else sum(architecture.blocks))


@pytest.mark.parametrize("name", PRESETS)
def test_every_layer_stands_in_one_place(name: str) -> None:
    called = Counter(layer.name for layer in called_layers(preset(name)))
    assert names(figure_of(preset(name), fold=False)) == called


@given(residuals())
@settings(max_examples=40)
def test_every_layer_of_random_networks_stands_in_one_place(architecture: Residual) -> None:
    figure = figure_of(architecture, fold=False)
    assert names(figure) == Counter(layer.name for layer in called_layers(architecture))
    assert element_count(architecture) == sum(1 for _ in figure.elements)


@pytest.mark.parametrize("name", PRESETS)
def test_what_is_folded_stands_for_all_that_is_not(name: str) -> None:
    whole, folded = figure_of(preset(name), fold=False), figure_of(preset(name), fold=True)
    times = [1] * len(folded.groups)
    for repeat in folded.repeats:
        times[repeat.first : repeat.last + 1] = [repeat.times] * (repeat.last - repeat.first + 1)
    assert sum(map(len, (group.elements for group in whole.groups))) == sum(
        count * len(group.elements) for count, group in zip(times, folded.groups, strict=True)
    )
    shown = set(names(folded)) | {group.name for group in folded.groups}
    assert set(folded.folded.values()) <= shown
    assert not set(folded.folded) & shown


DEPTHWISE = {"mobilenet_v2": 17, "efficientnet_b0": 16, "convnext_tiny": 18}
"""Inverted residual, MBConv, and ConvNeXt blocks in the papers' tables: one depthwise convolution each."""


@pytest.mark.parametrize("name", DEPTHWISE)
def test_depthwise_convolutions_are_told_apart(name: str) -> None:
    texts = [element.text for element in figure_of(preset(name), fold=False).elements]
    assert sum(" dw conv" in text for text in texts) == DEPTHWISE[name]


SKIPS = {
    "mobilenet_v2": 10,  # of 17 blocks, 7 change stride or width (Sandler et al. 2018, Table 2)
    "efficientnet_b0": 9,  # of 16, 7 open a stage (Tan and Le 2019, Table 1)
    "vit_b_16": 24,  # two in each of 12 encoder layers (Dosovitskiy et al. 2021, Equations 2 and 3)
    "convnext_tiny": 18,  # one in each block of 3, 3, 9, 3 (Liu et al. 2022)
    "swin_t": 24,  # two in each block of 2, 2, 6, 2 (Liu et al. 2021)
    "vgg16": 0, "densenet121": 0, "googlenet": 0, "inception_v3": 0,
}  # fmt: skip


@pytest.mark.parametrize("name", SKIPS)
def test_sums_of_other_networks_are_skip_connections(name: str) -> None:
    figure = figure_of(preset(name), fold=False)
    assert sum(len(group.skips) for group in figure.groups) == SKIPS[name]


def test_projections_of_regnet_are_told_from_identities() -> None:
    """Each of its four stages opens with a projection (Radosavovic et al. 2020)."""
    skips = [skip for group in figure_of(preset("regnet_y_400mf"), fold=False).groups for skip in group.skips]
    assert Counter(skip.joint for skip in skips) == {"projection": 4, "identity": 12}


def test_modules_with_branches_are_one_box_each() -> None:
    texts = [element.text for element in figure_of(preset("googlenet"), fold=False).elements]
    assert sum("inception" in text for text in texts) == 9
    assert "inception3a, 256" in texts  # Szegedy et al. 2014, Table 1


def test_densenet_folds_into_its_four_blocks() -> None:
    folded = figure_of(preset("densenet121"), fold=True)
    assert [repeat.times for repeat in folded.repeats] == [6, 12, 24, 16]  # Huang et al. 2016, Table 1


def test_a_transformer_folds_over_attention_and_perceptron_together() -> None:
    folded = figure_of(preset("vit_b_16"), fold=True)
    (repeat,) = folded.repeats
    assert (repeat.times, repeat.last - repeat.first + 1) == (12, 2)


def test_gates_of_squeeze_and_excitation_are_boxes() -> None:
    texts = [element.text for element in figure_of(preset("seresnet50"), fold=False).elements]
    assert sum(text.startswith("SE") for text in texts) == 16
    assert "SE, [16, 256]" in texts  # Hu et al. 2018, Table 1


def test_groups_and_dilations_stand_in_the_text() -> None:
    texts = {element.text for element in figure_of(preset("resnext50_32x4d"), fold=False).elements}
    assert "3×3 conv, 128, C=32" in texts  # Xie et al. 2017, Table 1
    dilated = preset("resnet50-v1.5").with_values({"dilated": 2})
    texts = {element.text for element in figure_of(dilated, fold=False).elements}
    assert "3×3 conv, 512, d=4" in texts
