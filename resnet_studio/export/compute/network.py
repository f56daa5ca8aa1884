"""The network that an exported file holds, with its weights and what is to be said about them."""

from __future__ import annotations

from torch import nn

from resnet_studio.export.provenance import NetworkProvenance
from resnet_studio.export.request import ExportRequest
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.values import WeightsInfo


def load_network(request: ExportRequest) -> tuple[nn.Module, WeightsInfo, NetworkProvenance]:
    """The network in eval mode on the CPU, in float32; raises the errors of `weights.load`."""
    network, info = load(request.architecture, request.weights)
    return network, info, NetworkProvenance((request.architecture,), info.source, info.trained, info.sha256)


def notes(info: WeightsInfo) -> tuple[str, ...]:
    """What the user should know about the weights."""
    untrained = () if info.trained else (f"untrained weights: {info.source}",)
    return (*untrained, *info.caveats)
