"""Which tensors a residual block has: what it gets, F(x), the addition, and what it gives. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.layers import Layer, Shape
from resnet_studio.networks.plan import called_layers, layers_by_name


@dataclass(frozen=True, slots=True)
class BlockTensors:
    """The names in the built network of a block's tensors, in the order in which they are made."""

    block: str
    x: str
    """What the block gets: the layer before it."""
    shortcut: str
    """shortcut(x), which the addition takes: `x` where it goes as it is. Empty in a plain network."""
    residual: str
    """F(x): the last layer before the addition, with squeeze-and-excitation the gated one."""
    sum: str
    """shortcut(x) + F(x). Empty in a plain network."""
    output: str
    """After the last ReLU; of a pre-activation block, which has none there, the sum itself."""
    input_shape: Shape
    output_shape: Shape
    """Of everything but x and the gate."""
    ungated: str = ""
    """F(x) before squeeze-and-excitation; empty without it."""
    gate: str = ""
    """The factors of its channels, channels × 1 × 1; empty without squeeze-and-excitation."""

    @property
    def plain(self) -> bool:
        return not self.sum

    @property
    def carries_x(self) -> bool:
        """Whether x itself is what is added."""
        return self.shortcut == self.x

    @property
    def names(self) -> tuple[str, ...]:
        """The tensors of the block's equation in its order: shortcut(x), F(x), their sum, the ReLU.

        A plain block has x in the shortcut's place, where it is of the output's shape. With squeeze-and-excitation F(x)
        comes first, then the gate and the gated F(x), and then the shortcut. No tensor is there twice.
        """
        first = self.x if self.plain and self.input_shape == self.output_shape else self.shortcut
        gated = (self.ungated, self.gate, self.residual)
        names = (first, *gated) if self.plain or not self.gate else (*gated, first)
        return tuple(dict.fromkeys(filter(None, (*names, self.sum, self.output))))


def block_tensors(architecture: Architecture, block: str) -> BlockTensors:
    """The tensors of a block, "layer3.1"; `ValueError` if the network has none of that name."""
    known = all_block_tensors(architecture)
    if block not in known:
        raise ValueError(f"unknown block {block!r}")
    return known[block]


@lru_cache(maxsize=32)
def all_block_tensors(architecture: Architecture) -> Mapping[str, BlockTensors]:
    """The tensors of every block by its name, in order; none in a baseline."""
    if not isinstance(architecture, Residual):
        return {}
    called = called_layers(architecture)
    found: dict[str, BlockTensors] = {}
    before = called[0]
    for name, layers in groupby(called, lambda layer: layer.block):
        inside = list(layers)
        if name:
            found[name] = _tensors(name, before, inside)
        before = inside[-1]
    return found


def _tensors(block: str, before: Layer, inside: Sequence[Layer]) -> BlockTensors:
    by_role = {layer.role: layer for layer in inside}
    residual, shortcut, added = by_role["residual"].name, "", ""
    ungated, gate = by_role["residual"].inputs if by_role["residual"].kind == "scale" else ("", "")
    if "add" in by_role:
        added = by_role["add"].name
        residual, shortcut = by_role["add"].inputs
    output = inside[-1]
    return BlockTensors(
        block, before.name, shortcut, residual, added, output.name, before.output, output.output, ungated, gate
    )


def block_around(architecture: Architecture, layer: str) -> str:
    """The block that is or holds a layer, else the nearest: the first for the stem, the last for the head."""
    names = tuple(all_block_tensors(architecture))
    if layer in names or not names:
        return layer if names else ""
    found = layers_by_name(architecture).get(layer)
    if found is None or found.block:
        return found.block if found else names[0]
    return names[-1] if found.stage == "fc" else names[0]
