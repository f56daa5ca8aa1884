"""The degradation experiment of He et al. 2015: plain networks and their residual twins, trained alike.

An experiment is a folder: `experiment.json` says what was asked for, each run is a folder beside it, and a file `stop`
ends the whole. Needs neither torch nor Qt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from resnet_studio.atomic import WRITING, write_new_file
from resnet_studio.causes import why
from resnet_studio.files import Refusal, json_inside
from resnet_studio.networks.architecture import DEPTHS, Residual
from resnet_studio.training import recipe as recipes
from resnet_studio.training.datasets import SOURCES, is_folder
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.recipes import RECIPES
from resnet_studio.training.runs.curves import Curves
from resnet_studio.training.runs.reader import RunReader
from resnet_studio.training.runs.run_folder import LOG, wrong_with

EXPERIMENT, VERSION, KIND = "experiment.json", 1, "degradation"
LARGEST = 100_000
"""Bytes of an experiment's file that is read."""
MOST_SEEDS, MOST_RUNS = 1000, 4000
"""Of one experiment. A file of a few thousand numbers could ask for millions of runs."""
DEEPEST = 6 * 1000 + 2
IMAGENET = {depth: blocks for depth, (block, blocks) in DEPTHS["imagenet"].items() if block == "basic"}
"""18 and 34, with their blocks: the paper's plain networks for large images."""


class ExperimentError(ValueError):
    """No such experiment can be made or read. The text says why."""


class NewerExperimentError(ExperimentError):
    """A newer version of the program wrote it: nothing is wrong with it, but it can't be read here."""


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """One of the networks: plain or residual, of a depth."""

    depth: int
    residual: bool

    @property
    def title(self) -> str:
        """As the paper writes it: "plain-56", "ResNet-56"."""
        return f"{'ResNet' if self.residual else 'plain'}-{self.depth}"

    @property
    def architecture(self) -> Residual:
        """The paper's, with shortcuts that have no weights (A), so that twins have equally many."""
        shortcut = "A" if self.residual else "none"
        if self.depth in IMAGENET:
            return Residual("basic", IMAGENET[self.depth], shortcut=shortcut)  # type: ignore[arg-type]
        blocks = ((self.depth - 2) // 6,) * 3
        return Residual("basic", blocks, shortcut=shortcut, width=16, stem="cifar", image=32, classes=10)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class ExperimentRun:
    """One run of an experiment: twins of one seed see the same images in the same order."""

    twin: NetworkSpec
    recipe: Recipe

    @property
    def name(self) -> str:
        """Of its folder: "plain56-seed0"."""
        return f"{self.twin.title.lower().replace('-', '')}-seed{self.recipe.seed}"


@dataclass(frozen=True, slots=True)
class Experiment:
    """What is trained. Validated: `ExperimentError`."""

    recipe: Recipe = field(default_factory=lambda: RECIPES["digits-degradation"])
    """Of every run, but for the seed."""
    depths: tuple[int, ...] = (20, 56)
    """Rising. 6n + 2 are the paper's networks for small images, 18 and 34 those for large ones."""
    seeds: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        object.__setattr__(self, "depths", tuple(self.depths))
        object.__setattr__(self, "seeds", tuple(self.seeds))
        _check(self)
        object.__setattr__(self, "recipe", replace(self.recipe, seed=self.seeds[0]))

    @property
    def twins(self) -> tuple[NetworkSpec, ...]:
        """The plain networks from shallow to deep, then the residual ones."""
        return tuple(NetworkSpec(depth, residual) for residual in (False, True) for depth in self.depths)

    @property
    def parts(self) -> tuple[ExperimentRun, ...]:
        """All runs in the order in which they are trained: seed after seed."""
        return tuple(ExperimentRun(twin, replace(self.recipe, seed=seed)) for seed in self.seeds for twin in self.twins)

    def parts_of(self, twin: NetworkSpec) -> tuple[ExperimentRun, ...]:
        """The runs of one network."""
        return tuple(ExperimentRun(twin, replace(self.recipe, seed=seed)) for seed in self.seeds)


def _check(experiment: Experiment) -> None:
    depths, seeds = experiment.depths, experiment.seeds
    if any(isinstance(number, bool) or not isinstance(number, int) for number in (*depths, *seeds)):
        raise ExperimentError("depths and seeds: whole numbers are needed")
    if len(depths) < 2 or list(depths) != sorted(set(depths)):
        raise ExperimentError("depths: at least two are needed, rising, as in 20,56")
    small = [depth for depth in depths if depth not in IMAGENET]
    for depth in small:
        if depth % 6 != 2 or not 8 <= depth <= DEEPEST:
            raise ExperimentError(f"depths: the paper's networks have 6n + 2 layers (8, 14, 20 … 110), got {depth}")
    if small and len(small) < len(depths):
        raise ExperimentError("depths: 18 and 34 are networks for large images, and can't be compared with others")
    if not small and not is_folder(experiment.recipe.data):
        size = SOURCES[experiment.recipe.data].image
        raise ExperimentError(
            f"depths: 18 and 34 are networks for large images; those of {experiment.recipe.data} are {size}×{size}. "
            "Take 20,56"
        )
    if not 0 < len(seeds) <= MOST_SEEDS or len(set(seeds)) < len(seeds):
        raise ExperimentError(f"seeds: 1 to {MOST_SEEDS:,} different ones are needed")
    if 2 * len(depths) * len(seeds) > MOST_RUNS:
        raise ExperimentError(f"seeds: {2 * len(depths) * len(seeds):,} runs are too many; {MOST_RUNS:,} are the most")


def free_name(where: Path, data: str) -> str:
    """A name that nothing in the folder has: "degradation-digits-1"."""
    stem = re.sub(r"[^\w.-]+", "-", f"{KIND}-{Path(data).name}")[:100]
    return next(name for number in range(1, 1_000_000) if not (where / (name := f"{stem}-{number}")).exists())


def make(folder: Path, experiment: Experiment) -> None:
    """Make an experiment's folder. `ExperimentError` if there is something of that name, or it can't be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(entry.name != LOG and not entry.name.startswith(WRITING) for entry in folder.iterdir()):
            raise ExperimentError(f"{folder.name}: there is something of this name already in {folder.parent}")
        write_new_file(folder / EXPERIMENT, json.dumps(to_json(experiment), indent=1).encode())
    except FileExistsError:
        raise ExperimentError(f"{folder.name}: there is something of this name already in {folder.parent}") from None
    except OSError as error:
        raise ExperimentError(f"{folder}: an experiment can't be kept here: {why(error)}") from None


def read(folder: Path) -> Experiment:
    """What the folder's experiment is. `ExperimentError` says why it is none, or that a newer version wrote it."""
    path = folder / EXPERIMENT
    if not path.exists():
        raise ExperimentError(f"{folder.name} is not an experiment: it has no {EXPERIMENT}")
    try:
        values = json_inside(folder, EXPERIMENT, LARGEST)
        if values["version"] > VERSION:
            raise NewerExperimentError(
                f"{folder.name} was written by a newer version of this program; it is left as it is"
            )
        return from_json(values)
    except ExperimentError:
        raise
    except Refusal as refusal:
        raise ExperimentError(f"{folder.name}: {EXPERIMENT} {refusal}") from None
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ExperimentError(f"{folder.name}: {EXPERIMENT} is damaged ({wrong_with(error)})") from None


def find(where: Path) -> list[Path]:
    """The experiments in a folder of runs, in the order of their names."""
    return sorted(path.parent for path in where.glob(f"*/{EXPERIMENT}"))


def read_curves(folder: Path, experiment: Experiment) -> dict[str, Curves]:
    """What became of the experiment's runs so far, by name; those that have not begun are left out."""
    return {part.name: _followed(folder / part.name) for part in experiment.parts if (folder / part.name).exists()}


def _followed(folder: Path) -> Curves:
    curves = Curves()
    for event in RunReader(folder).new_events(-1):
        curves.take(event)
    return curves


def to_json(experiment: Experiment) -> dict[str, Any]:
    """The experiment as plain JSON values; `from_json` reads it back to an equal value."""
    return {
        "version": VERSION,
        "kind": KIND,
        "depths": list(experiment.depths),
        "seeds": list(experiment.seeds),
        "recipe": recipes.to_json(experiment.recipe),
    }


def from_json(values: Mapping[str, Any]) -> Experiment:
    """Read an experiment back; `ValueError`, `KeyError` or `TypeError` where it is none."""
    if values["kind"] != KIND:
        raise ExperimentError(f"experiments of the kind {values['kind']!r} are not known here")
    return Experiment(recipes.from_json(values["recipe"]), tuple(values["depths"]), tuple(values["seeds"]))
