"""A network as the few parts that a small figure of it shows: a block each, or a convolution with what follows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.baselines import PLAIN
from resnet_studio.networks.families.family import Joint
from resnet_studio.networks.layers import Layer
from resnet_studio.networks.plan import blocks, called_layers

OPENERS = ("conv", "max pool", "average pool", "linear")
"""Kinds of layers that begin a part where there are no blocks."""


@dataclass(frozen=True, slots=True)
class FigurePart:
    """Consecutive layers that are drawn as one rectangle."""

    name: str
    """The block, or the last layer that computes something: the layer that can be captured."""
    label: str
    stage: str
    size: tuple[int, int]
    """Height and width of its output."""
    layers: frozenset[str]
    """Names of all its layers and of the block."""
    joint: Joint = "none"
    """What a block's shortcut does."""


@lru_cache(maxsize=64)
def figure_parts(architecture: Architecture) -> tuple[FigurePart, ...]:
    """The network's parts in the order in which an image meets them."""
    joints = {one.name: one for one in blocks(architecture)} if isinstance(architecture, Residual) else {}
    found = []
    chain = isinstance(architecture, Residual) or architecture.name in PLAIN
    layers = called_layers(architecture)
    for inside in _runs(layers) if chain else _modules(layers):
        first, names = inside[0], frozenset(layer.name for layer in inside)
        if block := joints.get(first.block):
            size = inside[-1].output[1:]
            found.append(FigurePart(block.name, block.label, block.stage, size, names | {block.name}, block.shortcut))
        else:
            last = ([layer for layer in inside if layer.kind != "dropout"] or inside)[-1]
            found.append(FigurePart(last.name, _label(first), first.stage, last.output[1:], names))
    return tuple(found)


def _modules(layers: Iterable[Layer]) -> Iterator[list[Layer]]:
    """Layers of the same part of the same stage: of "features.3", those of "features.3.1"."""

    def part(layer: Layer) -> str:
        rest = layer.name.removeprefix(layer.stage).removeprefix(".")
        return f"{layer.stage}.{rest.partition('.')[0]}"

    return (list(run) for _, run in groupby(layers, part))


def _runs(layers: Iterable[Layer]) -> Iterator[list[Layer]]:
    """Layers of one part each."""
    number = 0

    def part(layer: Layer) -> tuple[str, int]:
        nonlocal number
        number += not layer.block and layer.kind in OPENERS
        return layer.block, number

    return (list(run) for _, run in groupby(layers, part))


def _label(layer: Layer) -> str:
    """ "conv 7×7", "max pool 3×3", "linear"."""
    return f"{layer.kind} {layer.kernel_text}" if layer.kernel else layer.kind
