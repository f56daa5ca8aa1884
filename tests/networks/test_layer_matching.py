"""Corresponding layers, held against pairs that were found by hand in the networks' plans."""

from __future__ import annotations

from dataclasses import replace

import pytest

from architectures import OWN_PRESETS
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.layer_matching import matching_layer
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import preset

PAIRS = [
    # The same name in the same stage is the same layer, however many blocks the stage has.
    ("resnet50", "resnet101", "layer3.5.relu3", "layer3.5.relu3"),
    ("resnet50", "resnet101", "layer3.5", "layer3.5"),
    ("resnet50", "resnet101", "conv1", "conv1"),
    ("resnet50", "resnet101", "fc", "fc"),
    # Else the same step at the same relative depth: 23 blocks on 6, last on last.
    ("resnet101", "resnet50", "layer3.22", "layer3.5"),
    ("resnet101", "resnet50", "layer3.22.relu3", "layer3.5.relu3"),
    ("resnet101", "resnet50", "layer3.9.conv2", "layer3.2.conv2"),
    ("resnet56-cifar", "resnet20-cifar", "layer1.8.relu2", "layer1.2.relu2"),
    ("resnet56-cifar", "resnet20-cifar", "layer1.4", "layer1.1"),
    # Residual and plain: what the addition gives to the last ReLU comes from the last batch norm.
    ("resnet34", "plain34", "layer2.0.relu2", "layer2.0.relu2"),
    ("resnet34", "plain34", "layer2.0.add", "layer2.0.bn2"),
    ("plain34", "resnet34", "layer2.0.bn2", "layer2.0.bn2"),
    ("resnet34", "plain34", "layer2.0.downsample.1", None),
    ("resnet20-cifar", "plain20-cifar", "layer2.0.downsample", None),
    ("resnet20-cifar", "plain20-cifar", "layer3.2", "layer3.2"),
    # Blocks of two convolutions and of three: a block's output is its last ReLU, whatever that is called.
    ("resnet50", "resnet34", "layer1.0.relu3", "layer1.0.relu2"),
    ("resnet34", "resnet50", "layer1.0.relu2", "layer1.0.relu3"),
    ("resnet50", "resnet34", "layer1.0.relu2", "layer1.0.relu1"),
    ("resnet50", "resnet34", "layer1.0.conv3", "layer1.0.conv2"),
    # ResNet-34's first stage keeps its shape, so nothing there projects; its second stage does.
    ("resnet50", "resnet34", "layer2.0.downsample.1", "layer2.0.downsample.1"),
    ("resnet20-cifar", "resnet34", "layer2.0.downsample", "layer2.0.downsample.1"),
    # Networks for small images have no pool before their blocks, and a stage less.
    ("resnet50", "resnet20-cifar", "maxpool", "relu"),
    ("resnet50", "resnet20-cifar", "layer4.2", "layer3.2"),
    # Pre-activation: a step belongs to its convolution, and a block's output is its sum.
    ("resnet50", "preresnet50", "layer2.1.relu3", "layer2.1.add"),
    ("preresnet50", "resnet50", "layer2.1.add", "layer2.1.add"),
    ("preresnet50", "resnet50", "layer2.1", "layer2.1"),
    ("preresnet50", "resnet50", "layer2.1.bn2", "layer2.1.bn1"),
    ("resnet50", "preresnet50", "layer2.1.relu1", "layer2.1.relu2"),
    ("resnet50", "preresnet50", "layer2.0.downsample.1", "layer2.0.downsample"),
    # By size and order: 112, 56, 28, 14 and 7 of 224 in both.
    ("resnet50", "vgg19", "relu", "features.8"),
    ("resnet50", "vgg19", "conv1", "features.7"),
    ("resnet50", "vgg19", "maxpool", "features.9"),
    ("resnet50", "vgg19", "layer1.2.relu3", "features.17"),
    ("resnet50", "vgg19", "layer1.2", "features.17"),
    ("resnet50", "vgg19", "layer3.5", "features.35"),
    ("resnet50", "vgg19", "layer4.2", "features.36"),
    ("resnet50", "vgg19", "fc", "classifier.6"),
    ("resnet50", "vgg19", "avgpool", "avgpool"),
    ("vgg19", "resnet50", "features.17", "layer1.2.relu3"),
    ("vgg19", "resnet50", "features.35", "layer3.5.relu3"),
    ("vgg19", "resnet50", "features.36", "layer4.2.relu3"),
    ("vgg19", "resnet50", "classifier.0", "avgpool"),
    ("vgg19", "resnet50", "classifier.6", "fc"),
    ("resnet20-cifar", "vgg19", "layer1.2", "features.3"),
    ("resnet20-cifar", "vgg19", "layer3.2", "features.17"),
    # AlexNet's sides are 55, 27, 13 and 6.
    ("resnet18", "alexnet", "layer2.1", "features.4"),
    ("resnet18", "alexnet", "layer4.1", "features.12"),
    ("vgg19", "alexnet", "classifier.0", "classifier.1"),
    ("vgg19", "alexnet", "classifier.3", "classifier.4"),
    ("vgg19", "alexnet", "features.35", "features.11"),
]


@pytest.mark.parametrize(("a", "b", "layer", "expected"), PAIRS)
def test_known_pairs(a: str, b: str, layer: str, expected: str | None) -> None:
    assert matching_layer(preset(a), preset(b), layer) == expected


def test_projections_everywhere_find_the_nearest_projection() -> None:
    everywhere = Residual(Bottleneck(), shortcut="C")
    assert matching_layer(everywhere, preset("resnet50"), "layer2.3.downsample.0") == "layer2.0.downsample.0"


@pytest.mark.parametrize("layer", ["", "layer9.0", "layer1.0.unused_conv"])
def test_what_no_image_meets_has_no_counterpart(layer: str) -> None:
    assert matching_layer(preset("article18"), preset("resnet18"), layer) is None


@pytest.mark.parametrize("title", OWN_PRESETS)
def test_a_network_corresponds_to_itself_at_any_size(title: str) -> None:
    architecture = preset(title)
    height, width = architecture.image_size
    others = replace(architecture, image=(2 * height, 2 * width)), replace(architecture, image=(2 * height, width))
    called = [layer for layer in plan(architecture) if layer.called]
    for name in {name for layer in called[:120] for name in (layer.name, layer.block) if name}:
        assert [matching_layer(architecture, other, name) for other in others] == [name, name]


@pytest.mark.parametrize(
    "a", ["resnet18", "resnet50", "plain20-cifar", "resnet20-digits", "article50", "vgg19", "alexnet"]
)
@pytest.mark.parametrize("b", ["resnet34", "resnet101", "plain34", "resnet56-cifar", "article18", "vgg19", "alexnet"])
def test_what_is_found_is_there_and_only_shortcuts_find_nothing(a: str, b: str) -> None:
    there = {name for layer in plan(preset(b)) if layer.called for name in (layer.name, layer.block)}
    for layer in plan(preset(a)):
        found = matching_layer(preset(a), preset(b), layer.name)
        assert found in there if layer.called and "downsample" not in layer.name else found is None or found in there
