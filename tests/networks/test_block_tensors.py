"""The tensors of a block, held against the built network: what its modules are given, and what they give."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.block_tensors import all_block_tensors, block_around, block_tensors
from resnet_studio.networks.families.article import ArticleBasic, ArticleBottleneck
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.preactivation import PreActivationBasic, PreActivationBottleneck
from resnet_studio.networks.families.v2 import V2Bottleneck
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import preset

SMALL = Residual(Basic(), (2, 1), width=8, image=32, classes=3)
ARCHITECTURES: dict[str, Residual] = (
    {
        f"{stem} {block.label} {shortcut}": replace(SMALL, stem=stem, block=block(), shortcut=shortcut)
        for stem in ("imagenet", "cifar")
        for block in (Basic, Bottleneck, PreActivationBasic, PreActivationBottleneck)
        for shortcut in ("A", "B", "C", "D", "none")
    }
    | {
        f"SE {block.label} {shortcut}": replace(SMALL, block=block(), shortcut=shortcut, se=4)
        for block in (Basic, Bottleneck, PreActivationBasic, V2Bottleneck)
        for shortcut in ("B", "none")
    }
    | {f"article {block.block}": replace(SMALL, block=block()) for block in (ArticleBasic, ArticleBottleneck)}
)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_blocks_equation_holds_for_its_tensors(name: str) -> None:
    architecture = ARCHITECTURES[name]
    inputs, outputs = passed(build(architecture))
    for block in all_block_tensors(architecture):
        paths = block_tensors(architecture, block)
        assert torch.equal(outputs[paths.x], inputs[block])
        assert torch.equal(outputs[paths.output], outputs[block])
        assert outputs[paths.x].shape[1:] == paths.input_shape
        assert outputs[paths.output].shape[1:] == paths.output_shape
        activated = torch.Tensor.clone if architecture.block.variant in ("preact", "v2") else torch.relu
        if architecture.se:
            assert torch.equal(outputs[paths.ungated] * outputs[paths.gate], outputs[paths.residual])
            assert outputs[paths.gate].shape[1:] == (paths.output_shape[0], 1, 1)
        assert bool(paths.gate) == bool(paths.ungated) == bool(architecture.se)
        if architecture.shortcut == "none":
            assert paths.plain
            assert paths.shortcut == paths.sum == ""
            assert torch.equal(activated(outputs[paths.residual]), outputs[paths.output])
        else:
            assert torch.equal(outputs[paths.shortcut] + outputs[paths.residual], outputs[paths.sum])
            assert torch.equal(activated(outputs[paths.sum]), outputs[paths.output])
            assert paths.carries_x == (paths.shortcut == paths.x)
        assert {outputs[one].shape[1:] for one in paths.names if one != paths.gate} == {paths.output_shape}


def passed(network: nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The first input and the output of every module."""
    inputs: dict[str, Tensor] = {}
    outputs: dict[str, Tensor] = {}

    def note(name: str, taken: tuple[Any, ...], given: Any) -> None:
        inputs[name], outputs[name] = taken[0], given

    for name, module in network.named_modules():
        module.register_forward_hook(lambda _, taken, given, name=name: note(name, taken, given))
    with torch.no_grad():
        network.eval()(torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    return inputs, outputs


def test_the_names_are_the_networks_own() -> None:
    opens = block_tensors(preset("resnet50"), "layer2.0")
    assert (opens.x, opens.shortcut, opens.residual) == ("layer1.2.relu3", "layer2.0.downsample.1", "layer2.0.bn3")
    assert opens.names == ("layer2.0.downsample.1", "layer2.0.bn3", "layer2.0.add", "layer2.0.relu3")
    assert (opens.input_shape, opens.output_shape) == ((256, 56, 56), (512, 28, 28))
    first = block_tensors(preset("resnet20-digits"), "layer1.0")
    assert (first.x, first.shortcut, first.output) == ("relu", "relu", "layer1.0.relu2")
    assert block_tensors(preset("resnet18"), "layer1.0").x == "maxpool"
    assert block_tensors(preset("resnet20-digits"), "layer2.0").shortcut == "layer2.0.downsample"


def test_a_plain_block_shows_x_where_the_shape_is_unchanged() -> None:
    plain = preset("plain18")
    assert block_tensors(plain, "layer1.1").names == ("layer1.0.relu2", "layer1.1.bn2", "layer1.1.relu2")
    assert block_tensors(plain, "layer2.0").names == ("layer2.0.bn2", "layer2.0.relu2")


def test_a_pre_activation_block_ends_with_its_sum() -> None:
    network = preset("preresnet50")
    first, second = (block_tensors(network, name) for name in ("layer2.0", "layer2.1"))
    assert first.names == ("layer2.0.downsample", "layer2.0.conv3", "layer2.0.add")
    assert second.names == ("layer2.0.add", "layer2.1.conv3", "layer2.1.add")
    assert second.carries_x
    assert not first.carries_x


def test_a_gated_block_multiplies_before_it_adds() -> None:
    names = block_tensors(preset("seresnet50"), "layer1.1").names
    assert names == (
        "layer1.1.bn3", "layer1.1.se.gate", "layer1.1.se.scale", "layer1.0.relu3", "layer1.1.add", "layer1.1.relu3",
    )  # fmt: skip
    plain = block_tensors(replace(preset("seresnet50"), shortcut="none"), "layer1.1").names
    assert plain == ("layer1.0.relu3", "layer1.1.bn3", "layer1.1.se.gate", "layer1.1.se.scale", "layer1.1.relu3")


@pytest.mark.parametrize(
    ("layer", "block"),
    [
        ("layer2.1", "layer2.1"), ("layer2.1.bn1", "layer2.1"), ("layer2.0.downsample.0", "layer2.0"),
        ("conv1", "layer1.0"), ("maxpool", "layer1.0"), ("avgpool", "layer4.1"), ("fc", "layer4.1"), ("", "layer1.0"),
    ],
)  # fmt: skip
def test_a_layer_lies_in_a_block_or_near_one(layer: str, block: str) -> None:
    assert block_around(preset("resnet18"), layer) == block


def test_baselines_have_no_blocks() -> None:
    assert not all_block_tensors(preset("vgg19"))
    assert block_around(preset("vgg19"), "features.3") == ""
    with pytest.raises(ValueError, match="unknown block ''"):
        block_tensors(preset("vgg19"), "")
    with pytest.raises(ValueError, match=r"layer9\.0"):
        block_tensors(preset("resnet18"), "layer9.0")
