"""What the pages of Training show, as commands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.arguments import network_argument
from resnet_studio.training.degradation.experiment import Experiment
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.recipes import recipe_arguments
from resnet_studio.training.runs import run_folder


def train_command(architecture: Architecture, recipe: Recipe, folder: Path) -> tuple[str, ...]:
    """What starts the next run. `ValueError` for a network that can't be trained."""
    return ("train", network_argument(architecture), *recipe_arguments(recipe), *_in_folder(folder))


def runs_command(selected: Sequence[Path], folder: Path) -> tuple[str, ...]:
    """The curves of the selected runs; without a selection, all runs."""
    return ("curves", *map(str, selected)) if selected else ("runs", *_in_folder(folder))


def snapshots_command(run: Path | None) -> tuple[str, ...]:
    """The feature maps that a run saved. `ValueError` while none is selected."""
    if run is None:
        raise ValueError("No run with feature maps is selected. Select one, then copy its command line.")
    return ("maps", "--run", str(run), "--output", f"{run.name}-maps")


def experiment_command(experiment: Experiment, folder: Path) -> tuple[str, ...]:
    """What starts the next experiment. `ValueError` for seeds that don't follow each other."""
    first, count = experiment.seeds[0], len(experiment.seeds)
    if experiment.seeds != tuple(range(first, first + count)):
        raise ValueError("The command line takes seeds that follow each other, such as 0, 1, 2.")
    recipe = experiment.recipe
    return (
        "experiment", "degradation", "--data", recipe.data, "--depths", ",".join(map(str, experiment.depths)),
        "--epochs", str(recipe.length), "--seed", str(first), "--seeds", str(count), *_in_folder(folder),
    )  # fmt: skip


def _in_folder(folder: Path) -> tuple[str, ...]:
    return () if folder == run_folder.runs_folder() else ("--runs", str(folder))
