"""Sums over a network's layers that are worked out once for equal blocks, for tables of hundreds of networks.

The sums are those of the plan, to the last digit. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.families.family import Block
from resnet_studio.networks.layers import Layer
from resnet_studio.networks.plan import block_layers, block_runs, head_layers, plan, stem_layers

Sums: TypeAlias = tuple[float, ...]
REMEMBERED = 20_000
"""Blocks whose sums are kept; a sweep over a thousand networks has a few thousand."""


class LayerSum:
    """Sums what some functions give for each layer of a network, as many sums as there are functions."""

    def __init__(self, *of: Callable[[Layer], float]) -> None:
        self._of = of
        self._of_block = lru_cache(REMEMBERED)(lambda block: self.of_layers(block_layers(block)))

    def __call__(self, architecture: Architecture) -> Sums:
        """The sums over the plan of a network."""
        if not isinstance(architecture, Residual):
            return self.of_layers(plan(architecture))
        sums = self.of_layers((*stem_layers(architecture), *head_layers(architecture)))
        for block, count in block_runs(architecture):
            sums = tuple(total + count * part for total, part in zip(sums, self.of_block(block), strict=True))
        return sums

    def of_block(self, block: Block) -> Sums:
        """The sums over the layers of one block."""
        return self._of_block(block)

    def of_layers(self, layers: Iterable[Layer]) -> Sums:
        """The sums over these layers."""
        layers = tuple(layers)
        return tuple(sum(map(function, layers)) for function in self._of)


class Totals(NamedTuple):
    """What a network costs as a whole, for one image."""

    parameters: int
    macs: int
    """Multiply-adds of convolutions and linear layers."""
    activation_bytes: int
    """Outputs of all layers in float32."""


_totals = LayerSum(
    lambda layer: layer.parameters, lambda layer: layer.macs, lambda layer: layer.activation_bytes
)  # fmt: skip


def totals(architecture: Architecture) -> Totals:
    """A network's totals without its plan: those of `plan_table`, in a fiftieth of the time for a deep network."""
    parameters, macs, activation_bytes = map(int, _totals(architecture))
    return Totals(parameters, macs, activation_bytes)
