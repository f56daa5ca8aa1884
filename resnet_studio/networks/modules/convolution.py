"""A block's convolution."""

from __future__ import annotations

from torch import nn

from resnet_studio.networks.families.family import Window


def convolution(channels: int, window: Window, *, bias: bool = False) -> nn.Conv2d:
    """The convolution of N×channels×H×W with a window, padded so that only its stride changes the size."""
    padding = window.dilation * (window.kernel // 2)
    return nn.Conv2d(
        channels, window.channels, window.kernel, window.stride, padding, window.dilation, window.groups, bias
    )
