"""Forward results and responses of blocks with values that are known by formula."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from resnet_studio.inference.counterparts import Responses, with_counterpart
from resnet_studio.inference.feature_maps import layer_maps
from resnet_studio.inference.values import ForwardResult, ForwardSpec, Frame, Preprocessing, WeightsInfo
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.block_tensors import all_block_tensors, block_tensors
from resnet_studio.networks.families.basic import Basic

SMALL = Residual(Basic(), (2, 2), width=9, stem="cifar", image=4, classes=2)
"""layer1's blocks give 9 maps of 4×4, layer2's 18 of 2×2."""
PLAIN = replace(SMALL, shortcut="none")
INFO = WeightsInfo("random, seed 0", False, Preprocessing(4, 4, (0.5,) * 3, (0.2,) * 3), ("class 0",) * 2)


def position_values(channels: int, side: int) -> NDArray[np.float32]:
    """Values that encode their position: 5.23 is in channel 5, row 2, column 3."""
    channel, row, column = np.meshgrid(np.arange(channels), np.arange(side), np.arange(side), indexing="ij")
    return (channel + row / 10 + column / 100).astype(np.float32)


def block_result(block: str, architecture: Residual = SMALL, factor: float = 1.0) -> ForwardResult:
    """A result in which x encodes its position, times a factor, and F(x) = 3 − 2x, so that their sum is 3 − x.

    With squeeze-and-excitation the gate is 1 / (1 + channel), and F(x) before it is (3 − 2x) (1 + channel).
    """
    tensors = block_tensors(architecture, block)
    x = factor * position_values(*tensors.output_shape[:2])
    residual = 3 - 2 * x
    values = {tensors.residual: residual, tensors.output: np.maximum(residual if tensors.plain else x + residual, 0)}
    if tensors.gate:
        gate = 1 / (1 + np.arange(len(x), dtype=np.float32))[:, None, None]
        values |= {tensors.gate: gate, tensors.ungated: residual / gate}
    values |= {} if tensors.plain else {tensors.sum: x + residual, tensors.shortcut: x}
    values |= {tensors.x: x} if tensors.input_shape == tensors.output_shape else {}
    maps = tuple(layer_maps(name, array) for name, array in values.items())
    pixels = np.zeros((4, 4, 3), np.uint8)
    spec = ForwardSpec("sample:china", architecture)
    return ForwardResult(spec, "00", Frame(2, 2, 4, 4), pixels, INFO, maps, 0.1, ())


def block_responses(spec: ForwardSpec, scale: float = 1.0) -> tuple[Responses, ...]:
    """Responses in which F(x) of block n has the standard deviation n + 1, twice that in the plain network, x half."""
    responses = []
    for number, network in enumerate(with_counterpart(spec), start=1):
        blocks = tuple(all_block_tensors(network.architecture))
        deviations = tuple(scale * number * (index + 1.0) for index in range(len(blocks)))
        halves = tuple(value / 2 for value in deviations)
        responses.append(Responses(network, "random, seed 0", False, blocks, deviations, halves))
    return tuple(responses)
