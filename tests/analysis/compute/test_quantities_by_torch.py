"""Quantities that follow from plans against torchvision's own modules, counted by torch."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from resnet_studio.analysis.network_quantities import QUANTITIES, NetworkFigures
from resnet_studio.networks.presets import preset


@pytest.mark.parametrize(
    ("name", "torchvision_name"), [("resnet50-v1.5", "resnet50"), ("mobilenet_v2", "mobilenet_v2"), ("vgg16", "vgg16")]
)
def test_parameters_flops_and_weights(name: str, torchvision_name: str) -> None:
    with torch.device("meta"):
        network = models.get_model(torchvision_name).eval()
        with FlopCounterMode(display=False) as counter:
            network(torch.empty(1, 3, 224, 224))
    figures = NetworkFigures(preset(name))
    parameters = sum(weight.numel() for weight in network.parameters())
    assert QUANTITIES["parameters"].of(figures) == parameters
    assert QUANTITIES["weight_bytes"].of(figures) == 4 * parameters
    assert QUANTITIES["macs"].of(figures) == counter.get_total_flops() // 2
