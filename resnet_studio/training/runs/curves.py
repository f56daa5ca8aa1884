"""What a run's events add up to: its state and its curves, as numbers. Needs neither torch nor Qt."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from resnet_studio.plain import plain
from resnet_studio.training.runs.events import (
    Began,
    Changed,
    Ended,
    Event,
    Gradients,
    Measured,
    Noted,
    Paused,
    Prepared,
    Probed,
    Saved,
    Stepped,
    Working,
)

Values = NDArray[np.float64]
State = Literal["starting", "running", "paused", "finished", "stopped", "failed", "killed"]
Axis = Literal["step", "epoch", "seconds"]
MOST_NOTES, LONGEST_NOTE = 1000, 2000
"""How many different notes of a run are kept, and characters of each."""
NEWEST = 10
"""How many steps tell the present pace."""
LIVE: frozenset[State] = frozenset({"starting", "running", "paused"})


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a plot."""

    x: Values
    y: Values


class Curves:
    """Follows a run: `take` each of its events in order, then read off what there is.

    `steps` counts trained steps; the value of the first step stands at x = 1, as it is known after that step.
    """

    def __init__(self) -> None:
        self.state: State = "starting"
        self.why = ""
        self.doing = ""
        self.prepared: Prepared | None = None
        self.began: Began | None = None
        self.ended_at: float | None = None
        self.notes: list[str] = []
        self._noted: set[str] = set()
        self.changes: list[Changed] = []
        self.measured: list[Measured] = []
        self._standing: list[_Standing] = []
        """What the measurements up to each come to."""
        self.gradients: list[Gradients] = []
        self.probes: list[Probed] = []
        self.saved: list[Saved] = []
        self.images_per_second: list[tuple[int, float]] = []
        self._at = array("q")
        """The step of each value below, counted from 0. They rise; steps that nobody told of are not among them."""
        self._losses, self._errors = array("d"), array("d")
        self._rates, self._seconds = array("d"), array("d")

    def take(self, event: Event) -> None:
        """Add an event."""
        match event:
            case Began():
                self._go_back(event.step)
                self._live("running")
                self.began = event
            case Prepared():
                self.prepared, self.doing = event, ""
            case Working():
                self._live("starting", plain(event.what))
            case Stepped():
                self._add_steps(event)
                self._live("running")
            case Measured() if event not in self.measured[-2:]:
                self._standing.append(_after(self._standing[-1] if self._standing else _Standing(), event))
                self.measured.append(event)
            case Gradients() if event not in self.gradients[-1:]:
                self.gradients.append(event)
            case Probed() if event not in self.probes[-1:]:
                self.probes.append(event)
            case Saved() if event not in self.saved[-1:]:
                self.saved.append(event)
            case Paused():
                self._live("paused")
            case Changed():
                self.changes.append(event)
                self._note(f"from step {event.step + 1:,} on: {', '.join(event.changes)}"[:LONGEST_NOTE])
            case Noted():
                self._note(plain(event.text, LONGEST_NOTE))
            case Ended():
                self.state, self.why, self.doing = event.how, plain(event.why, LONGEST_NOTE), ""
                self.ended_at = event.time

    @property
    def steps(self) -> int:
        """Steps trained so far."""
        return self._at[-1] + 1 if self._at else 0

    @property
    def seconds(self) -> float:
        """Training time so far; measuring, saving and pauses are not part of it."""
        return self._seconds[-1] if self._seconds else 0.0

    @property
    def remaining(self) -> float:
        """Seconds of training until the end at the pace so far; NaN where that can't be told."""
        if self.prepared is None or not self.steps or self.state not in LIVE:
            return math.nan
        return self.seconds / self.steps * (self.prepared.steps - self.steps)

    @property
    def step_seconds(self) -> float:
        """Seconds that one of the newest steps took; NaN before the first."""
        count = min(len(self._seconds), NEWEST)
        before = self._seconds[-1 - count] if len(self._seconds) > count else 0.0
        return (self.seconds - before) / count if count else math.nan

    @property
    def unsaved(self) -> int:
        """Steps since the newest checkpoint: what ending at once would lose."""
        return max(0, self.steps - (self.saved[-1].step if self.saved else 0))

    @property
    def best(self) -> Measured | None:
        """The first measurement with the lowest error on the test set."""
        return self._standing[-1].best if self._standing else None

    def last(self, split: Literal["training", "test"]) -> Measured | None:
        """The newest measurement on that set."""
        if not self._standing:
            return None
        return self._standing[-1].training if split == "training" else self._standing[-1].test

    def training(self, what: Literal["loss", "error", "rate"], axis: Axis = "step") -> Curve:
        """Of every step that was told of: the loss or the error of its batch, or its learning rate.

        Where steps are missing, as their line is damaged, there is one value that is not a number.
        """
        values = {"loss": self._losses, "error": self._errors, "rate": self._rates}[what]
        x = np.array(self._seconds) if axis == "seconds" else self._on(axis, np.array(self._at, float) + 1)
        return Curve(x, np.array(values))

    def per_epoch(self, what: Literal["loss", "error"], axis: Axis = "step") -> Curve:
        """Means of every whole epoch's batches, as they were met while the network was learning."""
        if self.prepared is None:
            return Curve(np.zeros(0), np.zeros(0))
        every = self.prepared.steps_per_epoch
        values = np.array({"loss": self._losses, "error": self._errors}[what])
        epochs = np.array(self._at, np.int64) // every
        values, epochs = values[epochs < self.steps // every], epochs[epochs < self.steps // every]
        numbers, starts, counts = np.unique(epochs, return_index=True, return_counts=True)
        means = np.full(len(numbers), math.nan)  # of an epoch of which steps are missing
        told = counts == every
        means[told] = values[np.isin(epochs, numbers[told])].reshape(-1, every).mean(axis=1)
        ends = (numbers.astype(np.float64) + 1) * every
        x = np.array(self._seconds)[starts + counts - 1] if axis == "seconds" else self._on(axis, ends)
        return Curve(x, means)

    def measurements(
        self, split: Literal["training", "test"], what: Literal["loss", "error"], axis: Axis = "step"
    ) -> Curve:
        """Over the whole set, in eval mode."""
        chosen = [one for one in self.measured if one.split == split]
        steps = np.array([float(one.step) for one in chosen])
        x = np.array([one.seconds for one in chosen]) if axis == "seconds" else self._on(axis, steps)
        return Curve(x, np.array([getattr(one, what) for one in chosen], float))

    def gradient_norms(self, stage: str, axis: Axis = "step") -> Curve:
        """Norm of the gradient by a stage's weights."""
        chosen = [one for one in self.gradients if stage in one.norms]
        steps = np.array([one.step + 1.0 for one in chosen])
        x = self._seconds_at(steps) if axis == "seconds" else self._on(axis, steps)
        return Curve(x, np.array([one.norms[stage] for one in chosen], float))

    def throughput(self, axis: Axis = "step") -> Curve:
        """Images per second, of the steps up to each point."""
        steps = np.array([float(step) for step, _ in self.images_per_second])
        x = self._seconds_at(steps) if axis == "seconds" else self._on(axis, steps)
        return Curve(x, np.array([speed for _, speed in self.images_per_second]))

    def _seconds_at(self, steps: Values) -> Values:
        """Training time after so many steps each, as far as it is known."""
        if not self._at:
            return steps
        at = np.searchsorted(np.array(self._at, float) + 1, steps, "right") - 1
        seconds: Values = np.array(self._seconds)[np.maximum(at, 0)]
        return seconds

    def _on(self, axis: Axis, steps: Values) -> Values:
        every = self.prepared.steps_per_epoch if self.prepared else 1
        return steps / every if axis == "epoch" else steps

    def _live(self, state: State, doing: str = "") -> None:
        """It lives, whatever was concluded from its silence."""
        self.state, self.doing, self.why, self.ended_at = state, doing, "", None

    def _note(self, text: str) -> None:
        """Keep a note, once, as a resumed run notes the same things again; of very many the first."""
        if text not in self._noted and len(self.notes) <= MOST_NOTES:
            self._noted.add(text)
            self.notes.append(text if len(self.notes) < MOST_NOTES else "There are more notes than are shown here")

    def _add_steps(self, event: Stepped) -> None:
        if self.prepared is not None and event.first > max(self.steps, self.prepared.steps):
            return  # no step of this run
        self._cut(event.first)  # told twice only where a run went on from an older checkpoint
        if not event.losses:
            return
        if event.first > self.steps:  # the line of those between was damaged; the rest stays put
            self._add(event.first - 1, (math.nan,), (math.nan,), (math.nan,), (self.seconds,))
        before, count = self.seconds, len(event.losses)
        seconds = [before + (event.seconds - before) * (index + 1) / count for index in range(count)]
        self._add(event.first, event.losses, event.errors, event.rates, seconds)
        while self.images_per_second and self.images_per_second[-1][0] > event.first:
            self.images_per_second.pop()
        self.images_per_second.append((event.first + count, event.images_per_second))

    def _add(
        self, first: int, losses: Sequence[float], errors: Sequence[float], rates: Sequence[float],
        seconds: Sequence[float],
    ) -> None:  # fmt: skip
        self._at.extend(range(first, first + len(losses)))
        for values, told in ((self._losses, losses), (self._errors, errors), (self._rates, rates)):
            values.extend(told)
        self._seconds.extend(seconds)

    def _go_back(self, step: int) -> None:
        """Forget what was told of steps from `step` on: they are trained again."""
        self._cut(step)
        reached = step or -1  # a run that begins anew measures and looks before its first step again
        while self.measured and self.measured[-1].step > reached:
            self.measured.pop()
            self._standing.pop()
        for told, last in ((self.gradients, step - 1), (self.probes, reached), (self.saved, reached)):
            while told and told[-1].step > last:
                told.pop()
        while self.images_per_second and self.images_per_second[-1][0] > step:
            self.images_per_second.pop()

    def _cut(self, step: int) -> None:
        kept = bisect_left(self._at, step)
        for values in (self._at, self._losses, self._errors, self._rates, self._seconds):
            del values[kept:]


@dataclass(frozen=True, slots=True)
class _Standing:
    """What a run's measurements up to one of them come to, so that none is looked through again."""

    best: Measured | None = None
    training: Measured | None = None
    test: Measured | None = None


def _after(before: _Standing, event: Measured) -> _Standing:
    if event.split == "training":
        return replace(before, training=event)
    better = not math.isnan(event.error) and (before.best is None or event.error < before.best.error)
    return replace(before, test=event, best=event if better else before.best)


def smoothed(values: Values, weight: float) -> Values:
    """Exponential moving average that starts without bias: each value counts `weight` times as much as the next.

    What is not a number is passed over, so that a curve that breaks off keeps what came before.
    """
    if weight <= 0 or not len(values):
        return values
    finite = np.isfinite(values)
    counted = values[finite]
    sums, reach = (1 - weight) * counted, 1
    while reach < len(sums):  # each turn doubles how many values every sum reaches back
        sums[reach:] += weight**reach * sums[:-reach].copy()
        reach *= 2
    norms = 1 - weight ** np.arange(1.0, len(sums) + 1)
    means = np.divide(sums, norms, out=np.full_like(sums, math.nan), where=norms > 0)
    spread: Values = np.concatenate(([math.nan], means))[np.cumsum(finite)]
    return spread
