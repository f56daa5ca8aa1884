"""The modules of `families/article.py`: its bottleneck differs from the paper's only in its biases."""

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
        width = block.width
        self.conv1 = nn.Conv2d(block.channels_in, width, 3, block.stride, padding=1)
        self.conv2 = nn.Conv2d(width, width, 1)
        self.unused_conv = nn.Conv2d(block.channels_in, width, 1)
        self.unused_bn = nn.BatchNorm2d(width)
