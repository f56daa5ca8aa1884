"""Python files of a user's, with networks in them."""

from __future__ import annotations

from pathlib import Path

CHAIN = """
from torch import nn

def make():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(16), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5),
    )
"""
"""A chain of modules without names."""
RESIDUAL = """
import torch
import torch.nn.functional as F
from torch import nn

class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x
        return self.relu(out)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.layer1 = nn.Sequential(Block(8), Block(8))
        self.fc = nn.Linear(8, 10)
        self.unused = nn.Linear(3, 4)
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        x = self.layer1(F.relu(self.stem(x)))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1)) * self.scale
"""
"""A residual network that shares a module, works in place, and calls functions."""


def write(folder: Path, text: str, name: str = "net.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def leaving_a_trace(folder: Path, text: str = CHAIN) -> tuple[Path, Path]:
    """A file that, when it is run, appends a line to another one, which does not exist before."""
    trace = folder / "was_run"
    return write(folder, f"with open({str(trace)!r}, 'a') as trace:\n    trace.write('run\\n')\n{text}"), trace
