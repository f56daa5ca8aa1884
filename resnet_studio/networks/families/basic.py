"""The basic block of He et al. 2015, Figure 5 left: two 3×3 convolutions, of which the first carries the stride.

Widened as by Zagoruyko and Komodakis 2016 (arXiv 1605.07146), every stage has k times as many channels, and conv1 not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from msgspec import Meta

from resnet_studio.networks.families.family import Block, Family, Window


@dataclass(frozen=True, slots=True)
class Basic(Family):
    block = label = "basic"
    description = "two 3×3 convolutions (18, 34 layers)"
    expansion = 1
    convolutions = 2
    excluded: ClassVar[Mapping[str, str]] = {
        "stride_on": "A basic block halves the size with its first convolution",
        "groups": "A basic block's convolutions have no groups",
        "width_per_group": "A basic block's convolutions have no groups",
    }
    form: ClassVar[Mapping[str, tuple[str, str]]] = {
        "widen": ("Widen", "All stages have this many times the channels, as in Wide-ResNet-28-10; 1 as in the paper")
    }

    widen: Annotated[int, Meta(ge=1, le=32)] = 1

    def inner_width(self, width: int) -> int:
        return width * self.widen

    def outer_width(self, width: int) -> int:
        return width * self.widen

    def windows(self, block: Block) -> tuple[Window, ...]:
        first = Window(3, block.inner_width, block.stride, block.first_dilation)
        return first, Window(3, block.inner_width, dilation=block.dilation)
