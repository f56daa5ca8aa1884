"""Batch norms of weights that were never trained."""

from __future__ import annotations

import torch
from torch import nn

from resnet_studio.networks.modules.calibration import calibrate


def test_every_batch_norm_gives_mean_zero_and_deviation_one_on_these_images() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, momentum=0.3), nn.ReLU(), nn.Conv2d(8, 4, 3))
    network.append(nn.BatchNorm2d(4))
    images = torch.randn(6, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    calibrate(network, images)
    assert not any(module.training for module in network.modules())
    assert network[1].momentum == 0.3
    with torch.no_grad():
        for end in (2, 5):
            normalized = network[:end](images)
            assert normalized.mean((0, 2, 3)).abs().max() < 5e-3  # statistics have the unbiased variance
            assert (normalized.std((0, 2, 3)) - 1).abs().max() < 5e-3


def test_a_network_without_batch_norms_is_not_run() -> None:
    network = nn.Sequential(nn.Linear(5, 2), nn.Dropout())
    calibrate(network, torch.ones(1, 3))  # which it could not take
    assert not network.training
