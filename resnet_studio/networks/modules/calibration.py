"""Statistics of batch norms for weights that were never trained."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def calibrate(network: nn.Module, images: Tensor) -> None:
    """Set every batch norm's statistics to those of the images (N×C×H×W), by one pass with them in train mode. The
    network is in eval mode afterwards.

    Without it activations grow from block to block: an untrained ResNet-152 gives logits of 3e7 in eval mode.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    network.eval()  # no dropout
    if not norms:
        return
    for norm in norms:
        norm.train().momentum = 1.0
    with torch.no_grad():
        network(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.eval().momentum = momentum
