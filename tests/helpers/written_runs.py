"""Synthetic run folders as a training would leave them, from formulas."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.presets import preset
from resnet_studio.training.datasets import DATASETS, fit_architecture
from resnet_studio.training.recipe import Recipe, learning_rate
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import (
    Began,
    Ended,
    Event,
    Measured,
    Outcome,
    Paused,
    Prepared,
    Stepped,
    to_line,
)

CREATED = 1_700_000_000.0


@dataclass
class WrittenRun:
    """A run whose events a test determines. Loss and error of step n (from 1) are `loss(n)` and `error(n)`."""

    folder: Path
    architecture: str = "resnet20-cifar"
    recipe: Recipe = field(default_factory=lambda: Recipe(length=10))
    created: float = CREATED
    per_epoch: int = 11
    scale: float = 1.0
    seconds_per_step: float = 0.1
    steps: int = 0

    def create(self) -> WrittenRun:
        """Create the folder, with a current heartbeat."""
        value = preset(self.architecture)
        run_folder.create(self.folder, run_folder.Manifest(self.folder.name, value, self.recipe, self.created))
        self.touch_heartbeat()
        return self

    def touch_heartbeat(self, at: float | None = None) -> None:
        """Touch the heartbeat, or set it to another time."""
        path = self.folder / run_folder.HEARTBEAT
        path.touch()
        if at is not None:
            os.utime(path, (at, at))

    def emit(self, *events: Event) -> None:
        """Append events as a run does."""
        with (self.folder / run_folder.EVENTS).open("a", encoding="utf-8") as file:
            file.write("".join(to_line(event) + "\n" for event in events))

    def begin(self) -> WrittenRun:
        """Begin, with the data open and the architecture fitted to them."""
        source = DATASETS[self.recipe.data]
        architecture, changes = fit_architecture(
            preset(self.architecture), source.channels, source.image, source.classes
        )
        total = self.recipe.in_steps(self.recipe.length, self.per_epoch)
        self.emit(
            Began(self.created, self.steps, self.seconds, 2, "cpu", 1),
            Prepared(
                self.created, to_json(architecture), changes, tuple("0123456789"), 1437, 360, "a fixed fifth",
                self.per_epoch, total, "stored on the device as uint8, augmented in batches", (0.3,), (0.4,),
            ),
        )  # fmt: skip
        return self

    @property
    def seconds(self) -> float:
        return self.steps * self.seconds_per_step

    def loss(self, step: int) -> float:
        """Falling from 2.3, with a ripple for noise."""
        return self.scale * (2.3 * math.exp(-step / 40) + 0.05 + 0.04 * math.sin(7.0 * step))

    def error(self, step: int) -> float:
        return min(1.0, self.scale * (0.9 * math.exp(-step / 40) + 0.01 + 0.008 * math.sin(5.0 * step)))

    def train(self, count: int, every: int = 11) -> WrittenRun:
        """Train further steps, in events of `every` steps, with a measurement after each epoch."""
        for first in range(self.steps, self.steps + count, every):
            steps = range(first + 1, min(first + every, self.steps + count) + 1)
            self.emit(self.stepped(first, [self.loss(n) for n in steps], [self.error(n) for n in steps]))
        self.steps += count
        for epoch in range((self.steps - count) // self.per_epoch + 1, self.steps // self.per_epoch + 1):
            self.measure(epoch * self.per_epoch)
        return self

    def stepped(self, first: int, losses: Sequence[float], errors: Sequence[float]) -> Stepped:
        """The event of some steps."""
        count = len(losses)
        rates = tuple(learning_rate(self.recipe, first + index, self.per_epoch) for index in range(count))
        seconds = (first + count) * self.seconds_per_step
        speed = self.recipe.batch_size / self.seconds_per_step
        return Stepped(self.created + seconds, first, tuple(losses), tuple(errors), rates, seconds, speed)

    def measure(self, step: int, error: float | None = None) -> None:
        """Measure on the test set after a step."""
        seconds = step * self.seconds_per_step
        error = 1.2 * self.error(step) if error is None else error
        self.emit(Measured(self.created + seconds, "test", step, 1.1 * self.loss(step), error, 360, seconds))

    def pause(self) -> WrittenRun:
        self.emit(Paused(self.created + self.seconds, self.steps))
        return self

    def fail(self) -> WrittenRun:
        """Train three steps with a diverging loss, and fail."""
        self.emit(self.stepped(self.steps, [1e3, math.inf, math.nan], [0.9, 0.9, 0.9]))
        self.steps += 3
        return self.end("failed", f"The loss of step {self.steps} is not a number")

    def end(self, how: Outcome = "finished", why: str = "") -> WrittenRun:
        self.emit(Ended(self.created + self.seconds, how, self.steps, why))
        return self


def finished_run(folder: Path, architecture: str = "resnet20-cifar", scale: float = 1.0, **more: float) -> WrittenRun:
    """A finished run of ten epochs."""
    run = WrittenRun(folder, architecture, scale=scale, created=more.get("created", CREATED))
    run.create().begin().train(110).end()
    return run
