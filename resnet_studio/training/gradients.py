"""How large the gradients are, stage by stage."""

from __future__ import annotations

import torch
from torch import nn

from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import plan


def stage_weights(network: nn.Module, architecture: Architecture) -> dict[str, list[nn.Parameter]]:
    """All weights of each stage, conv1 to fc."""
    found: dict[str, list[nn.Parameter]] = {}
    for layer in plan(architecture):
        weights = network.get_submodule(layer.name).parameters(recurse=False)
        found.setdefault(layer.stage, []).extend(weights)
    return {stage: weights for stage, weights in found.items() if weights}


def stage_norms(stages: dict[str, list[nn.Parameter]]) -> dict[str, float]:
    """Euclidean norm of the gradient by all weights of each stage, after a backward pass."""
    gradients = {
        stage: [weight.grad for weight in weights if weight.grad is not None] for stage, weights in stages.items()
    }
    norms = [torch.nn.utils.get_total_norm(some) for some in gradients.values()]
    return dict(zip(gradients, torch.stack(norms).tolist(), strict=True))
