"""The formulas in the tooltips of layers, and what is said about receptive fields, at sizes that are not square."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_studio.analysis.formulas import formulas
from resnet_studio.gui.activations.large_channel import describe_receptive_field
from resnet_studio.networks.plan import layers_by_name
from resnet_studio.networks.presets import preset

WIDE = replace(preset("resnet50"), image=(224, 320))


def test_a_square_layer_has_one_formula_for_its_size() -> None:
    size, flops, _ = formulas(layers_by_name(preset("resnet50"))["conv1"])
    assert size == "size: ⌊(224 + 2·3 − 7) / 2⌋ + 1 = 112"
    assert flops == f"FLOPs: 3 · 7² · 64 · 112² = {3 * 7**2 * 64 * 112**2:,}"


def test_another_layer_has_one_for_each_side() -> None:
    height, width, flops, _ = formulas(layers_by_name(WIDE)["conv1"])
    assert height == "height: ⌊(224 + 2·3 − 7) / 2⌋ + 1 = 112"
    assert width == "width: ⌊(320 + 2·3 − 7) / 2⌋ + 1 = 160"
    assert flops == f"FLOPs: 3 · 7² · 64 · 112 · 160 = {3 * 7**2 * 64 * 112 * 160:,}"


@pytest.mark.parametrize(
    ("layer", "label", "sentence"),
    [
        ("layer1.0.conv1", "RF 11×11", "depends on this many pixels"),
        ("layer3.5", "RF 291×291", "291×291, reaches beyond the 224×320 input"),  # 11 + 2 · (3·4 + 4·8 + 6·16)
        ("avgpool", "whole input", "depends on the whole input"),
    ],
)
def test_a_receptive_field_is_told_against_both_sides(layer: str, label: str, sentence: str) -> None:
    shown, tip = describe_receptive_field(WIDE, layer)
    assert shown == label
    assert sentence in tip
