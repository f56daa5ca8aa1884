"""The modules of `families/preactivation.py` and `v2.py`: x + F(x) with F(x) = conv(ReLU(bn(…x))).

They are He et al. 2016's, Figure 1b.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from resnet_studio.networks.families.family import Block
from resnet_studio.networks.modules.convolution import convolution
from resnet_studio.networks.modules.shortcuts import addition, averages, join, zero_pad
from resnet_studio.networks.modules.squeeze_excitation import SqueezeExcitation


class PreActivationBlock(nn.Module):
    """What basic blocks and bottlenecks have in common: the first activation, and the shortcut that takes its output
    where the shape changes."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.bn1 = None if block.first else nn.BatchNorm2d(block.channels_in)
        self.relu1 = None if block.first else nn.ReLU()
        self.downsample = preactivation_shortcut(block)
        self.add = addition(block)
        self.se = SqueezeExcitation(block.channels_out, block.reduced) if block.reduced else None

    def residual(self, activated: Tensor) -> Tensor:
        """F(x), from the activated input."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        activated = x if self.bn1 is None or self.relu1 is None else self.relu1(self.bn1(x))
        out = self.residual(activated)
        if self.se is not None:
            out = self.se(out)
        return join(self.add, self.downsample, out, x if self.downsample is None else activated)


class PreActivationBasicBlock(PreActivationBlock):
    """Two 3×3 convolutions; the first carries the stride."""

    def __init__(self, block: Block) -> None:
        super().__init__(block)
        first, second = block.family.windows(block)
        self.conv1 = convolution(block.channels_in, first)
        self.bn2 = nn.BatchNorm2d(first.channels)
        self.relu2 = nn.ReLU()
        self.conv2 = convolution(first.channels, second)

    def residual(self, activated: Tensor) -> Tensor:
        out = self.conv1(activated)
        result: Tensor = self.conv2(self.relu2(self.bn2(out)))
        return result


class PreActivationBottleneckBlock(PreActivationBlock):
    """1×1, 3×3 and 1×1 convolution; the last has four times the channels."""

    def __init__(self, block: Block) -> None:
        super().__init__(block)
        first, middle, last = block.family.windows(block)
        self.conv1 = convolution(block.channels_in, first)
        self.bn2 = nn.BatchNorm2d(first.channels)
        self.relu2 = nn.ReLU()
        self.conv2 = convolution(first.channels, middle)
        self.bn3 = nn.BatchNorm2d(middle.channels)
        self.relu3 = nn.ReLU()
        self.conv3 = convolution(middle.channels, last)

    def residual(self, activated: Tensor) -> Tensor:
        out = self.conv1(activated)
        out = self.conv2(self.relu2(self.bn2(out)))
        result: Tensor = self.conv3(self.relu3(self.bn3(out)))
        return result


def preactivation_shortcut(block: Block) -> nn.Module | None:
    """The module on the shortcut, where a projection is a convolution alone; None for the identity."""
    if block.shortcut == "pooled projection":
        project = nn.Conv2d(block.channels_in, block.channels_out, 1, bias=False)
        return nn.Sequential(averages(block) | OrderedDict({"1": project}))
    if block.shortcut == "projection":
        return nn.Conv2d(block.channels_in, block.channels_out, 1, block.stride, bias=False)
    return zero_pad(block)
