"""The parts of a network that a small figure shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_studio.networks.figure_parts import figure_parts
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import PRESETS, preset

BLOCKS = {"resnet18": 8, "resnet50": 16, "resnet152": 50, "plain34": 16, "resnet56-cifar": 27}
STEMS = {"resnet56-cifar": 1}
"""conv1 and the max pool elsewhere."""


@pytest.mark.parametrize("network", BLOCKS)
def test_a_residual_network_has_a_part_for_each_block(network: str) -> None:
    found = figure_parts(preset(network))
    assert len(found) == STEMS.get(network, 2) + BLOCKS[network] + 2  # the average pool and the classes
    assert found[0].name == "relu"
    assert found[-1].name == "fc"
    assert sum(part.joint == "projection" for part in found) == {"resnet18": 3, "resnet50": 4, "resnet152": 4}.get(
        network, 0
    )


def test_a_part_has_the_height_and_width_of_its_output() -> None:
    found = figure_parts(replace(preset("resnet18"), image=(224, 320)))
    assert [part.size for part in found] == [
        (112, 160), (56, 80), *[(56, 80)] * 2, *[(28, 40)] * 2, *[(14, 20)] * 2, *[(7, 10)] * 2, (1, 1), (1, 1)
    ]  # fmt: skip


def test_vgg_has_a_part_for_each_convolution_pool_and_linear_layer() -> None:
    found = figure_parts(preset("vgg19"))
    assert len(found) == 16 + 5 + 1 + 3
    assert [part.name for part in found[:3]] == ["features.1", "features.3", "features.4"]
    assert [part.name for part in found[-4:]] == ["avgpool", "classifier.1", "classifier.4", "classifier.6"]
    assert [part.label for part in found[:3]] == ["conv 3×3", "conv 3×3", "max pool 2×2"]


@pytest.mark.parametrize("network", PRESETS)
def test_every_layer_is_in_one_part(network: str) -> None:
    architecture = preset(network)
    called = [layer for layer in plan(architecture) if layer.called]
    names = [name for part in figure_parts(architecture) for name in part.layers]
    assert sorted(names) == sorted({layer.name for layer in called} | {layer.block for layer in called} - {""})
    assert all(part.name in part.layers for part in figure_parts(architecture))
