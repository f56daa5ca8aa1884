"""The module of `families/basic.py`."""

from __future__ import annotations

from torch import Tensor, nn

from resnet_studio.networks.families.family import Block
from resnet_studio.networks.modules.convolution import convolution
from resnet_studio.networks.modules.shortcuts import addition, join, shortcut
from resnet_studio.networks.modules.squeeze_excitation import SqueezeExcitation


class BasicBlock(nn.Module):
    """Two 3×3 convolutions (He et al. 2015, Figure 5 left); the first carries the stride."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        first, second = block.family.windows(block)
        bias = block.family.bias
        self.conv1 = convolution(block.channels_in, first, bias=bias)
        self.bn1 = nn.BatchNorm2d(first.channels)
        self.relu1 = nn.ReLU()
        self.conv2 = convolution(first.channels, second, bias=bias)
        self.bn2 = nn.BatchNorm2d(second.channels)
        self.se = SqueezeExcitation(second.channels, block.reduced) if block.reduced else None
        self.downsample = shortcut(block)
        self.add = addition(block)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.se is not None:
            out = self.se(out)
        result: Tensor = self.relu2(join(self.add, self.downsample, out, x))
        return result
