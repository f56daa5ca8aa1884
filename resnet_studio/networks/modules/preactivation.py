"""The modules of `families/preactivation.py`: x + F(x) with F(x) = conv(ReLU(bn(…x))) (He et al. 2016, Figure 1b)."""

from __future__ import annotations

from torch import Tensor, nn

from resnet_studio.networks.families.family import Block
from resnet_studio.networks.modules.shortcuts import addition, join, zero_pad


class PreActivationBlock(nn.Module):
    """What basic blocks and bottlenecks have in common: the first activation, and the shortcut that takes its output
    where the shape changes."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.bn1 = None if block.first else nn.BatchNorm2d(block.channels_in)
        self.relu1 = None if block.first else nn.ReLU()
        self.downsample: nn.Module | None = zero_pad(block)
        if block.shortcut == "projection":
            self.downsample = nn.Conv2d(block.channels_in, block.channels_out, 1, block.stride, bias=False)
        self.add = addition(block)

    def residual(self, activated: Tensor) -> Tensor:
        """F(x), from the activated input."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        activated = x if self.bn1 is None or self.relu1 is None else self.relu1(self.bn1(x))
        return join(self.add, self.downsample, self.residual(activated), x if self.downsample is None else activated)


class PreActivationBasicBlock(PreActivationBlock):
    """Two 3×3 convolutions; the first carries the stride."""

    def __init__(self, block: Block) -> None:
        super().__init__(block)
        width = block.width
        self.conv1 = nn.Conv2d(block.channels_in, width, 3, block.stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)

    def residual(self, activated: Tensor) -> Tensor:
        out = self.conv1(activated)
        result: Tensor = self.conv2(self.relu2(self.bn2(out)))
        return result


class PreActivationBottleneckBlock(PreActivationBlock):
    """1×1, 3×3 and 1×1 convolution; the last has four times the channels."""

    def __init__(self, block: Block) -> None:
        super().__init__(block)
        width = block.width
        first, middle = (stride for _, _, stride in block.family.windows(block)[:2])
        self.conv1 = nn.Conv2d(block.channels_in, width, 1, first, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, middle, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.relu3 = nn.ReLU()
        self.conv3 = nn.Conv2d(width, block.channels_out, 1, bias=False)

    def residual(self, activated: Tensor) -> Tensor:
        out = self.conv1(activated)
        out = self.conv2(self.relu2(self.bn2(out)))
        result: Tensor = self.conv3(self.relu3(self.bn3(out)))
        return result
