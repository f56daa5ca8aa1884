"""What published figures count, layer by layer, in the plan's closed form. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Literal

from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.layers import Layer
from resnet_studio.networks.plan import block_layers, block_runs, head_layers, plan, stem_layers

Quantity = Literal["macs", "parameters", "activations", "activation_bytes"]
QUANTITIES: dict[Quantity, str] = {
    "macs": "FLOPs", "parameters": "parameters", "activations": "activations", "activation_bytes": "activation memory",
}  # fmt: skip
"""What the quantities are called; "activations" are the outputs of convolutions and linear layers, and the bytes are
those of all layers' outputs for one image."""
WEIGHTED = ("conv", "linear")
FLOPS_PER_OUTPUT = {"batch norm": 2}
"""FLOPs for one value of a layer's output, where that is not 1. Batch norm scales and shifts in eval mode."""


@dataclass(frozen=True, slots=True)
class CountingRule:
    """A quantity, and the kinds of layers whose FLOPs it has beyond those of convolutions and linear layers."""

    quantity: Quantity
    beyond: tuple[str, ...] = ()

    @property
    def layers(self) -> str:
        """Whose FLOPs it has, in words."""
        return " + ".join(("conv", "fc", *self.beyond))

    def of(self, layer: Layer) -> int:
        """What one layer adds."""
        if self.quantity == "parameters":
            return layer.parameters
        if self.quantity == "activation_bytes":
            return layer.activation_bytes
        if self.quantity == "activations":
            return prod(layer.output) if layer.kind in WEIGHTED else 0
        return layer.macs + (flops_beyond(layer) if layer.kind in self.beyond else 0)

    def total(self, architecture: Architecture) -> int:
        """Of a whole network; equal blocks are counted once, so that a thousand of them cost no more time than two."""
        return sum(times * self.of(layer) for layer, times in counted_layers(architecture))

    def sum(self, layers: Iterable[Layer]) -> int:
        return sum(map(self.of, layers))


def counted_layers(architecture: Architecture) -> Iterator[tuple[Layer, int]]:
    """The layers of the plan; those of equal blocks in a row come once, with how many such blocks there are."""
    if not isinstance(architecture, Residual):
        yield from ((layer, 1) for layer in plan(architecture))
        return
    yield from ((layer, 1) for layer in stem_layers(architecture))
    for block, times in block_runs(architecture):
        yield from ((layer, times) for layer in block_layers(block))
    yield from ((layer, 1) for layer in head_layers(architecture))


def flops_beyond(layer: Layer) -> int:
    """FLOPs of a layer that is neither a convolution nor linear: one for each value that it computes or takes.

    A pool takes more values than it computes, and counts as many operations as it takes values.
    """
    values = prod(layer.input) if layer.kind == "average pool" else prod(layer.output)
    return FLOPS_PER_OUTPUT.get(layer.kind, 1) * values
