"""How long it takes to tell what a file of weights is, compared with loading it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmarks.measure import Line, in_turns, ratio
from resnet_studio.inference.weights.identity import identify
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import preset

ROUNDS = 15


def measure() -> Iterator[Line]:
    """The 102 MB of ResNet-50, hash included; the file is in the system's cache for both."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "resnet50.pth"
        torch.save(build(preset("resnet50")).state_dict(), path)
        seconds = in_turns(
            {"identify": lambda: identify(path), "load": lambda: torch.load(path, weights_only=True)}, ROUNDS
        )
    peer = "torch.load(weights_only=True) of the same file"
    yield ratio("Identifying ResNet-50's weights", seconds["identify"], seconds["load"], 1.5, peer)
