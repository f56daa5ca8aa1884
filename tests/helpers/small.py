"""Trainings that are small enough to run in a test: a network of a few hundred weights on the digits."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.image_size import ImageSize
from resnet_studio.progress import finish
from resnet_studio.training.compute import checkpoints
from resnet_studio.training.compute.data import Data
from resnet_studio.training.compute.distributed import Workers
from resnet_studio.training.compute.open_dataset import open_data
from resnet_studio.training.compute.run import run
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.curves import Curves
from resnet_studio.training.runs.events import Event, Gradients
from resnet_studio.training.runs.reader import RunReader
from resnet_studio.training.runs.writer import RunWriter

TINY = Residual(Basic(), (1, 1, 1), shortcut="A", width=4, stem="cifar", image=8, channels=1, classes=10)
SHORT = Recipe(data="digits", length=2, batch_size=128, lr=0.05)
"""22 steps."""


def make_run(folder: Path, recipe: Recipe = SHORT, architecture: Architecture = TINY, threads: int = 1) -> Path:
    """Make the folder of a run that has not begun, with one thread."""
    run_folder.create(folder, run_folder.Manifest(folder.name, architecture, recipe, 0.0, threads=threads))
    return folder


def train(folder: Path, listener: Callable[[Event], object] = lambda event: None, *, resume: bool = False) -> str:
    """Train a run in this process, as the command line does, and return how it ended."""
    with RunWriter(folder, listener) as writer:
        return run(folder, folder.parent / "data", writer, Workers(), resume=resume)


def open_recipe_data(
    recipe: Recipe, image: ImageSize = 8, root: Path = Path("nowhere"), *, download: bool = False
) -> Data:
    """Open the recipe's data."""
    return finish(open_data(recipe, image, root, download=download))


def after_step(step: int, callback: Callable[[], object]) -> Callable[[Event], None]:
    """A listener that calls back right after a step, counted from 0. Short runs emit gradients after every step."""

    def listen(event: Event) -> None:
        if isinstance(event, Gradients) and event.step == step:
            callback()

    return listen


def stop_after(folder: Path, step: int) -> Callable[[Event], None]:
    return after_step(step, lambda: run_folder.make_request(folder, run_folder.STOP))


def read_events(folder: Path) -> list[Event]:
    return list(RunReader(folder).new_events(-1))


def events_of(kind: type, folder: Path) -> list[Event]:
    return [event for event in read_events(folder) if isinstance(event, kind)]


def read_curves(folder: Path) -> Curves:
    curves = Curves()
    for event in read_events(folder):
        curves.add(event)
    return curves


def age_heartbeat(folder: Path) -> None:
    """Set the last heartbeat far back, so that a killed run is recognized at once."""
    os.utime(folder / run_folder.HEARTBEAT, (0, 0))


@dataclass(frozen=True, eq=False)
class RunResult:
    """What must be bit-identical however often a run was interrupted."""

    losses: NDArray[np.float64]
    errors: NDArray[np.float64]
    measured: list[tuple[str, int, float, float]]
    gradients: list[tuple[int, dict[str, float]]]
    weights: dict[str, torch.Tensor]
    optimizer: dict[str, torch.Tensor]


def read_outcome(folder: Path) -> RunResult:
    curves, last = read_curves(folder), checkpoints.newest(folder / run_folder.CHECKPOINTS)
    assert last is not None
    return RunResult(
        curves.per_step("loss").y, curves.per_step("error").y,
        [(event.split, event.step, event.loss, event.error) for event in curves.measured],
        [(event.step, event.norms) for event in curves.gradients],
        last.weights, last.optimizer,
    )  # fmt: skip


def assert_same_outcome(one: RunResult, other: RunResult) -> None:
    np.testing.assert_array_equal(one.losses, other.losses)
    np.testing.assert_array_equal(one.errors, other.errors)
    assert one.measured == other.measured
    assert one.gradients == other.gradients
    for ours, theirs in ((one.weights, other.weights), (one.optimizer, other.optimizer)):
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def noise_image(seed: int, size: tuple[int, int] = (12, 12)) -> Image.Image:
    """Noise of width × height pixels."""
    width, height = size
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def make_class_folders(root: Path, counts: dict[str, int]) -> Path:
    """Class folders with PNG files of different sizes."""
    for label, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True)
        for number in range(count):
            size = (9 + number % 5, 9 + number % 3)
            noise_image(1000 * label + number, size).save(root / name / f"{number:03d}.png")
    return root
