"""The module of `families/basic.py`."""

from __future__ import annotations

from torch import Tensor, nn

from resnet_studio.networks.families.family import Block
from resnet_studio.networks.modules.shortcuts import addition, join, shortcut


class BasicBlock(nn.Module):
    """Two 3×3 convolutions (He et al. 2015, Figure 5 left); the first carries the stride."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        width = block.width
        self.conv1 = nn.Conv2d(block.channels_in, width, 3, block.stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = shortcut(block)
        self.add = addition(block)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        result: Tensor = self.relu2(join(self.add, self.downsample, out, x))
        return result
