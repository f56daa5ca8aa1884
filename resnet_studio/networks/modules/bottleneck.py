"""The module of `families/bottleneck.py`."""

from __future__ import annotations

from torch import Tensor, nn

from resnet_studio.networks.families.family import Block
from resnet_studio.networks.modules.shortcuts import addition, join, shortcut


class BottleneckBlock(nn.Module):
    """1×1, 3×3 and 1×1 convolution (He et al. 2015, Figure 5 right); the last has four times the channels."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        width, bias = block.width, block.family.bias
        first, middle = (stride for _, _, stride in block.family.windows(block)[:2])
        self.conv1 = nn.Conv2d(block.channels_in, width, 1, first, bias=bias)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, middle, padding=1, bias=bias)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(width, block.channels_out, 1, bias=bias)
        self.bn3 = nn.BatchNorm2d(block.channels_out)
        self.downsample = shortcut(block)
        self.add = addition(block)
        self.relu3 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        result: Tensor = self.relu3(join(self.add, self.downsample, out, x))
        return result
