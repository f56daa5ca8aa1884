"""Receptive fields from the plan, held against the pixels that the gradient of one value reaches."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from resnet_studio.networks.architecture import Architecture, Baseline, Residual
from resnet_studio.networks.families.article import ArticleBasic
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import preset
from resnet_studio.networks.receptive_field import Box, field_sides, passes_gate, pixels_read, receptive_field

BASIC = Residual(block=Basic(), blocks=(1, 2), width=4, image=64, classes=3)
PAPER = Residual(block=Bottleneck(), blocks=(1, 2), width=4, image=64, classes=3)
V15 = Residual(block=Bottleneck("3x3"), blocks=(1, 2), width=4, image=64, classes=3)
CIFAR = Residual(block=Basic(), blocks=(2, 2), shortcut="A", stem="cifar", width=4, image=24, classes=3)
ARTICLE = Residual(block=ArticleBasic(), blocks=(1, 2), width=4, image=64, classes=3)
DEEP = Residual(Bottleneck("3x3"), (1, 2), "D", width=4, stem="deep", image=64, classes=3)
GATED = replace(BASIC, se=16)
DILATED = replace(V15, blocks=(1, 1, 2), dilated=2)
VGG = Baseline("vgg19", image=32, classes=3)


def all_pass(architecture: Architecture) -> nn.Module:
    """The network with positive weights, so that every pixel that can reach a value does.

    A max pool lets one pixel of its window through: an average over the same window takes its place. Gates, which don't
    count, let nothing through.
    """
    network = build(architecture).eval()
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.MaxPool2d):
            parent, _, last = name.rpartition(".")
            average = nn.AvgPool2d(module.kernel_size, module.stride, module.padding)
            setattr(network.get_submodule(parent), last, average)
        elif isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.constant_(module.weight, 0 if name.endswith("se.fc2") else 1 / module.weight[0].numel())
    return network


def outputs(network: nn.Module, images: Tensor, layers: list[str]) -> dict[str, Tensor]:
    """Every layer's output of one pass, with its gradient's way back to the images."""
    found: dict[str, Tensor] = {}
    hooks = []
    for name in layers:
        keep = partial(found.__setitem__, name)
        hooks.append(network.get_submodule(name).register_forward_hook(lambda _m, _i, out, keep=keep: keep(out)))
    network(images)
    for hook in hooks:
        hook.remove()
    return found


def reached(images: Tensor, output: Tensor, row: int, column: int) -> np.ndarray:
    """Which pixels of the input the gradient of one value reaches."""
    value = output.reshape(*output.shape[:2], *output.shape[2:] or (1, 1))[0, 0, row, column]
    (gradient,) = torch.autograd.grad(value, images, retain_graph=True)
    return gradient[0].abs().sum(0).numpy() > 0


def clipped(box: Box, size: tuple[int, int]) -> np.ndarray:
    inside = np.zeros(size, bool)
    inside[max(0, box.top) : box.bottom, max(0, box.left) : box.right] = True
    return inside


def places(size: tuple[int, int]) -> list[tuple[int, int]]:
    height, width = size
    return sorted({(0, 0), (height // 2, width // 3), (height - 1, width // 2), (height // 3, width - 1)})


def every_layer(architecture: Architecture) -> dict[str, tuple[int, int]]:
    """Height and width of what every layer, block and stage gives, but for what lets no gradient through."""
    called = [layer for layer in plan(architecture) if layer.called]
    layers = {layer.name: layer.output[1:] for layer in called if not layer.name.endswith(("se.fc2", "se.gate"))}
    layers |= {layer.block: layer.output[1:] for layer in plan(architecture) if layer.block}
    return layers | ({"layer1": layers["layer1.0"], "layer2": layers["layer2.1"]} if "layer2.1" in layers else {})


@pytest.mark.parametrize(
    "architecture",
    [
        BASIC,
        PAPER,
        V15,
        CIFAR,
        ARTICLE,
        VGG,
        DEEP,
        GATED,
        DILATED,
        replace(BASIC, blocks=(1, 2), dilated=1),
        replace(V15, image=(64, 96)),
        replace(CIFAR, image=(24, 12)),
    ],
    ids=str,
)
def test_a_field_is_where_the_gradient_goes(architecture: Architecture) -> None:
    layers = every_layer(architecture)
    images = torch.ones(1, *architecture.input_shape, requires_grad=True)
    values = outputs(all_pass(architecture), images, list(layers))
    wrong = [
        (layer, row, column)
        for layer, size in layers.items()
        for row, column in places(size)
        if not np.array_equal(
            reached(images, values[layer], row, column),
            clipped(receptive_field(architecture, layer, row, column), architecture.image_size),
        )
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "architecture",
    [
        BASIC, V15, replace(CIFAR, image=9), replace(BASIC, image=61), replace(ARTICLE, image=45),
        replace(DEEP, image=51), GATED, DILATED,
        replace(VGG, image=45), *(Baseline("alexnet", image=side, classes=3) for side in (63, 70)),
        replace(BASIC, image=(33, 70)), replace(ARTICLE, image=(61, 45)),
        Baseline("alexnet", image=(70, 111), classes=3),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_read_is_exactly_where_the_gradient_goes(architecture: Architecture) -> None:
    """Also at sizes of which windows leave a rest, whose pixels no value reads, and behind the last pool."""
    layers = every_layer(architecture)
    images = torch.ones(1, *architecture.input_shape, requires_grad=True)
    values = outputs(all_pass(architecture), images, list(layers))
    height, width = architecture.image_size
    for layer, size in layers.items():
        for row, column in places(size):
            box = pixels_read(architecture, layer, row, column)
            assert 0 <= box.left < box.right <= width
            assert 0 <= box.top < box.bottom <= height
            seen = clipped(box, (height, width))
            assert np.array_equal(reached(images, values[layer], row, column), seen), (layer, row, column, box)


def test_alexnet_never_reads_the_last_pixels_of_some_images() -> None:
    """70 pixels: 16 windows of 11 pixels, of which the pool leaves one out; so the last that counts ends at 54 + 11."""
    assert pixels_read(Baseline("alexnet", image=70), "classifier.6", 0, 0) == Box(0, 0, 65, 65)
    assert pixels_read(Baseline("alexnet", image=224), "classifier.6", 0, 0) == Box(0, 0, 224, 224)


STEM = 1 + 6 + 2 * 2
"""The 7×7 convolution and the 3×3 max pool, whose values are two pixels apart."""
SIDES = {
    ("vgg19", "features.36"): 212 + 2 * (4 + 8 + 16),
    ("alexnet", "features.12"): 195,
    ("resnet50", "layer4"): 483,
    ("resnet101", "layer4"): 1027,
    ("resnet152", "layer4"): 1507,
    ("resnet50", "layer1"): STEM + 3 * 2 * 4,
    ("resnet50-v1.5", "layer2.0"): STEM + 3 * 2 * 4 + 2 * 4,
    ("resnet50", "layer2.0"): STEM + 3 * 2 * 4 + 2 * 8,
    ("resnet50-v1.5", "layer4"): STEM + 2 * (4 * 4 + 4 * 8 + 6 * 16 + 2 * 32),
    ("resnet18", "layer4"): STEM + 2 * (5 * 4 + 4 * 8 + 4 * 16 + 3 * 32),
}
"""VGG-16's 212, AlexNet's 195 and the numbers of layer4 from Araujo, Norris and Sim, "Computing Receptive Fields of
Convolutional Neural Networks", Distill 2019; VGG-19 has one more 3×3 convolution in each of the last three stages.
The others from the paper's Table 1: every 3×3 adds twice the distance between the values that it takes."""


@pytest.mark.parametrize(("network", "layer"), SIDES)
def test_sides_are_the_known_ones(network: str, layer: str) -> None:
    box = receptive_field(preset(network), layer, 3, 3)
    assert (box.width, box.height) == (SIDES[network, layer],) * 2


def test_the_first_convolution_sees_its_window() -> None:
    assert receptive_field(preset("resnet50"), "conv1", 0, 10) == Box(-3 + 20, -3, 4 + 20, 4)


def test_behind_a_gate_every_pixel_counts_if_little() -> None:
    """The gate itself is a whole image's; what it scales is told apart from what no gate has touched."""
    network = preset("seresnet50")
    assert receptive_field(network, "layer1.0.se.gate", 0, 0) == Box(0, 0, 224, 224)
    same = ("layer1.0.bn3", "layer1.0")
    assert len({receptive_field(network, layer, 5, 5) for layer in same}) == 1
    assert [passes_gate(network, layer) for layer in ("maxpool", *same)] == [False, False, True]


def test_dilation_keeps_what_a_value_sees() -> None:
    """A stage's 3×3 convolutions see as far at the original size as they would at half of it."""
    dilated, usual = (replace(preset("resnet50-v1.5"), dilated=stages) for stages in (2, 0))
    for stage in ("layer3", "layer4"):
        one, other = (receptive_field(network, stage, 0, 0) for network in (dilated, usual))
        assert (one.width, one.height) == (other.width, other.height)


@pytest.mark.parametrize("layer", ["avgpool", "fc"])
def test_behind_the_global_pool_everything_is_seen(layer: str) -> None:
    assert receptive_field(preset("resnet18"), layer, 0, 0) == Box(0, 0, 224, 224)
    assert receptive_field(replace(preset("resnet18"), image=(224, 320)), layer, 0, 0) == Box(0, 0, 320, 224)


@pytest.mark.parametrize("layer", ["layer9.0", "layer1.0.unused_conv", ""])
def test_a_layer_that_gives_nothing_has_no_field(layer: str) -> None:
    with pytest.raises(ValueError, match="never called"):
        receptive_field(preset("article18"), layer, 0, 0)


@pytest.mark.parametrize("architecture", [
    BASIC, V15, DEEP, GATED, DILATED, replace(BASIC, image=(64, 96)), preset("preresnet50"), preset("resnet110-cifar"),
    preset("mobilenet_v2"), preset("googlenet"), preset("densenet121"), preset("vgg19"),
])  # fmt: skip
def test_the_fields_of_all_layers_in_one_pass_are_those_of_each(architecture: Architecture) -> None:
    """Gates' own layers are left out: by one path or the other, they see the whole image."""
    sides = field_sides(architecture)
    layers = [layer for layer in plan(architecture) if layer.called and layer.role != "gate"]
    assert {layer.name for layer in layers} <= sides.keys()
    for layer in layers[:: max(1, len(layers) // 12)]:
        _, height, width = layer.output
        box = receptive_field(architecture, layer.name, height // 2, width // 2)
        assert sides[layer.name] == (box.height, box.width), layer.name


def test_published_fields_are_met() -> None:
    """Of Araujo et al. 2019, Computing Receptive Fields of Convolutional Neural Networks: the last maps."""
    published = {"resnet50": 483, "resnet101": 1027, "resnet152": 1507}
    for name, side in published.items():
        architecture = preset(name)
        last = [layer.name for layer in plan(architecture) if layer.stage == "conv5_x" and layer.role == "output"][-1]
        assert field_sides(architecture)[last] == (side, side)


def test_behind_attention_in_windows_there_is_no_one_size() -> None:
    sides = field_sides(preset("swin_t"))
    assert sides["features.0.0"] == (4, 4)
    assert "features.1.0.mlp.0" not in sides
    assert sides["head"] == (224, 224)
