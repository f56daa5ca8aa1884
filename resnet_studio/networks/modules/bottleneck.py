"""The module of `families/bottleneck.py`."""

from __future__ import annotations

from torch import Tensor, nn

from resnet_studio.networks.families.family import Block
from resnet_studio.networks.modules.convolution import convolution
from resnet_studio.networks.modules.shortcuts import addition, join, shortcut
from resnet_studio.networks.modules.squeeze_excitation import SqueezeExcitation


class BottleneckBlock(nn.Module):
    """1×1, 3×3 and 1×1 convolution (He et al. 2015, Figure 5 right); the last has four times the channels."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        first, middle, last = block.family.windows(block)
        bias = block.family.bias
        self.conv1 = convolution(block.channels_in, first, bias=bias)
        self.bn1 = nn.BatchNorm2d(first.channels)
        self.relu1 = nn.ReLU()
        self.conv2 = convolution(first.channels, middle, bias=bias)
        self.bn2 = nn.BatchNorm2d(middle.channels)
        self.relu2 = nn.ReLU()
        self.conv3 = convolution(middle.channels, last, bias=bias)
        self.bn3 = nn.BatchNorm2d(last.channels)
        self.se = SqueezeExcitation(last.channels, block.reduced) if block.reduced else None
        self.downsample = shortcut(block)
        self.add = addition(block)
        self.relu3 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        if self.se is not None:
            out = self.se(out)
        result: Tensor = self.relu3(join(self.add, self.downsample, out, x))
        return result
