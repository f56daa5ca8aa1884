"""The plan against published figures and against formulas written down a second time, from the papers alone."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from architectures import OWN_PRESETS, residuals
from resnet_studio.networks.architecture import ArchitectureError, Baseline, Residual
from resnet_studio.networks.baselines import smallest_image
from resnet_studio.networks.layers import output_size
from resnet_studio.networks.plan import blocks, plan
from resnet_studio.networks.presets import PRESETS, preset

PARAMETERS = {
    "resnet18": 11_689_512, "resnet34": 21_797_672, "resnet50": 25_557_032, "resnet101": 44_549_160,
    "resnet152": 60_192_808, "resnet50-v1.5": 25_557_032, "resnet101-v1.5": 44_549_160, "resnet152-v1.5": 60_192_808,
    "vgg19": 143_667_240, "alexnet": 61_100_840,
}  # fmt: skip
"""As torchvision documents its networks; where the stride sits changes no parameter."""
ARTICLE_PARAMETERS = {18: 6_658_088, 34: 12_847_464, 50: 25_583_592, 101: 44_601_832, 152: 60_268_520}
BILLIONS = {
    "resnet18": 1.814, "resnet34": 3.664, "resnet50": 3.858, "resnet101": 7.570, "resnet152": 11.282,
    "resnet50-v1.5": 4.089, "resnet101-v1.5": 7.801, "resnet152-v1.5": 11.514, "vgg19": 19.632,
    "article18": 1.005, "article34": 2.032, "article50": 4.089, "article101": 7.801, "article152": 11.514,
}  # fmt: skip
"""Multiply-adds of convolutions and linear layers at 224×224: torchvision's documentation has those of v1.5 and VGG."""
TABLE_6 = {20: "0.27", 32: "0.46", 44: "0.66", 56: "0.85", 110: "1.7", 1202: "19.4"}
"""He et al. 2015, Table 6: millions of parameters."""


def parameters(name: str) -> int:
    return sum(layer.parameters for layer in plan(preset(name)))


def macs(architecture: Residual | Baseline) -> int:
    return sum(layer.macs for layer in plan(architecture))


@given(st.integers(1, 300), st.integers(1, 11), st.integers(1, 5), st.integers(0, 5), st.integers(1, 4))
def test_output_size_is_the_number_of_places_the_kernel_fits(
    n_in: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    places = range(-padding, n_in + padding - dilation * (kernel - 1), stride)
    assert max(output_size(n_in, kernel, stride, padding, dilation), 0) == len(places)


@pytest.mark.parametrize("name", PARAMETERS)
def test_published_parameters(name: str) -> None:
    assert parameters(name) == PARAMETERS[name]


@pytest.mark.parametrize("name", BILLIONS)
def test_published_multiply_adds(name: str) -> None:
    assert round(macs(preset(name)) / 1e9, 3) == BILLIONS[name]


@pytest.mark.parametrize("depth", TABLE_6)
def test_cifar_parameters_by_formula_and_as_printed(depth: int) -> None:
    n = (depth - 2) // 6
    convolutions = 9 * (3 * 16 + 16 * 16 * 2 * n + 16 * 32 + 32 * 32 * (2 * n - 1) + 32 * 64 + 64 * 64 * (2 * n - 1))
    norms = 2 * (16 + 2 * n * (16 + 32 + 64))
    assert parameters(f"resnet{depth}-cifar") == convolutions + norms + 64 * 10 + 10
    digits = len(TABLE_6[depth].partition(".")[2])
    millions = parameters(f"resnet{depth}-cifar") / 1e6
    truncated = int(millions * 10**digits) / 10**digits
    assert float(TABLE_6[depth]) in (round(millions, digits), truncated)


@pytest.mark.parametrize("depth", ARTICLE_PARAMETERS)
def test_the_articles_parameters_by_formula(depth: int) -> None:
    """Every convolution has a bias and a norm: c_in k² c_out + c_out + 2 c_out."""

    def conv(c_in: int, k: int, c_out: int) -> int:
        return c_in * k * k * c_out + 3 * c_out

    counts, grow = PRESETS[f"resnet{depth}"].blocks, 1 if depth < 50 else 4
    total, c = conv(3, 7, 64), 64
    for width, count in zip((64, 128, 256, 512), counts, strict=True):
        for index in range(count):
            if depth < 50:
                total += conv(c, 1, width) + conv(c, 3, width) + conv(width, 1, width)
            else:
                total += conv(c, 1, width) + conv(width, 3, width) + conv(width, 1, 4 * width)
            total += conv(c, 1, grow * width) if index == 0 else 0
            c = grow * width
    assert parameters(f"article{depth}") == total + c * 1000 + 1000 == ARTICLE_PARAMETERS[depth]


@pytest.mark.parametrize(("depth", "never"), [(18, 16), (34, 32), (50, 0), (101, 0), (152, 0)])
def test_the_article_builds_modules_that_it_never_calls(depth: int, never: int) -> None:
    silent = [layer for layer in plan(preset(f"article{depth}")) if not layer.called]
    assert len(silent) == never
    assert Counter(layer.kind for layer in silent) == Counter({"conv": never // 2, "batch norm": never // 2})
    assert all(layer.parameters > 0 and layer.macs == layer.activation_bytes == 0 for layer in silent)


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_the_article_projects_where_every_stage_opens(depth: int) -> None:
    opening = [block.name for block in blocks(preset(f"article{depth}")) if block.shortcut == "projection"]
    assert opening == ["layer1.0", "layer2.0", "layer3.0", "layer4.0"]


@pytest.mark.parametrize("depth", [50, 101, 152])
def test_the_strides_place_costs_the_same_at_every_depth(depth: int) -> None:
    """On the 3×3 the first 1×1 of conv3_x, conv4_x and conv5_x still sees the larger image."""
    more = sum(3 * side * side * (4 * c // 2) * c for side, c in ((28, 128), (14, 256), (7, 512)))
    assert macs(preset(f"resnet{depth}-v1.5")) - macs(preset(f"resnet{depth}")) == more
    assert round(more / 1e9, 3) == 0.231


def test_the_plain_counterpart_lacks_the_three_projections() -> None:
    projections = 64 * 128 * 28**2 + 128 * 256 * 14**2 + 256 * 512 * 7**2
    assert macs(preset("resnet34")) - macs(preset("plain34")) == projections
    assert parameters("resnet34") - parameters("plain34") == 64 * 128 + 128 * 256 + 256 * 512 + 2 * (128 + 256 + 512)
    assert int(macs(preset("plain34")) / 1e8) / 10 == 3.6  # billions in the paper's Figure 3


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "article50"])
def test_stage_sizes_are_those_of_table_1(name: str) -> None:
    expansion = 1 if name in ("resnet18", "resnet34") else 4
    last = {layer.stage: layer.output for layer in plan(preset(name))}
    sides = {"conv1": (64, 112), "conv2_x": (64 * expansion, 56), "conv3_x": (128 * expansion, 28),
             "conv4_x": (256 * expansion, 14), "conv5_x": (512 * expansion, 7), "fc": (1000, 1)}  # fmt: skip
    assert last == {stage: (channels, side, side) for stage, (channels, side) in sides.items()}


@pytest.mark.parametrize("name", OWN_PRESETS)
def test_every_layer_follows_from_the_one_before(name: str) -> None:
    layers = {layer.name: layer for layer in plan(preset(name))}
    assert len(layers) == len(plan(preset(name)))
    called = [layer for layer in layers.values() if layer.called]
    for before, layer in pairwise(called):
        if layer.role == "shortcut" and "downsample" not in layer.inputs[0]:
            assert layer.input == layers[f"{layer.block}.conv1"].input
        elif layer.kind == "scale":
            assert layer.input == before.input[:1] + layer.output[1:]
        else:
            assert layer.input == before.output
        if layer.kind == "average pool" and layer.kernel:
            assert layer.output[1:] == tuple(math.ceil(side / layer.stride) for side in layer.input[1:])
        elif layer.kernel:
            side = output_size(layer.input[1], layer.kernel, layer.stride, layer.padding, layer.dilation)
            assert layer.output[1:] == (side, side)


@pytest.mark.parametrize("name", ["resnet18", "resnet50-v1.5", "article34", "preresnet50"])
def test_a_wider_image_has_wider_maps_and_as_many_parameters(name: str) -> None:
    """All sides of 224 and of 320 are halved five times without a rest, so the convolutions' FLOPs grow as the area."""
    square, wide = preset(name), replace(preset(name), image=(224, 320))
    last = {layer.stage: layer.output[1:] for layer in plan(wide)}
    assert last == {"conv1": (112, 160), "conv2_x": (56, 80), "conv3_x": (28, 40), "conv4_x": (14, 20),
                    "conv5_x": (7, 10), "fc": (1, 1)}  # fmt: skip
    assert sum(layer.parameters for layer in plan(wide)) == parameters(name)
    classifier = plan(square)[-1].macs
    assert 224 * (macs(wide) - classifier) == 320 * (macs(square) - classifier)
    tall = replace(square, image=(320, 224))
    assert macs(tall) == macs(wide)
    assert [layer.output[1:] for layer in plan(tall)] == [layer.output[:0:-1] for layer in plan(wide)]


def test_single_layers_by_hand() -> None:
    layers = {layer.name: layer for layer in plan(preset("resnet50"))}
    conv1, middle, fc = layers["conv1"], layers["layer1.0.conv2"], layers["fc"]
    assert (conv1.parameters, conv1.macs) == (3 * 7 * 7 * 64, 3 * 7 * 7 * 64 * 112 * 112)
    assert (middle.parameters, middle.macs) == (64 * 64 * 9, 64 * 64 * 9 * 56 * 56)
    assert middle.activation_bytes == 4 * 64 * 56 * 56
    assert (layers["layer1.0.bn2"].parameters, layers["layer1.0.bn2"].macs) == (2 * 64, 0)
    assert (fc.parameters, fc.macs, fc.activation_bytes) == (2048 * 1000 + 1000, 2048 * 1000, 4 * 1000)


def test_resnet_1202_is_planned_whole() -> None:
    """600 blocks of seven layers, two zero paddings, three layers before and two after."""
    layers = plan(preset("resnet1202-cifar"))
    assert len(layers) == 3 + 600 * 7 + 2 + 2
    assert sum(layer.kind in ("conv", "linear") for layer in layers) == 1202


@given(residuals())
def test_padding_keeps_every_size_of_a_residual_network_above_0(architecture: Residual) -> None:
    assert all(min(layer.output) >= 1 for layer in plan(architecture) if layer.called)


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet20-cifar", "plain18", "article18"])
def test_small_images_are_fine(name: str) -> None:
    small = plan(replace(preset(name), image=8))
    assert small[0].output[1] == (8 if name.endswith("cifar") else 4)
    assert min(layer.output[1] for layer in small if layer.called) == 1


@pytest.mark.parametrize("name", ["alexnet", "vgg19"])
def test_a_baselines_smallest_image_is_the_first_that_its_formula_allows(name: str) -> None:
    """VGG halves five times; AlexNet is 11×11/4, pool 3×3/2, 5×5, pool, three 3×3 that keep the size, pool."""

    def last_side(image: int) -> int:
        if name == "vgg19":
            return image // 2 // 2 // 2 // 2 // 2
        for kernel, stride, padding in ((11, 4, 2), (3, 2, 0), (5, 1, 2), (3, 2, 0), (3, 2, 0)):
            image = (image + 2 * padding - kernel) // stride + 1
        return image

    first = next(image for image in range(12, 200) if last_side(image) >= 1)
    assert Baseline(name, image=first).image == smallest_image(name) == first
    with pytest.raises(ArchitectureError) as error:
        Baseline(name, image=first - 1)
    assert error.value.field == "image"
