"""What joins the two paths of a block, as modules in which every tensor has a name.

Each ReLU is its own out-of-place module and the addition a module of its own, so that no later operation
overwrites a captured tensor. Modules that hold weights have torchvision's names, so published weights load.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional

from resnet_studio.networks.families.family import Block


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
    bias = block.family.bias
    if block.shortcut == "pooled projection":
        project = nn.Conv2d(block.channels_in, block.channels_out, 1, bias=bias)
        norm = nn.BatchNorm2d(block.channels_out)
        return nn.Sequential(averages(block) | OrderedDict({"1": project, "2": norm}))
    if block.shortcut == "projection":
        return nn.Sequential(
            nn.Conv2d(block.channels_in, block.channels_out, 1, block.stride, bias=bias),
            nn.BatchNorm2d(block.channels_out),
        )
    return zero_pad(block)


def averages(block: Block) -> OrderedDict[str, nn.Module]:
    """What halves the size in front of a projection, by its name; nothing where the size is kept.

    As in timm, a window at the edge of an odd side averages the pixels that it has.
    """
    if block.stride == 1:
        return OrderedDict()
    return OrderedDict({"0": nn.AvgPool2d(block.stride, block.stride, ceil_mode=True, count_include_pad=False)})


def zero_pad(block: Block) -> ZeroPad | None:
    """The padding on the shortcut, if there is one."""
    is_padded = block.shortcut == "zero pad"
    return ZeroPad(block.channels_in, block.channels_out, block.stride) if is_padded else None


def addition(block: Block) -> Add | None:
    """The addition; None in a plain network."""
    return None if block.shortcut == "none" else Add()


def join(add: Add | None, downsample: nn.Module | None, out: Tensor, x: Tensor) -> Tensor:
    """F(x) + shortcut(x), or F(x) alone in a plain network."""
    if add is None:
        return out
    result: Tensor = add(out, x if downsample is None else downsample(x))
    return result
