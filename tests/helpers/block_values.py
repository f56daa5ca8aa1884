"""Looks and responses for what is shown of blocks, with values that are known by formula."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from resnet_studio.inference.counterparts import Responses, with_twin
from resnet_studio.inference.feature_maps import layer_maps
from resnet_studio.inference.values import ForwardResult, ForwardSpec, Frame, Preprocessing, WeightsInfo
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.block_tensors import all_blocks, of_block

SMALL = Residual("basic", (2, 2), width=9, stem="cifar", image=4, classes=2)
"""layer1's blocks give 9 maps of 4×4, layer2's 18 of 2×2."""
PLAIN = replace(SMALL, shortcut="none")
INFO = WeightsInfo("random, seed 0", False, Preprocessing(4, 4, (0.5,) * 3, (0.2,) * 3), ("class 0",) * 2)


def telling(channels: int, side: int) -> NDArray[np.float32]:
    """The value 5.23 lies in channel 5, row 2, column 3."""
    channel, row, column = np.meshgrid(np.arange(channels), np.arange(side), np.arange(side), indexing="ij")
    return (channel + row / 10 + column / 100).astype(np.float32)


def block_look(block: str, architecture: Residual = SMALL, factor: float = 1.0) -> ForwardResult:
    """x tells its place, times a factor, and F(x) = 3 − 2x: their sum is 3 − x."""
    paths = of_block(architecture, block)
    x = factor * telling(*paths.output_shape[:2])
    residual = 3 - 2 * x
    values = {paths.residual: residual, paths.output: np.maximum(residual if paths.plain else x + residual, 0)}
    values |= {} if paths.plain else {paths.sum: x + residual, paths.shortcut: x}
    values |= {paths.x: x} if paths.input_shape == paths.output_shape else {}
    maps = tuple(layer_maps(name, one) for name, one in values.items())
    pixels = np.zeros((4, 4, 3), np.uint8)
    subject = ForwardSpec("sample:china", architecture)
    return ForwardResult(subject, "00", Frame(2, 2, 4, 4), pixels, INFO, maps, 0.1, ())


def measured(subject: ForwardSpec, scale: float = 1.0) -> tuple[Responses, ...]:
    """Of the n-th block F(x) has the deviation n + 1, twice that in the plain one, and x half of it."""
    found = []
    for number, one in enumerate(with_twin(subject), start=1):
        blocks = tuple(all_blocks(one.architecture))
        deviations = tuple(scale * number * (place + 1.0) for place in range(len(blocks)))
        halves = tuple(value / 2 for value in deviations)
        found.append(Responses(one, "random, seed 0", False, blocks, deviations, halves))
    return tuple(found)
