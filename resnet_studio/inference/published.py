"""Weights that torchvision publishes: where they are kept, and fetching them once."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import torch

from resnet_studio.inference.errors import WeightsError
from resnet_studio.inference.values import PublishedWeights
from resnet_studio.progress import Progress


def cached(source: PublishedWeights) -> Path:
    """The weights' file in torch's cache, whether it is there or not."""
    from torchvision import models  # takes seconds to import: only for who asks for published weights

    url = models.get_model_weights(source.model)[source.name].url
    return Path(torch.hub.get_dir(), "checkpoints", url.rpartition("/")[2])


def fetch_steps(source: PublishedWeights) -> Generator[Progress, None, None]:
    """See to it that the file is there. `WeightsError` says what to do without a network."""
    yield Progress(0, 4, f"looking for {source.model}'s weights")
    if not cached(source).exists():
        raise WeightsError(cached(source).name, "is not on this machine")
