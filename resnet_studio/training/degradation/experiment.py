"""The degradation experiment of He et al. 2015: plain networks and their residual counterparts, trained alike.

An experiment is a folder: `experiment.json` has its configuration, each run is a subfolder, and a file `stop` ends the
whole experiment. Needs neither torch nor Qt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from resnet_studio import codec
from resnet_studio.atomic import WRITING, write_new_file
from resnet_studio.causes import os_reason
from resnet_studio.codec import NewerFileError
from resnet_studio.files import FileRefusedError
from resnet_studio.networks.architecture import DEPTHS, Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.training.datasets import DATASETS, is_folder
from resnet_studio.training.recipe import RECIPE, Recipe, RecipeError
from resnet_studio.training.recipes import RECIPES
from resnet_studio.training.residual_paths import check_residual_paths
from resnet_studio.training.runs.curves import Curves, read_run_curves
from resnet_studio.training.runs.run_folder import LOG

EXPERIMENT, VERSION, KIND = "experiment.json", 1, "degradation"
MAX_BYTES = 100_000
"""Size up to which an experiment's file is read."""
MAX_SEEDS, MAX_RUNS = 1000, 4000
"""Limits of one experiment: a file of a few thousand numbers could ask for millions of runs."""
MAX_DEPTH = 6 * 1000 + 2
IMAGENET_BLOCKS = {depth: blocks for depth, (block, blocks) in DEPTHS["imagenet"].items() if block == "basic"}
"""Depths 18 and 34 with their block counts: the paper's plain networks for large images."""


Numbers = Annotated[tuple[int, ...], Meta(description="a list of integers")]


class ExperimentError(ValueError):
    """An experiment is invalid or can't be created or read. The message says why."""


class NewerExperimentError(ExperimentError):
    """A newer version of the program wrote it: it is intact but can't be read by this version."""


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """One of the networks: its depth, and whether it is plain or residual."""

    depth: int
    residual: bool

    @property
    def title(self) -> str:
        """The name in the paper: "plain-56", "ResNet-56"."""
        return f"{'ResNet' if self.residual else 'plain'}-{self.depth}"

    @property
    def architecture(self) -> Residual:
        """The paper's, with parameter-free shortcuts (A), so that counterparts have equally many parameters."""
        shortcut = "A" if self.residual else "none"
        if self.depth in IMAGENET_BLOCKS:
            return Residual(Basic(), IMAGENET_BLOCKS[self.depth], shortcut=shortcut)  # type: ignore[arg-type]
        blocks = ((self.depth - 2) // 6,) * 3
        return Residual(Basic(), blocks, shortcut=shortcut, width=16, stem="cifar", image=32, classes=10)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class ExperimentRun:
    """One run of an experiment. All networks of a seed see the same images in the same order."""

    network: NetworkSpec
    recipe: Recipe

    @property
    def name(self) -> str:
        """Name of its folder: "plain56-seed0"."""
        return f"{self.network.title.lower().replace('-', '')}-seed{self.recipe.seed}"


@dataclass(frozen=True, slots=True)
class Experiment:
    """The configuration of an experiment. Validated: `ExperimentError`."""

    recipe: Annotated[Recipe, RECIPE] = field(default_factory=lambda: RECIPES["digits-degradation"])
    """Recipe of every run, except for the seed."""
    depths: Numbers = (20, 56)
    """Increasing. 6n + 2 are the paper's networks for small images, 18 and 34 those for large ones."""
    seeds: Numbers = (0,)

    def __post_init__(self) -> None:
        object.__setattr__(self, "depths", tuple(self.depths))
        object.__setattr__(self, "seeds", tuple(self.seeds))
        _check(self)
        object.__setattr__(self, "recipe", replace(self.recipe, seed=self.seeds[0]))

    @property
    def networks(self) -> tuple[NetworkSpec, ...]:
        """The plain networks by increasing depth, then the residual ones."""
        return tuple(NetworkSpec(depth, residual) for residual in (False, True) for depth in self.depths)

    @property
    def runs(self) -> tuple[ExperimentRun, ...]:
        """All runs in training order, seed by seed."""
        return tuple(
            ExperimentRun(network, replace(self.recipe, seed=seed)) for seed in self.seeds for network in self.networks
        )

    def runs_of(self, network: NetworkSpec) -> tuple[ExperimentRun, ...]:
        """The runs of one network."""
        return tuple(ExperimentRun(network, replace(self.recipe, seed=seed)) for seed in self.seeds)


def _check(experiment: Experiment) -> None:
    depths, seeds = experiment.depths, experiment.seeds
    if any(isinstance(number, bool) or not isinstance(number, int) for number in (*depths, *seeds)):
        raise ExperimentError("depths and seeds: must be integers")
    if len(depths) < 2 or list(depths) != sorted(set(depths)):
        raise ExperimentError("depths: enter at least two in increasing order, such as 20,56")
    small = [depth for depth in depths if depth not in IMAGENET_BLOCKS]
    for depth in small:
        if depth % 6 != 2 or not 8 <= depth <= MAX_DEPTH:
            raise ExperimentError(f"depths: must be 6n + 2 (8, 14, 20 … 110) as in the paper, got {depth}")
    if small and len(small) < len(depths):
        raise ExperimentError("depths: 18 and 34 are for large images and can't be compared with the others")
    if not small and not is_folder(experiment.recipe.data):
        size = DATASETS[experiment.recipe.data].image
        raise ExperimentError(
            f"depths: 18 and 34 are for large images; those of {experiment.recipe.data} are {size}×{size}. Use 20,56"
        )
    try:
        check_residual_paths(experiment.recipe, experiment.networks[0].architecture)
    except RecipeError as error:
        raise ExperimentError(str(error)) from None
    if not 0 < len(seeds) <= MAX_SEEDS or len(set(seeds)) < len(seeds):
        raise ExperimentError(f"seeds: enter 1 to {MAX_SEEDS:,} different seeds")
    if 2 * len(depths) * len(seeds) > MAX_RUNS:
        raise ExperimentError(f"seeds: {2 * len(depths) * len(seeds):,} runs are too many; the limit is {MAX_RUNS:,}")


def free_name(where: Path, data: str) -> str:
    """An unused name in the folder: "degradation-digits-1"."""
    stem = re.sub(r"[^\w.-]+", "-", f"{KIND}-{Path(data).name}")[:100]
    return next(name for number in range(1, 1_000_000) if not (where / (name := f"{stem}-{number}")).exists())


def create(folder: Path, experiment: Experiment) -> None:
    """Create an experiment's folder. `ExperimentError` if the name is taken, or the folder can't be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(entry.name != LOG and not entry.name.startswith(WRITING) for entry in folder.iterdir()):
            raise ExperimentError(f"{folder.name} already exists in {folder.parent}")
        write_new_file(folder / EXPERIMENT, json.dumps(to_json(experiment), indent=1).encode())
    except FileExistsError:
        raise ExperimentError(f"{folder.name} already exists in {folder.parent}") from None
    except OSError as error:
        raise ExperimentError(f"{folder}: can't save an experiment here: {os_reason(error)}") from None


def read_experiment(folder: Path) -> Experiment:
    """Read an experiment. `ExperimentError` says why the folder is not one, or that a newer version wrote it."""
    path = folder / EXPERIMENT
    if not path.exists():
        raise ExperimentError(f"{folder.name} is not an experiment: it has no {EXPERIMENT}")
    try:
        return codec.read(folder, EXPERIMENT, MAX_BYTES, VERSION, from_json)
    except NewerFileError as error:
        raise NewerExperimentError(f"{folder.name} {error}") from None
    except FileRefusedError as refusal:
        raise ExperimentError(f"{folder.name}: {EXPERIMENT} {refusal}") from None


def find_experiments(where: Path) -> list[Path]:
    """The experiments in a folder of runs, sorted by name."""
    return sorted(path.parent for path in where.glob(f"*/{EXPERIMENT}"))


def read_curves(folder: Path, experiment: Experiment) -> dict[str, Curves]:
    """The curves of the experiment's runs so far, by name; those that have not begun are left out."""
    return {run.name: read_run_curves(folder / run.name) for run in experiment.runs if (folder / run.name).exists()}


def to_json(experiment: Experiment) -> dict[str, Any]:
    """The experiment as plain JSON values; `from_json` reads it back to an equal value."""
    return {"version": VERSION, "kind": KIND, **codec.to_json(experiment)}


def from_json(values: Any) -> Experiment:
    """Read an experiment back; `FieldError` or `ExperimentError` if it is invalid."""
    if isinstance(values, Mapping) and values.get("kind", KIND) != KIND:
        raise ExperimentError(f"unknown kind of experiment: {values['kind']!r}")
    return codec.from_json(Experiment, values, complete=True)
