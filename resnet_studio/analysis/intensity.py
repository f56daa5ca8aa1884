"""How many bytes a network moves, and how much it computes with each: its arithmetic intensity. Needs no torch.

The numbers are those of the roofline model (Williams et al. 2009) for float32 and layers that run one by one, as in
eager PyTorch: every layer reads its inputs and its weights from memory, and writes its output to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from resnet_studio.analysis.layer_sums import LayerSum
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.layers import NOTHING, Layer

FLOAT = 4
"""Bytes of a value."""
MOVES_NOTHING = {"identity", "dropout", "stochastic depth", "flatten", "permute", "parameter"}
"""Layers that return what they take in eval mode, or another view of it."""


def moved_bytes(layer: Layer, batch: int = 1) -> int:
    """The bytes that a layer moves for a batch of images: inputs, output, and weights."""
    if layer.kind in MOVES_NOTHING or layer.output == NOTHING:
        return 0
    return batch * (_read_bytes(layer) + layer.activation_bytes) + FLOAT * layer.parameters


def layer_intensity(layer: Layer, batch: int = 1) -> float | None:
    """FLOPs per byte of a layer, a multiply-add being two FLOPs, as in rooflines; None where it moves nothing."""
    moved = moved_bytes(layer, batch)
    return 2 * batch * layer.macs / moved if moved else None


def intensity_of(layers: Iterable[Layer]) -> float | None:
    """FLOPs per byte of several layers for one image; None where they move nothing."""
    macs = moved = 0
    for layer in layers:
        macs, moved = macs + layer.macs, moved + moved_bytes(layer)
    return 2 * macs / moved if moved else None


@lru_cache(maxsize=8192)
def network_intensity(architecture: Architecture) -> float:
    """The FLOPs per byte of a network that sees one image."""
    macs, moved = _macs_and_bytes(architecture)
    return 2 * macs / moved


def _read_bytes(layer: Layer) -> int:
    """Bytes of a layer's inputs for one image. Those of a sum have one shape; a gate gives a factor per channel."""
    channels, height, width = layer.input
    taken = FLOAT * channels * (height * width + (layer.layout == "tokens"))
    match layer.kind:
        case "concat":
            return layer.activation_bytes
        case "scale":
            return taken + FLOAT * channels
    # without its source a block's first layer and an identity shortcut have no name
    return max(2 if layer.kind == "add" else 1, len(layer.inputs)) * taken


_macs_and_bytes = LayerSum(lambda layer: layer.macs, moved_bytes)
