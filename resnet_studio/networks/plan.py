"""From an architecture to the flat list of its layers, with every choice made. Needs no torch.

The plan is what the builder builds, the table lists, the figure draws and the counters are checked against.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import fields
from functools import lru_cache
from operator import attrgetter

from resnet_studio.networks import baselines
from resnet_studio.networks.architecture import Architecture, Baseline, Residual
from resnet_studio.networks.families.family import Block
from resnet_studio.networks.layers import NOTHING, Layer, LayerChain
from resnet_studio.networks.own_module import OwnModule
from resnet_studio.progress import finish

MOST_LAYERS = 200_000
"""Layers of the cached plans, about 40 MB; the newest plan is cached however long it is."""

ACTIVATIONS = ("relu", "relu6", "silu", "hardswish")

_plans: dict[Architecture, tuple[Layer, ...]] = {}


def plan(architecture: Architecture) -> tuple[Layer, ...]:
    """Every leaf module of the network, in the order in which the network applies them."""
    known = _plans.get(architecture)
    return finish(plan_steps(architecture)) if known is None else known


def plan_steps(architecture: Architecture) -> Generator[None, None, tuple[Layer, ...]]:
    """The plan, with a yield after every block: a network may have six thousand of them."""
    if (known := _plans.get(architecture)) is not None:
        return known
    layers: list[Layer] = []
    if isinstance(architecture, Baseline):
        layers += baselines.layers(architecture.name, architecture.image_size, architecture.classes)
    elif isinstance(architecture, OwnModule):
        layers += architecture.layers
    else:
        layers += stem_layers(architecture)
        for block in blocks(architecture):
            layers += block_layers(block, layers[-1].name)
            yield
        layers += head_layers(architecture, layers[-1].name)
    _plans[architecture] = made = tuple(layers)
    while len(_plans) > 1 and sum(map(len, _plans.values())) > MOST_LAYERS:
        del _plans[next(iter(_plans))]
    return made


def clear_plans() -> None:
    """Empty the caches of plans."""
    _plans.clear()
    for remembered in (called_layers, layers_by_name, channels_by_name, blocks, block_runs):
        remembered.cache_clear()


def first_activation(architecture: Architecture) -> str:
    """The name of the first layer of maps behind a ReLU or its like; of the first layer in a network that has none."""
    layers = called_layers(architecture)
    found = (layer.name for layer in layers if layer.kind in ACTIVATIONS and layer.layout == "maps")
    return next(found, layers[0].name)


def head_layer(architecture: Architecture) -> Layer:
    """The layer that gives the logits: the last one with weights. SqueezeNet averages behind it."""
    layers = plan(architecture)
    return next((layer for layer in reversed(layers) if layer.parameters), layers[-1])


@lru_cache(maxsize=16)
def called_layers(architecture: Architecture) -> tuple[Layer, ...]:
    """The layers that are called in a forward pass."""
    return tuple(layer for layer in plan(architecture) if layer.called)


@lru_cache(maxsize=16)
def layers_by_name(architecture: Architecture) -> Mapping[str, Layer]:
    """The layers that are called in a forward pass, by their names."""
    return {layer.name: layer for layer in called_layers(architecture)}


@lru_cache(maxsize=16)
def channels_by_name(architecture: Architecture) -> Mapping[str, int]:
    """Channels of each layer that is called and of each block; the keys are all names that can be captured."""
    found = {}
    for layer in called_layers(architecture):
        found[layer.name] = layer.output[0]
        if layer.block:
            found[layer.block] = layer.output[0]
    return found


@lru_cache(maxsize=16)
def blocks(architecture: Residual) -> tuple[Block, ...]:
    """The residual blocks in order, each joined to what comes out of the one before it."""
    found: list[Block] = []
    for first, count in block_runs(architecture):
        stage, _, index = first.name.partition(".")
        others = _all_but_name(first)
        found += (Block(f"{stage}.{number}", *others) for number in range(int(index), int(index) + count))
    return tuple(found)


@lru_cache(maxsize=1024)
def block_runs(architecture: Residual) -> tuple[tuple[Block, int], ...]:
    """Equal blocks in a row: the first of them, and how many there are. A stage has two such runs at most, as only its
    first block changes the shape, however deep the network is."""
    shape, family, dilation = stem_layers(architecture)[-1].output, architecture.block, 1
    runs: list[tuple[Block, int]] = []
    for number, count in enumerate(architecture.blocks, start=1):
        width, before = architecture.width * 2 ** (number - 1), dilation
        dilates = number > len(architecture.blocks) - architecture.dilated
        dilation *= 2 if dilates else 1
        for index in range(min(count, 2)):
            stride = 2 if number > 1 and index == 0 and not dilates else 1
            changes_shape = stride != 1 or shape[0] != family.outer_width(width)
            shortcut = family.joint(architecture.shortcut, opens_stage=index == 0, changes_shape=changes_shape)
            first = family.first_differs and number == 1 and index == 0
            block = Block(
                f"layer{number}.{index}", f"conv{number + 1}_x", family, shape, width, stride, shortcut, first,
                architecture.se, dilation, before if index == 0 else dilation,
            )  # fmt: skip
            runs.append((block, count - 1 if index else 1))
            shape = block.output
    return tuple(runs)


_all_but_name = attrgetter(*(field.name for field in fields(Block)[1:]))


def stem_layers(architecture: Residual) -> list[Layer]:
    """conv1: 7×7 with stride 2, or three 3×3 instead (ResNet-C and -D), and a 3×3 max pool; or 3×3 alone for the small
    images of CIFAR."""
    path = LayerChain("conv1", architecture.input_shape, bias=architecture.block.bias)
    match architecture.stem:
        case "cifar":
            path.conv("conv1", architecture.width, 3)
        case "imagenet":
            path.conv("conv1", architecture.width, 7, stride=2)
        case "deep" | "deep-tiered":
            _deep_stem(path, architecture)
    if architecture.block.stem_norm:
        path.norm("bn1")
        path.relu("relu")
    if architecture.stem != "cifar":
        path.stage = "conv2_x"
        path.pool("maxpool", 3, 2, 1)
    return path.layers


def _deep_stem(path: LayerChain, architecture: Residual) -> None:
    """Three 3×3 convolutions, of 32, 32 and 64 channels if the network's width is 64, or of 24, 32 and 64."""
    half = max(1, architecture.width // 2)
    first = half if architecture.stem == "deep" else max(1, 3 * (architecture.width // 8))
    for number, (channels, stride) in enumerate(((first, 2), (half, 1))):
        path.conv(f"conv1.{3 * number}", channels, 3, stride)
        path.norm(f"conv1.{3 * number + 1}")
        path.relu(f"conv1.{3 * number + 2}")
    path.conv("conv1.6", architecture.width, 3)


def block_layers(block: Block, source: str = "") -> list[Layer]:
    """The layers of one block behind the layer `source`; those that are never called come first."""
    layers = block.family.layers(block, source)
    if unused := block.family.unused_layers(block):
        return [layer._replace(input=NOTHING, output=NOTHING, macs=0, inputs=()) for layer in unused] + layers
    return layers


def head_layers(architecture: Residual, source: str = "") -> list[Layer]:
    """Global average pooling and the classes, and what the blocks' family wants before them."""
    path = LayerChain("fc", block_runs(architecture)[-1][0].output, source)
    architecture.block.finish(path)
    path.average("avgpool", 1)
    path.linear("fc", architecture.classes)
    return path.layers
