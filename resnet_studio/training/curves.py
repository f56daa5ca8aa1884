"""What a run's events add up to: its state and its curves, as numbers. Needs neither torch nor Qt."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from resnet_studio.training.events import (
    Began,
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
        self.measured: list[Measured] = []
        self.gradients: list[Gradients] = []
        self.probes: list[Probed] = []
        self.saved: list[Saved] = []
        self.images_per_second: list[tuple[int, float]] = []
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
                self._live("starting", event.what)
            case Stepped():
                self._add_steps(event)
                self._live("running")
            case Measured():
                self.measured.append(event)
            case Gradients():
                self.gradients.append(event)
            case Probed():
                self.probes.append(event)
            case Saved():
                self.saved.append(event)
            case Paused():
                self._live("paused")
            case Noted(text=text) if text not in self.notes:  # a resumed run notes the same things again
                self.notes.append(text)
            case Ended():
                self.state, self.why, self.ended_at, self.doing = event.how, event.why, event.time, ""

    @property
    def steps(self) -> int:
        """Steps trained so far."""
        return len(self._losses)

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
        count = min(self.steps, NEWEST)
        before = self._seconds[-1 - count] if self.steps > count else 0.0
        return (self.seconds - before) / count if count else math.nan

    @property
    def unsaved(self) -> int:
        """Steps since the newest checkpoint: what ending at once would lose."""
        return max(0, self.steps - (self.saved[-1].step if self.saved else 0))

    @property
    def best(self) -> Measured | None:
        """The first measurement with the lowest error on the test set."""
        tested = [one for one in self.measured if one.split == "test" and not math.isnan(one.error)]
        return min(tested, key=lambda one: one.error, default=None)

    def last(self, split: Literal["training", "test"]) -> Measured | None:
        """The newest measurement on that set."""
        return next((one for one in reversed(self.measured) if one.split == split), None)

    def training(self, what: Literal["loss", "error", "rate"], axis: Axis = "step") -> Curve:
        """Of every step: the loss or the error of its batch, or its learning rate."""
        values = {"loss": self._losses, "error": self._errors, "rate": self._rates}[what]
        x = np.array(self._seconds) if axis == "seconds" else self._on(axis, np.arange(1.0, self.steps + 1))
        return Curve(x, np.array(values))

    def per_epoch(self, what: Literal["loss", "error"], axis: Axis = "step") -> Curve:
        """Means of every whole epoch's batches, as they were met while the network was learning."""
        if self.prepared is None:
            return Curve(np.zeros(0), np.zeros(0))
        every = self.prepared.steps_per_epoch
        values = np.array({"loss": self._losses, "error": self._errors}[what])
        whole = len(values) // every
        ends = np.arange(1.0, whole + 1) * every
        x = np.array(self._seconds)[ends.astype(int) - 1] if axis == "seconds" else self._on(axis, ends)
        return Curve(x, values[: whole * every].reshape(whole, every).mean(axis=1))

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
        if axis == "seconds":
            x = np.array(self._seconds)[np.minimum(steps.astype(int), self.steps) - 1] if self.steps else steps
        else:
            x = self._on(axis, steps)
        return Curve(x, np.array([one.norms[stage] for one in chosen], float))

    def throughput(self, axis: Axis = "step") -> Curve:
        """Images per second, of the steps up to each point."""
        steps = np.array([float(step) for step, _ in self.images_per_second])
        if axis == "seconds":
            x = np.array(self._seconds)[np.minimum(steps.astype(int), self.steps) - 1]
        else:
            x = self._on(axis, steps)
        return Curve(x, np.array([speed for _, speed in self.images_per_second]))

    def _on(self, axis: Axis, steps: Values) -> Values:
        every = self.prepared.steps_per_epoch if self.prepared else 1
        return steps / every if axis == "epoch" else steps

    def _live(self, state: State, doing: str = "") -> None:
        """It lives, whatever was concluded from its silence."""
        self.state, self.doing, self.why, self.ended_at = state, doing, "", None

    def _add_steps(self, event: Stepped) -> None:
        self._cut(event.first)  # told twice only where a run went on from an older checkpoint
        known = self.prepared is not None and event.first <= self.prepared.steps
        missing = [math.nan] * (event.first - self.steps if known else 0)  # their line was damaged; the rest stays put
        for values, told in ((self._losses, event.losses), (self._errors, event.errors), (self._rates, event.rates)):
            values.extend((*missing, *told))
        before, count = self.seconds, len(missing) + len(event.losses)
        self._seconds.extend(before + (event.seconds - before) * (index + 1) / count for index in range(count))
        if event.losses:
            self.images_per_second.append((event.first + len(event.losses), event.images_per_second))

    def _go_back(self, step: int) -> None:
        """Forget what was told of steps from `step` on: they are trained again."""
        self._cut(step)
        reached = step or -1  # a run that begins anew measures and looks before its first step again
        self.measured = [one for one in self.measured if one.step <= reached]
        self.gradients = [one for one in self.gradients if one.step < step]
        self.probes = [one for one in self.probes if one.step <= reached]
        self.saved = [one for one in self.saved if one.step <= reached]
        self.images_per_second = [one for one in self.images_per_second if one[0] <= step]

    def _cut(self, step: int) -> None:
        for values in (self._losses, self._errors, self._rates, self._seconds):
            del values[step:]


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
