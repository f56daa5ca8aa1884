"""A degradation experiment as the window follows it: what was asked for, and its runs so far."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from resnet_studio.plain import plain
from resnet_studio.training.degradation.experiment import Experiment, ExperimentRun
from resnet_studio.training.runs.curves import LIVE, Curves
from resnet_studio.training.runs.run_folder import STOP

BETWEEN, STARTING = 6.0, 30.0
"""Seconds after the end of a run in which the next one is expected, and after the start of the process."""


@dataclass(frozen=True, slots=True, eq=False)
class ExperimentState:
    """A picture of one moment; the curves go on growing."""

    folder: Path
    experiment: Experiment
    curves: Mapping[str, Curves] = field(default_factory=dict)
    """Of the runs that have begun, by their names."""
    begun: float = 0.0
    """When the window started it, as long as nothing has been heard of it."""
    asked: frozenset[str] = frozenset()
    """The requests that lie in its folder: `STOP`, `STOP_NOW`."""
    step_left: float = math.nan
    """Seconds that the step under way still takes, as far as that can be told."""

    @property
    def name(self) -> str:
        """What it is called, as one line of plain text."""
        return plain(self.folder.name)

    @property
    def finished(self) -> int:
        """How many runs are."""
        return sum(self._state(part) == "finished" for part in self.experiment.parts)

    @property
    def complete(self) -> bool:
        return self.finished == len(self.experiment.parts)

    @property
    def live(self) -> bool:
        """Whether somebody trains, or the next run is about to begin."""
        return self.current is not None or self.between

    @property
    def between(self) -> bool:
        """Whether a run has just ended, or all is about to begin, so that the next one is awaited."""
        if time.time() - self.begun < STARTING:
            return True
        ends = [curves.ended_at or 0.0 for curves in self.curves.values() if curves.state in ("finished", "failed")]
        broken = any(curves.state in ("stopped", "killed") for curves in self.curves.values())
        recent = time.time() - max(ends, default=0.0) < BETWEEN
        return recent and not broken and any(self._state(part) is None for part in self.experiment.parts)

    @property
    def current(self) -> ExperimentRun | None:
        """The run that goes on now."""
        return next((part for part in self.experiment.parts if self._state(part) in LIVE), None)

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop and still goes on."""
        return self.live and STOP in self.asked

    def progress(self) -> str:
        """How far the whole is: "plain-56, epoch 4 of 10 · run 2 of 4"."""
        count = len(self.experiment.parts)
        part = self.current
        if part is None:
            if self.complete:
                return f"{count} of {count} runs finished"
            return f"{'starting' if self.between else self._halted()} · {self.finished} of {count} runs finished"
        seed = f" (seed {part.recipe.seed})" if len(self.experiment.seeds) > 1 else ""
        return f"{part.twin.title}{seed}, {self._epoch(part)} · run {self.experiment.parts.index(part) + 1} of {count}"

    def share(self) -> float:
        """Of all steps, those that are trained, 0 … 1."""
        count = len(self.experiment.parts)
        return sum(_share(curves) for curves in self.curves.values()) / count

    def problem(self) -> str:
        """Why the first of its runs that failed did."""
        failed = ((name, curves.why) for name, curves in self.curves.items() if curves.state == "failed")
        return next((f"{name} failed: {why}" for name, why in failed), "")

    def _halted(self) -> str:
        states = [curves.state for curves in self.curves.values()]
        return next((state for state in ("killed", "stopped", "failed") if state in states), "not finished")

    def _epoch(self, part: ExperimentRun) -> str:
        curves = self.curves[part.name]
        if curves.prepared is None or not curves.steps:
            return curves.doing or "starting"
        every = curves.prepared.steps_per_epoch
        return f"epoch {-(-curves.steps // every)} of {-(-curves.prepared.steps // every)}"

    def _state(self, part: ExperimentRun) -> str | None:
        return self.curves[part.name].state if part.name in self.curves else None


def _share(curves: Curves) -> float:
    if curves.prepared is None:
        return 0.0
    return 1.0 if curves.state == "finished" else curves.steps / max(curves.prepared.steps, 1)
