"""The blocks against their formulas, written with torch's functions alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.article import ArticleBasic, ArticleBottleneck
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.family import Block, Family
from resnet_studio.networks.families.preactivation import PreActivationBasic, PreActivationBottleneck
from resnet_studio.networks.modules.blocks import build_block
from resnet_studio.networks.modules.network import build, initialize
from resnet_studio.networks.modules.shortcuts import ZeroPad
from resnet_studio.networks.plan import blocks, plan
from resnet_studio.networks.presets import preset

BASIC = Residual(Basic(), (2, 2), width=8, image=32)
BOTTLENECK = Residual(Bottleneck(), (2, 2), width=8, image=32)
ARTICLES = {Basic: ArticleBasic(), Bottleneck: ArticleBottleneck()}


def made(architecture: Residual, name: str) -> tuple[Block, nn.Module]:
    """One block of a plan with random weights and random batch norm statistics, in eval mode."""
    block = next(block for block in blocks(architecture) if block.name == name)
    module = build_block(block)
    initialize(module, seed=1)
    generator = torch.Generator().manual_seed(2)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for values in (norm.running_mean, norm.running_var, norm.weight.data, norm.bias.data):
                values.uniform_(0.5, 1.5, generator=generator)
    return block, module.eval()


def image(block: Block) -> Tensor:
    return torch.randn(2, *block.input, generator=torch.Generator().manual_seed(3))


def conv(module: nn.Module, name: str, x: Tensor, stride: int, padding: int) -> Tensor:
    """A convolution and its norm, from the module's weights alone."""
    convolution = module.get_submodule(name)
    norm = module.get_submodule(name.replace("conv", "bn") if "conv" in name else "downsample.1")
    x = functional.conv2d(x, convolution.weight, convolution.bias, stride, padding)
    return functional.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias)


def residual(block: Block, module: nn.Module, x: Tensor) -> Tensor:
    """F(x) of a block, by kind."""
    if isinstance(block.family, Basic | ArticleBasic):
        second = 0 if isinstance(block.family, ArticleBasic) else 1
        return conv(module, "conv2", functional.relu(conv(module, "conv1", x, block.stride, 1)), 1, second)
    first, middle = (block.stride, 1) if block.family.stride_on == "1x1" else (1, block.stride)
    x = functional.relu(conv(module, "conv1", x, first, 0))
    return conv(module, "conv3", functional.relu(conv(module, "conv2", x, middle, 1)), 1, 0)


def pre_activated(block: Block, module: nn.Module, x: Tensor) -> Tensor:
    """The output of a pre-activation block: h(x) + F(x), where h takes the activated input if the shape changes."""

    def activated(number: int, x: Tensor) -> Tensor:
        norm = module.get_submodule(f"bn{number}")
        x = functional.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias)
        return functional.relu(x)

    entry = x if block.first else activated(1, x)
    strides = {PreActivationBasic: (block.stride, 1), PreActivationBottleneck: (block.stride, 1, 1)}[type(block.family)]
    out = entry
    for number, stride in enumerate(strides, start=1):
        weight = module.get_submodule(f"conv{number}").weight
        out = functional.conv2d(
            out if number == 1 else activated(number, out), weight, None, stride, weight.shape[-1] // 2
        )
    match block.shortcut:
        case "projection":
            return out + functional.conv2d(entry, module.downsample.weight, None, block.stride)
        case "zero pad":
            return out + functional.pad(
                entry[:, :, :: block.stride, :: block.stride], (0, 0, 0, 0, 0, out.shape[1] - entry.shape[1])
            )
        case "identity":
            return out + x
    return out


@pytest.mark.parametrize("name", ["layer1.0", "layer1.1", "layer2.0", "layer2.1"])
@pytest.mark.parametrize("shortcut", ["A", "B", "C", "none"])
@pytest.mark.parametrize("kind", [PreActivationBasic(), PreActivationBottleneck()])
def test_a_pre_activation_block_is_its_formula(kind: Family, shortcut: str, name: str) -> None:
    block, module = made(replace(BASIC, block=kind, shortcut=shortcut), name)
    x = image(block)
    before = x.clone()
    with torch.no_grad():
        torch.testing.assert_close(module(x), pre_activated(block, module, x), rtol=1e-4, atol=1e-4)
    assert torch.equal(x, before)


def test_pre_activation_networks_activate_their_last_sum() -> None:
    """In He et al. 2016's appendix: also the first activation stands behind conv1, so the first block has none."""
    network = build(preset("preresnet110-cifar"))
    assert [name for name, _ in network.named_children()][-4:] == ["final_bn", "final_relu", "avgpool", "fc"]
    assert network.get_submodule("layer1.0").bn1 is None
    assert isinstance(network.get_submodule("layer2.0").bn1, nn.BatchNorm2d)


def variations() -> Iterator[Residual]:
    for architecture in (BASIC, BOTTLENECK):
        for shortcut in ("A", "B", "C", "none"):
            yield replace(architecture, shortcut=shortcut)
        yield replace(architecture, block=ARTICLES[type(architecture.block)])
    yield replace(BOTTLENECK, block=Bottleneck("3x3"))


@pytest.mark.parametrize("architecture", list(variations()), ids=lambda a: f"{type(a.block).__name__}-{a.shortcut}")
@pytest.mark.parametrize("name", ["layer1.0", "layer1.1", "layer2.0", "layer2.1"])
def test_a_block_is_its_formula(architecture: Residual, name: str) -> None:
    block, module = made(architecture, name)
    x = image(block)
    before = x.clone()
    expected = residual(block, module, x)
    if block.shortcut == "projection":
        expected = expected + conv(module, "downsample.0", x, block.stride, 0)
    elif block.shortcut == "zero pad":
        thinned = x[:, :, :: block.stride, :: block.stride]
        expected = expected.clone()
        expected[:, : block.channels_in] += thinned
    elif block.shortcut == "identity":
        expected = expected + x
    with torch.no_grad():
        torch.testing.assert_close(module(x), functional.relu(expected), rtol=1e-4, atol=1e-4)
    assert torch.equal(x, before)


@pytest.mark.parametrize(
    ("shortcut", "kinds"),
    [
        ("A", ["identity", "identity", "zero pad", "identity"]),
        ("B", ["identity", "identity", "projection", "identity"]),
        ("C", ["projection", "projection", "projection", "projection"]),
        ("none", ["none", "none", "none", "none"]),
    ],
)
def test_which_blocks_have_which_shortcut(shortcut: str, kinds: list[str]) -> None:
    assert [block.shortcut for block in blocks(replace(BASIC, shortcut=shortcut))] == kinds
    wide = [block.shortcut for block in blocks(replace(BOTTLENECK, shortcut=shortcut))]
    assert wide == [kinds[2], *kinds[1:]]  # a bottleneck's first block changes the channels


def test_zero_padding_has_no_weights_and_adds_silent_channels() -> None:
    pad = ZeroPad(3, 5, stride=2)
    x = torch.arange(2 * 3 * 5 * 5, dtype=torch.float32).reshape(2, 3, 5, 5)
    out = pad(x)
    assert list(pad.parameters()) == []
    assert out.shape == (2, 5, 3, 3)
    assert torch.equal(out[:, :3], x[:, :, [0, 2, 4]][:, :, :, [0, 2, 4]])
    assert not out[:, 3:].any()


def test_a_plain_block_adds_nothing() -> None:
    _, module = made(replace(BASIC, shortcut="none"), "layer2.0")
    assert not any("add" in name or "downsample" in name for name, _ in module.named_modules())


def test_option_c_on_resnet_34_has_13_projections_more_than_b() -> None:
    """16 blocks, three of which have one already; a projection of c channels is c² + 2c parameters."""
    b, c = (plan(replace(preset("resnet34"), shortcut=option)) for option in "BC")
    names = [{layer.block for layer in layers if layer.name.endswith("downsample.0")} for layers in (b, c)]
    assert len(names[1] - names[0]) == 13
    more = sum(count * (c * c + 2 * c) for count, c in ((3, 64), (3, 128), (5, 256), (2, 512)))
    assert sum(layer.parameters for layer in c) - sum(layer.parameters for layer in b) == more


def test_option_a_on_resnet_34_has_the_plain_networks_parameters() -> None:
    a = plan(replace(preset("resnet34"), shortcut="A"))
    assert sum(layer.parameters for layer in a) == sum(layer.parameters for layer in plan(preset("plain34")))


@pytest.mark.parametrize(("stride_on", "strides"), [("1x1", (2, 1, 1)), ("3x3", (1, 2, 1))])
def test_where_a_bottleneck_halves_the_size(stride_on: str, strides: tuple[int, int, int]) -> None:
    _, module = made(replace(BOTTLENECK, block=Bottleneck(stride_on)), "layer2.0")
    assert tuple(module.get_submodule(f"conv{n}").stride[0] for n in (1, 2, 3)) == strides


def test_no_image_meets_what_the_article_never_calls() -> None:
    network = build(replace(BASIC, block=ArticleBasic(), classes=2), seed=0)
    network(torch.randn(2, 3, 32, 32)).sum().backward()
    without = {name for name, parameter in network.named_parameters() if parameter.grad is None}
    assert without == {
        f"layer{stage}.{index}.{name}"
        for stage in (1, 2)
        for index in (0, 1)
        for name in ("unused_conv.weight", "unused_conv.bias", "unused_bn.weight", "unused_bn.bias")
    }


def test_every_convolution_of_the_article_has_a_bias_and_no_other_network_any() -> None:
    for name, biased in (("article18", True), ("article50", True), ("resnet18", False), ("plain34", False)):
        kept = build(replace(preset(name), width=4, image=8, classes=2))
        assert {m.bias is not None for m in kept.modules() if isinstance(m, nn.Conv2d)} == {biased}
