"""How large the gradients are, stage by stage."""

from __future__ import annotations

import torch
from torch import nn

from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import plan


def stage_norms(network: nn.Module, architecture: Architecture) -> dict[str, float]:
    """Euclidean norm of the gradient by all weights of each stage, conv1 to fc, after a backward pass."""
    stages = _by_stage(network, architecture)
    return {stage: float(torch.nn.utils.get_total_norm(gradients)) for stage, gradients in stages.items()}


def _by_stage(network: nn.Module, architecture: Architecture) -> dict[str, list[torch.Tensor]]:
    found: dict[str, list[torch.Tensor]] = {}
    for layer in plan(architecture):
        gradients = [parameter.grad for parameter in network.get_submodule(layer.name).parameters(recurse=False)]
        found.setdefault(layer.stage, []).extend(gradient for gradient in gradients if gradient is not None)
    return {stage: gradients for stage, gradients in found.items() if gradients}
