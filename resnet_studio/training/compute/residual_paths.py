"""How residual paths begin, and how often images skip them in training."""

from __future__ import annotations

from itertools import groupby

import torch
from torch import Tensor, nn
from torch.nn import functional

from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.modules.shortcuts import Add
from resnet_studio.networks.plan import called_layers
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.residual_paths import check_residual_paths, skip_probabilities


class StochasticAdd(Add):
    """shortcut(x) + F(x), where in train mode each image skips F(x) with a probability (Huang et al. 2016).

    What isn't skipped is divided by the probability of that, so that its mean is the same in eval mode. torch's
    generator, which is seeded for every step, decides.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, residual: Tensor, shortcut: Tensor) -> Tensor:
        factors = functional.dropout(residual.new_ones(len(residual), 1, 1, 1), self.probability, self.training)
        return super().forward(residual * factors, shortcut)


def set_residual_paths(network: nn.Module, architecture: Architecture, recipe: Recipe) -> None:
    """Change the residual paths of a new network as the recipe has it; `RecipeError` if there are none to change."""
    check_residual_paths(recipe, architecture)
    if recipe.zero_init_residual:
        _begin_with_zero(network, architecture)
    if recipe.stochastic_depth:
        additions = [layer.name for layer in called_layers(architecture) if layer.kind == "add"]
        probabilities = skip_probabilities(recipe.stochastic_depth, len(additions))
        for name, probability in zip(additions, probabilities, strict=True):
            network.set_submodule(name, StochasticAdd(probability))


@torch.no_grad()
def _begin_with_zero(network: nn.Module, architecture: Architecture) -> None:
    for block, layers in groupby(called_layers(architecture), lambda layer: layer.block):
        weighted = [layer for layer in layers if layer.parameters and layer.on_main_path]
        if block:
            nn.init.zeros_(network.get_parameter(f"{weighted[-1].name}.weight"))
