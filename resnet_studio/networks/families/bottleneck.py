"""The bottleneck of He et al. 2015, Figure 5 right: 1×1, 3×3 and 1×1 convolution, the last four times as wide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from resnet_studio.networks.families.family import Block, Family, Window

StrideOn: TypeAlias = Literal["1x1", "3x3"]
STRIDE_FIELD: Mapping[str, tuple[str, str]] = {
    "stride_on": (
        "Stride on",
        "Which convolution of a bottleneck halves the size:\n"
        "the first 1×1 as in the paper, or the 3×3 as in torchvision (v1.5)",
    )
}


def bottleneck_windows(block: Block, stride_on: StrideOn) -> tuple[Window, ...]:
    """1×1, 3×3 and 1×1, where one of the first two carries the stride."""
    first, middle = (block.stride, 1) if stride_on == "1x1" else (1, block.stride)
    return (1, block.width, first), (3, block.width, middle), (1, block.channels_out, 1)


@dataclass(frozen=True, slots=True)
class Bottleneck(Family):
    block = label = "bottleneck"
    description = "1×1, 3×3, 1×1 with four times the channels (50, 101, 152)"
    expansion = 4
    convolutions = 3
    form = STRIDE_FIELD

    stride_on: StrideOn = "1x1"

    def windows(self, block: Block) -> tuple[Window, ...]:
        return bottleneck_windows(block, self.stride_on)
