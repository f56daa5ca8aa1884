"""Squeeze-and-excitation (Hu et al. 2018): what a block adds is weighted channel by channel."""

from __future__ import annotations

from torch import Tensor, nn


class Scale(nn.Module):
    """Every channel times its factor, a module so that it can be captured."""

    def forward(self, x: Tensor, gate: Tensor) -> Tensor:
        return x * gate


class SqueezeExcitation(nn.Module):
    """Each channel times a factor from 0 to 1, computed from the means of all channels. N×C×H×W stays N×C×H×W.

    Modules that hold weights have timm's names.
    """

    def __init__(self, channels: int, reduced: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, reduced, 1)
        self.relu = nn.ReLU()
        self.fc2 = nn.Conv2d(reduced, channels, 1)
        self.gate = nn.Sigmoid()
        self.scale = Scale()

    def forward(self, x: Tensor) -> Tensor:
        gate = self.gate(self.fc2(self.relu(self.fc1(self.pool(x)))))  # N×C×1×1
        result: Tensor = self.scale(x, gate)
        return result
