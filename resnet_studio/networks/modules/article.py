"""The module of `families/article.py` that is not the paper's with other windows and biases."""

from __future__ import annotations

from torch import nn

from resnet_studio.networks.families.family import Block
from resnet_studio.networks.modules.basic import BasicBlock


class ArticleBasicBlock(BasicBlock):
    """The 18- and 34-layer block of Gamulin's article: a 3×3 and a 1×1 convolution, not two 3×3, with biases.

    A further convolution with its norm is built and never called, as in the article's code: its parameters
    count, and no image ever meets them.
    """

    def __init__(self, block: Block) -> None:
        super().__init__(block)
        self.unused_conv = nn.Conv2d(block.channels_in, block.width, 1)
        self.unused_bn = nn.BatchNorm2d(block.width)
