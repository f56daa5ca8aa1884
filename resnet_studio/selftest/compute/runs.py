"""Short runs on the device under test, by the program's own training."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from resnet_studio.inference.weights.bundled import DIGITS
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import preset
from resnet_studio.selftest.compute.target import Target
from resnet_studio.training.compute import checkpoints
from resnet_studio.training.compute.data import Data, restored_random_state
from resnet_studio.training.compute.distributed import Workers
from resnet_studio.training.compute.run import Training, make_thread_choice, run
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Event, Gradients, Outcome, Stepped
from resnet_studio.training.runs.reader import RunReader
from resnet_studio.training.runs.writer import RunWriter

STEPS = 30
WARM_UP_STEPS, WHOLE_RUN = 5, 20
"""Untimed steps of a run, and how many times longer it would be if it were not stopped."""


@dataclass(frozen=True, slots=True, eq=False)
class RunResult:
    """What a run left in its folder."""

    folder: Path
    how: Outcome
    losses: tuple[float, ...]
    """Of all steps, over all sessions of the run."""

    @property
    def weights_path(self) -> Path:
        """The weights of the newest checkpoint."""
        return max((self.folder / run_folder.CHECKPOINTS).iterdir()) / checkpoints.WEIGHTS

    @property
    def weights(self) -> dict[str, Tensor]:
        return checkpoints.read(self.weights_path.parent).weights


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """What a run trains: a network, by a recipe, on opened data."""

    architecture: Architecture
    recipe: Recipe
    data: Data


def digits_recipe(target: Target) -> Recipe:
    """30 steps on the digits, nearly three epochs."""
    return Recipe(data="digits", length=STEPS, unit="steps", lr=0.05, schedule="constant", device=target.name)


def train(
    target: Target, name: str, recipe: Recipe, *, stop_after: int | None = None, resume: bool = False
) -> RunResult:
    """Train ResNet-20 on the digits, as the command line does; stopped after a step (counted from 0) if asked to."""
    folder = target.folder / name
    if not resume:
        create(folder, preset(DIGITS), recipe)

    def stop(event: Event) -> None:
        if isinstance(event, Gradients) and event.step == stop_after:  # so short a run reports them after every step
            run_folder.make_request(folder, run_folder.STOP)

    with RunWriter(folder, stop) as writer:
        how = run(folder, target.folder, writer, Workers(), resume=resume)
    return RunResult(folder, how, losses(folder))


def losses(folder: Path) -> tuple[float, ...]:
    """The losses of a run's steps."""
    steps = [event for event in RunReader(folder).new_events(-1) if isinstance(event, Stepped)]
    return tuple(loss for event in steps for loss in event.losses)


def images_per_second(target: Target, name: str, case: Case, steps: int) -> float:
    """Throughput of a run, from its fifth step to about `steps`; without evaluation and saving, as its events tell.

    The run is stopped early in a long one, as gradient norms are recorded 50 times in a run.
    """
    folder, seconds = target.folder / name, {0: 0.0}
    architecture, data, recipe = case.architecture, case.data, replace(case.recipe, length=WHOLE_RUN * steps)

    def record(event: Event) -> None:
        if isinstance(event, Stepped):
            seconds[event.first + len(event.losses)] = event.seconds
            if max(seconds) >= steps:
                run_folder.make_request(folder, run_folder.STOP)

    create(folder, architecture, recipe)
    with restored_random_state(target.device), RunWriter(folder, record) as writer:
        choice = make_thread_choice(None, ())
        Training(folder, recipe, architecture, data, target.device, writer, Workers(), choice).run()
    first, last = min(step for step in seconds if step >= WARM_UP_STEPS), max(seconds)
    return recipe.batch_size * (last - first) / (seconds[last] - seconds[first])


def create(folder: Path, architecture: Architecture, recipe: Recipe) -> None:
    """A run's folder; its number of threads is fixed, as floating-point sums depend on it."""
    threads = torch.get_num_threads()
    run_folder.create(folder, run_folder.Manifest(folder.name, architecture, recipe, time.time(), threads=threads))
