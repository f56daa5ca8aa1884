"""What a recipe does to residual paths can only be done where there are some. Needs neither torch nor Qt."""

from __future__ import annotations

from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.presets import title
from resnet_studio.training.recipe import Recipe, RecipeError

WITHOUT_PATH = {
    "zero_init_residual": "blocks that begin with F(x) = 0 would let nothing through",
    "stochastic_depth": "nothing would be left of a skipped block",
}
"""Why a field makes no sense in a network without shortcuts."""


def check_residual_paths(recipe: Recipe, architecture: Architecture) -> None:
    """`RecipeError` if the recipe is about residual paths, and the network has none."""
    if isinstance(architecture, Residual) and architecture.shortcut != "none":
        return
    for field, reason in WITHOUT_PATH.items():
        if getattr(recipe, field):
            raise RecipeError(field, f"{title(architecture)} has no shortcuts: {reason}. Set it to its default")


def skip_probabilities(rate: float, blocks: int) -> list[float]:
    """How likely each block is skipped: n / N of the rate in the block n of N, counted from 1 (Huang et al. 2016)."""
    return [rate * number / blocks for number in range(1, blocks + 1)]
