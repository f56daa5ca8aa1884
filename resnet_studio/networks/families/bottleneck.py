"""The bottleneck of He et al. 2015, Figure 5 right: 1×1, 3×3 and 1×1 convolution, the last four times as wide.

In ResNeXt (Xie et al. 2017, Figure 3c, "C = 32") the 3×3 convolution has groups and is wider. A wide ResNet of
torchvision has one group of twice the width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias

from msgspec import Meta

from resnet_studio.networks.families.family import Block, Count, Family, Window

StrideOn: TypeAlias = Literal["1x1", "3x3"]


def bottleneck_windows(block: Block, stride_on: StrideOn, groups: int = 1) -> tuple[Window, ...]:
    """1×1, 3×3 and 1×1, where one of the first two carries the stride."""
    first, middle = (block.stride, 1) if stride_on == "1x1" else (1, block.stride)
    return (
        Window(1, block.inner_width, first),
        Window(3, block.inner_width, middle, block.first_dilation, groups),
        Window(1, block.channels_out),
    )


@dataclass(frozen=True, slots=True)
class Bottleneck(Family):
    block = label = "bottleneck"
    description = "1×1, 3×3, 1×1 with four times the channels (50, 101, 152)"
    expansion = 4
    convolutions = 3
    excluded: ClassVar[Mapping[str, str]] = {"widen": "Bottlenecks are widened by the width per group"}
    form: ClassVar[Mapping[str, tuple[str, str]]] = {
        "stride_on": (
            "Stride on",
            "Which convolution of a bottleneck halves the size:\n"
            "the first 1×1 as in the paper, or the 3×3 as in torchvision (v1.5)",
        ),
        "groups": ("Groups", "Groups of the 3×3 convolutions: 1 as in the paper, 32 in ResNeXt-50 32×4d"),
        "width_per_group": (
            "Per group",
            "Channels of each group in conv2_x, if the network's width is 64, and so on in proportion:\n"
            "64 as in the paper, 4 in ResNeXt-50 32×4d, 128 in Wide-ResNet-50-2",
        ),
    }

    stride_on: StrideOn = "1x1"
    groups: Count = 1
    width_per_group: Annotated[int, Meta(ge=1, le=512)] = 64

    def inner_width(self, width: int) -> int:
        return width * self.width_per_group // 64 * self.groups

    def windows(self, block: Block) -> tuple[Window, ...]:
        return bottleneck_windows(block, self.stride_on, self.groups)
