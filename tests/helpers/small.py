"""A training so small that a test can run it whole: a network of a few hundred weights, on the digits."""

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

TINY = Residual("basic", (1, 1, 1), shortcut="A", width=4, stem="cifar", image=8, channels=1, classes=10)
SHORT = Recipe(data="digits", length=2, batch_size=128, lr=0.05)
"""22 steps."""


def make_run(folder: Path, recipe: Recipe = SHORT, architecture: Architecture = TINY, threads: int = 1) -> Path:
    """The folder of a run that has not begun, to be computed with one thread."""
    run_folder.make(folder, run_folder.Manifest(folder.name, architecture, recipe, 0.0, threads=threads))
    return folder


def train(folder: Path, listener: Callable[[Event], object] = lambda event: None, *, resume: bool = False) -> str:
    """Train a run in this process, as the command line does; how it ended."""
    with RunWriter(folder, listener) as journal:
        return run(folder, folder.parent / "data", journal, Workers(), resume=resume)


def opened(recipe: Recipe, image: int = 8, root: Path = Path("nowhere"), *, download: bool = False) -> Data:
    """The recipe's data."""
    return finish(open_data(recipe, image, root, download=download))


def once_at(step: int, do: Callable[[], object]) -> Callable[[Event], None]:
    """A listener that does something right after a step, counted from 0. Gradients are told at once in a short run."""

    def listen(event: Event) -> None:
        if isinstance(event, Gradients) and event.step == step:
            do()

    return listen


def stop_at(folder: Path, step: int) -> Callable[[Event], None]:
    return once_at(step, lambda: run_folder.request(folder, run_folder.STOP))


def events(folder: Path) -> list[Event]:
    return list(RunReader(folder).new_events(-1))


def only(kind: type, folder: Path) -> list[Event]:
    return [event for event in events(folder) if isinstance(event, kind)]


def curves(folder: Path) -> Curves:
    found = Curves()
    for event in events(folder):
        found.take(event)
    return found


def silence(folder: Path) -> None:
    """Make the last heartbeat an old one, so that nobody has to wait until a killed run counts as such."""
    os.utime(folder / run_folder.HEARTBEAT, (0, 0))


@dataclass(frozen=True, eq=False)
class Outcome:
    """What must be the same, bit for bit, however often a run was interrupted."""

    losses: NDArray[np.float64]
    errors: NDArray[np.float64]
    measured: list[tuple[str, int, float, float]]
    gradients: list[tuple[int, dict[str, float]]]
    weights: dict[str, torch.Tensor]
    optimizer: dict[str, torch.Tensor]


def outcome(folder: Path) -> Outcome:
    told, last = curves(folder), checkpoints.newest(folder / run_folder.CHECKPOINTS)
    assert last is not None
    return Outcome(
        told.training("loss").y, told.training("error").y,
        [(one.split, one.step, one.loss, one.error) for one in told.measured],
        [(one.step, one.norms) for one in told.gradients],
        last.weights, last.optimizer,
    )  # fmt: skip


def assert_same(one: Outcome, other: Outcome) -> None:
    np.testing.assert_array_equal(one.losses, other.losses)
    np.testing.assert_array_equal(one.errors, other.errors)
    assert one.measured == other.measured
    assert one.gradients == other.gradients
    for mine, theirs in ((one.weights, other.weights), (one.optimizer, other.optimizer)):
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def picture(seed: int, size: tuple[int, int] = (12, 12)) -> Image.Image:
    """Noise, of width × height."""
    width, height = size
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def class_folders(root: Path, counts: dict[str, int]) -> Path:
    """Folders of PNG files of different sizes."""
    for label, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True)
        for number in range(count):
            size = (9 + number % 5, 9 + number % 3)
            picture(1000 * label + number, size).save(root / name / f"{number:03d}.png")
    return root
