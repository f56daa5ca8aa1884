"""The blocks of Gamulin's article of 2020, with its slips.

Every convolution has a bias, every stage opens with a projection, and the 18- and 34-layer networks have a 3×3 and a
1×1 convolution instead of two 3×3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from resnet_studio.networks.families.bottleneck import Bottleneck, bottleneck_windows
from resnet_studio.networks.families.family import Block, Family, Joint, Shortcut, Window
from resnet_studio.networks.layers import Layer


class ArticleFamily(Family):
    """What both of the article's blocks have in common."""

    __slots__ = ()
    variant = network = "article"
    origin = "Gamulin's 2020 article, with its mistakes"
    shortcuts = ("B",)
    bias = True
    excluded: ClassVar[Mapping[str, str]] = {
        "shortcut": "The article's code has projections only",
        "stride_on": "The article's code halves the size with the 3×3",
        "groups": "The article's convolutions have no groups",
        "width_per_group": "The article's convolutions have no groups",
        "widen": "The article's stages have the paper's widths",
    }

    def joint(self, shortcut: Shortcut, *, opens_stage: bool, changes_shape: bool) -> Joint:
        return "projection" if opens_stage else "identity"


@dataclass(frozen=True, slots=True)
class ArticleBasic(ArticleFamily):
    block = label = "basic"
    description = "a 3×3 and a 1×1 convolution"
    expansion = 1
    convolutions = 2

    stride_on: Literal["3x3"] = "3x3"

    def windows(self, block: Block) -> tuple[Window, ...]:
        return Window(3, block.width, block.stride, block.first_dilation), Window(1, block.width)

    def unused_layers(self, block: Block) -> list[Layer]:
        """The convolution and its norm that the article's code builds and never calls."""
        path = block.chain()
        path.conv("unused_conv", block.width, 1)
        path.norm("unused_bn")
        return path.layers


@dataclass(frozen=True, slots=True)
class ArticleBottleneck(ArticleFamily):
    block = label = "bottleneck"
    description = Bottleneck.description
    expansion = 4
    convolutions = 3

    stride_on: Literal["3x3"] = "3x3"

    def windows(self, block: Block) -> tuple[Window, ...]:
        return bottleneck_windows(block, self.stride_on)
