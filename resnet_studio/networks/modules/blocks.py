"""The residual blocks, as modules in which every tensor has a name.

Each ReLU is its own out-of-place module and the addition a module of its own, so that no later operation
overwrites a captured tensor. Modules that hold weights have torchvision's names, so published weights load.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from resnet_studio.networks.plan import Block


class Add(nn.Module):
    """F(x) + shortcut(x), a module so that it can be captured."""

    def forward(self, residual: Tensor, shortcut: Tensor) -> Tensor:
        return residual + shortcut


class ZeroPad(nn.Module):
    """Shortcut A: every `stride`-th pixel, and zeros for the channels that are new. It has no parameters."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.new_channels = channels_out - channels_in

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))


def shortcut(block: Block) -> nn.Module | None:
    """The module on the shortcut; None for the identity."""
    if block.shortcut == "projection":
        bias = block.variant == "article"
        return nn.Sequential(
            nn.Conv2d(block.channels_in, block.channels_out, 1, block.stride, bias=bias),
            nn.BatchNorm2d(block.channels_out),
        )
    if block.shortcut == "zero pad":
        return ZeroPad(block.channels_in, block.channels_out, block.stride)
    return None


def addition(block: Block) -> Add | None:
    return None if block.shortcut == "none" else Add()


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
        return join_shortcut(self.relu2, self.add, self.downsample, out, x)


class Bottleneck(nn.Module):
    """1×1, 3×3 and 1×1 convolution (He et al. 2015, Figure 5 right); the last has four times the channels."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        width, bias = block.width, block.variant == "article"
        first, middle = (block.stride, 1) if block.stride_on == "1x1" else (1, block.stride)
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
        return join_shortcut(self.relu3, self.add, self.downsample, out, x)


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


def join_shortcut(relu: nn.Module, add: Add | None, downsample: nn.Module | None, out: Tensor, x: Tensor) -> Tensor:
    """ReLU(F(x) + shortcut(x)), or ReLU(F(x)) in a plain network."""
    if add is not None:
        out = add(out, x if downsample is None else downsample(x))
    result: Tensor = relu(out)
    return result


def build_block(block: Block) -> nn.Module:
    """The module for one block of a plan. Input N×channels_in×size_in×size_in, output N×channels_out×…"""
    if block.kind == "bottleneck":
        return Bottleneck(block)
    return ArticleBasicBlock(block) if block.variant == "article" else BasicBlock(block)
