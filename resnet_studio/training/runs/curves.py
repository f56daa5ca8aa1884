"""The state and the curves of a run, accumulated from its events. Needs neither torch nor Qt."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
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
from resnet_studio.training.runs.reader import RunReader

Values = NDArray[np.float64]
State = Literal["starting", "running", "paused", "finished", "stopped", "failed", "killed"]
Axis = Literal["step", "epoch", "seconds"]
MAX_NOTES, MAX_NOTE_LENGTH = 1000, 2000
"""Number of different notes of a run that are kept, and characters of each."""
PACE_STEPS = 10
"""Number of recent steps from which the current pace is computed."""
LIVE_STATES: frozenset[State] = frozenset({"starting", "running", "paused"})


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a plot."""

    x: Values
    y: Values


class Curves:
    """The curves of a run: `add` its events in order, then read the properties and curves.

    `steps` counts trained steps; the value of the first step is at x = 1, since it is known after that step.
    """

    def __init__(self) -> None:
        self.state: State = "starting"
        self.reason = ""
        self.activity = ""
        self.prepared: Prepared | None = None
        self.began: Began | None = None
        self.ended_at: float | None = None
        self.notes: list[str] = []
        self._seen_notes: set[str] = set()
        self.changes: list[Changed] = []
        self.measured: list[Measured] = []
        self._summaries: list[_Measurements] = []
        """For each measurement, the summary of all up to it."""
        self.gradients: list[Gradients] = []
        self.probes: list[Probed] = []
        self.saved: list[Saved] = []
        self.images_per_second: list[tuple[int, float]] = []
        self._step_numbers = array("q")
        """The step of each value below, counted from 0 and increasing; steps without an event are missing."""
        self._losses, self._errors = array("d"), array("d")
        self._rates, self._seconds = array("d"), array("d")

    def add(self, event: Event) -> None:
        """Add an event."""
        match event:
            case Began():
                self._rewind(event.step)
                self._set_live("running")
                self.began = event
            case Prepared():
                self.prepared, self.activity = event, ""
            case Working():
                self._set_live("starting", plain(event.what))
            case Stepped():
                self._add_steps(event)
                self._set_live("running")
            case Measured() if event not in self.measured[-2:]:
                self._summaries.append(_updated(self._summaries[-1] if self._summaries else _Measurements(), event))
                self.measured.append(event)
            case Gradients() if event not in self.gradients[-1:]:
                self.gradients.append(event)
            case Probed() if event not in self.probes[-1:]:
                self.probes.append(event)
            case Saved() if event not in self.saved[-1:]:
                self.saved.append(event)
            case Paused():
                self._set_live("paused")
            case Changed():
                self.changes.append(event)
                self._add_note(f"from step {event.step + 1:,} on: {', '.join(event.changes)}"[:MAX_NOTE_LENGTH])
            case Noted():
                self._add_note(plain(event.text, MAX_NOTE_LENGTH))
            case Ended():
                self.state, self.reason, self.activity = event.how, plain(event.why, MAX_NOTE_LENGTH), ""
                self.ended_at = event.time

    @property
    def steps(self) -> int:
        """Steps trained so far."""
        return self._step_numbers[-1] + 1 if self._step_numbers else 0

    @property
    def seconds(self) -> float:
        """Training time so far, without evaluation, saving and pauses."""
        return self._seconds[-1] if self._seconds else 0.0

    @property
    def remaining(self) -> float:
        """Seconds of training until the end at the average pace so far; NaN if unknown."""
        if self.prepared is None or not self.steps or self.state not in LIVE_STATES:
            return math.nan
        return self.seconds / self.steps * (self.prepared.steps - self.steps)

    @property
    def step_seconds(self) -> float:
        """Average seconds of the most recent steps; NaN before the first."""
        count = min(len(self._seconds), PACE_STEPS)
        before = self._seconds[-1 - count] if len(self._seconds) > count else 0.0
        return (self.seconds - before) / count if count else math.nan

    @property
    def unsaved_steps(self) -> int:
        """Steps since the newest checkpoint, which ending at once would lose."""
        return max(0, self.steps - (self.saved[-1].step if self.saved else 0))

    @property
    def best(self) -> Measured | None:
        """The first measurement with the lowest error on the test set."""
        return self._summaries[-1].best if self._summaries else None

    def last(self, split: Literal["training", "test"]) -> Measured | None:
        """The newest measurement on that set."""
        if not self._summaries:
            return None
        return self._summaries[-1].training if split == "training" else self._summaries[-1].test

    def per_step(self, quantity: Literal["loss", "error", "rate"], axis: Axis = "step") -> Curve:
        """For every recorded step: the loss or error of its batch, or its learning rate.

        A gap of missing steps, whose line is damaged, has a single NaN.
        """
        values = {"loss": self._losses, "error": self._errors, "rate": self._rates}[quantity]
        x = (
            np.array(self._seconds)
            if axis == "seconds"
            else self._to_axis(axis, np.array(self._step_numbers, float) + 1)
        )
        return Curve(x, np.array(values))

    def per_epoch(self, quantity: Literal["loss", "error"], axis: Axis = "step") -> Curve:
        """Mean over the batches of every complete epoch, as measured during training."""
        if self.prepared is None:
            return Curve(np.zeros(0), np.zeros(0))
        every = self.prepared.steps_per_epoch
        values = np.array({"loss": self._losses, "error": self._errors}[quantity])
        epochs = np.array(self._step_numbers, np.int64) // every
        values, epochs = values[epochs < self.steps // every], epochs[epochs < self.steps // every]
        numbers, starts, counts = np.unique(epochs, return_index=True, return_counts=True)
        means = np.full(len(numbers), math.nan)  # for epochs with missing steps
        complete = counts == every
        means[complete] = values[np.isin(epochs, numbers[complete])].reshape(-1, every).mean(axis=1)
        ends = (numbers.astype(np.float64) + 1) * every
        x = np.array(self._seconds)[starts + counts - 1] if axis == "seconds" else self._to_axis(axis, ends)
        return Curve(x, means)

    def measurements(
        self, split: Literal["training", "test"], quantity: Literal["loss", "error"], axis: Axis = "step"
    ) -> Curve:
        """Loss or error on the whole set, in eval mode."""
        events = [event for event in self.measured if event.split == split]
        steps = np.array([float(event.step) for event in events])
        x = np.array([event.seconds for event in events]) if axis == "seconds" else self._to_axis(axis, steps)
        return Curve(x, np.array([getattr(event, quantity) for event in events], float))

    def gradient_norms(self, stage: str, axis: Axis = "step") -> Curve:
        """Norm of the gradient with respect to the weights of a stage."""
        events = [event for event in self.gradients if stage in event.norms]
        steps = np.array([event.step + 1.0 for event in events])
        x = self._seconds_at(steps) if axis == "seconds" else self._to_axis(axis, steps)
        return Curve(x, np.array([event.norms[stage] for event in events], float))

    def throughput(self, axis: Axis = "step") -> Curve:
        """Images per second, at the last step of each event."""
        steps = np.array([float(step) for step, _ in self.images_per_second])
        x = self._seconds_at(steps) if axis == "seconds" else self._to_axis(axis, steps)
        return Curve(x, np.array([speed for _, speed in self.images_per_second]))

    def _seconds_at(self, steps: Values) -> Values:
        """Training time after each of these numbers of steps, as far as it is known."""
        if not self._step_numbers:
            return steps
        at = np.searchsorted(np.array(self._step_numbers, float) + 1, steps, "right") - 1
        seconds: Values = np.array(self._seconds)[np.maximum(at, 0)]
        return seconds

    def _to_axis(self, axis: Axis, steps: Values) -> Values:
        every = self.prepared.steps_per_epoch if self.prepared else 1
        return steps / every if axis == "epoch" else steps

    def _set_live(self, state: State, doing: str = "") -> None:
        """Set a live state, even if the run was taken for killed before."""
        self.state, self.activity, self.reason, self.ended_at = state, doing, "", None

    def _add_note(self, text: str) -> None:
        """Keep a note once, since a resumed run repeats its notes; only the first `MAX_NOTES` are kept."""
        if text not in self._seen_notes and len(self.notes) <= MAX_NOTES:
            self._seen_notes.add(text)
            self.notes.append(text if len(self.notes) < MAX_NOTES else "More notes are not shown")

    def _add_steps(self, event: Stepped) -> None:
        if self.prepared is not None and event.first > max(self.steps, self.prepared.steps):
            return  # not a step of this run
        self._truncate(event.first)  # steps repeat only if a run resumed from an older checkpoint
        if not event.losses:
            return
        if event.first > self.steps:  # the line in between is damaged; mark the gap
            self._append(event.first - 1, (math.nan,), (math.nan,), (math.nan,), (self.seconds,))
        before, count = self.seconds, len(event.losses)
        seconds = [before + (event.seconds - before) * (index + 1) / count for index in range(count)]
        self._append(event.first, event.losses, event.errors, event.rates, seconds)
        while self.images_per_second and self.images_per_second[-1][0] > event.first:
            self.images_per_second.pop()
        self.images_per_second.append((event.first + count, event.images_per_second))

    def _append(
        self, first: int, losses: Sequence[float], errors: Sequence[float], rates: Sequence[float],
        seconds: Sequence[float],
    ) -> None:  # fmt: skip
        self._step_numbers.extend(range(first, first + len(losses)))
        for values, new in ((self._losses, losses), (self._errors, errors), (self._rates, rates)):
            values.extend(new)
        self._seconds.extend(seconds)

    def _rewind(self, step: int) -> None:
        """Discard everything about steps from `step` on: they are trained again."""
        self._truncate(step)
        reached = step or -1  # a run that restarts evaluates and takes snapshots before its first step again
        while self.measured and self.measured[-1].step > reached:
            self.measured.pop()
            self._summaries.pop()
        for events, last in ((self.gradients, step - 1), (self.probes, reached), (self.saved, reached)):
            while events and events[-1].step > last:
                events.pop()
        while self.images_per_second and self.images_per_second[-1][0] > step:
            self.images_per_second.pop()

    def _truncate(self, step: int) -> None:
        length = bisect_left(self._step_numbers, step)
        for values in (self._step_numbers, self._losses, self._errors, self._rates, self._seconds):
            del values[length:]


@dataclass(frozen=True, slots=True)
class _Measurements:
    """Summary of the measurements up to one of them, so that the list is never searched."""

    best: Measured | None = None
    training: Measured | None = None
    test: Measured | None = None


def _updated(before: _Measurements, event: Measured) -> _Measurements:
    if event.split == "training":
        return replace(before, training=event)
    better = not math.isnan(event.error) and (before.best is None or event.error < before.best.error)
    return replace(before, test=event, best=event if better else before.best)


def smoothed(values: Values, weight: float) -> Values:
    """Bias-corrected exponential moving average: each value counts `weight` times as much as the next.

    NaN and infinity are ignored, so that a curve that diverges keeps the average before that.
    """
    if weight <= 0 or not len(values):
        return values
    finite = np.isfinite(values)
    counted = values[finite]
    sums, reach = (1 - weight) * counted, 1
    while reach < len(sums):  # each iteration doubles how far every sum reaches back
        sums[reach:] += weight**reach * sums[:-reach].copy()
        reach *= 2
    norms = 1 - weight ** np.arange(1.0, len(sums) + 1)
    means = np.divide(sums, norms, out=np.full_like(sums, math.nan), where=norms > 0)
    spread: Values = np.concatenate(([math.nan], means))[np.cumsum(finite)]
    return spread


def read_run_curves(folder: Path) -> Curves:
    """The curves of all events that a run has written so far."""
    curves = Curves()
    for event in RunReader(folder).new_events(-1):
        curves.add(event)
    return curves
