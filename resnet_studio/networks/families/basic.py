"""The basic block of He et al. 2015, Figure 5 left: two 3×3 convolutions, of which the first carries the stride."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from resnet_studio.networks.families.family import Block, Family, Window


@dataclass(frozen=True, slots=True)
class Basic(Family):
    block = label = "basic"
    description = "two 3×3 convolutions (18, 34 layers)"
    expansion = 1
    convolutions = 2
    excluded: ClassVar[Mapping[str, str]] = {"stride_on": "A basic block halves the size with its first convolution"}

    def windows(self, block: Block) -> tuple[Window, ...]:
        return (3, block.width, block.stride), (3, block.width, 1)
