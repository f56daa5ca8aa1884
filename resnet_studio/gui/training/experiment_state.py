"""A degradation experiment as the window follows it: its definition, and its runs so far."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from resnet_studio.plain import plain
from resnet_studio.training.degradation.experiment import Experiment, ExperimentRun
from resnet_studio.training.runs.curves import LIVE_STATES, Curves
from resnet_studio.training.runs.run_folder import STOP

BETWEEN = 6.0
"""Seconds to wait for the next run after one has ended."""


@dataclass(frozen=True, slots=True, eq=False)
class ExperimentState:
    """A snapshot of one moment, except that its curves keep growing."""

    folder: Path
    experiment: Experiment
    curves: Mapping[str, Curves] = field(default_factory=dict)
    """Curves of the runs that have begun, by run name."""
    starting: bool = False
    """Whether the window has started its process, which has not written an event yet."""
    requests: frozenset[str] = frozenset()
    """The request files in its folder: `STOP`, `STOP_NOW`."""
    step_left: float = math.nan
    """Estimated seconds until the current step ends; NaN if unknown."""

    @property
    def name(self) -> str:
        """Its display name, as one line of plain text."""
        return plain(self.folder.name)

    @property
    def finished(self) -> int:
        """Number of finished runs."""
        return sum(self._state(part) == "finished" for part in self.experiment.runs)

    @property
    def complete(self) -> bool:
        return self.finished == len(self.experiment.runs)

    @property
    def live(self) -> bool:
        """Whether a run is training, or the next one is about to begin."""
        return self.current is not None or self.awaiting_next

    @property
    def awaiting_next(self) -> bool:
        """Whether the next run is expected: one has just ended, or the experiment was just started."""
        if self.starting:
            return True
        ends = [curves.ended_at or 0.0 for curves in self.curves.values() if curves.state in ("finished", "failed")]
        broken = any(curves.state in ("stopped", "killed") for curves in self.curves.values())
        recent = time.time() - max(ends, default=0.0) < BETWEEN
        return recent and not broken and any(self._state(part) is None for part in self.experiment.runs)

    @property
    def current(self) -> ExperimentRun | None:
        """The run that is live now."""
        return next((part for part in self.experiment.runs if self._state(part) in LIVE_STATES), None)

    @property
    def stopping(self) -> bool:
        """Whether it has a stop request and is still live."""
        return self.live and STOP in self.requests

    def progress(self) -> str:
        """Progress of the whole experiment: "plain-56, epoch 4 of 10 · run 2 of 4"."""
        count = len(self.experiment.runs)
        part = self.current
        if part is None:
            if self.complete:
                return f"{count} of {count} runs finished"
            return f"{'starting' if self.awaiting_next else self._halted()} · {self.finished} of {count} runs finished"
        seed = f" (seed {part.recipe.seed})" if len(self.experiment.seeds) > 1 else ""
        return (
            f"{part.network.title}{seed}, {self._epoch(part)} · run {self.experiment.runs.index(part) + 1} of {count}"
        )

    def share(self) -> float:
        """Fraction of all steps that are trained, 0 … 1."""
        count = len(self.experiment.runs)
        return sum(_share(curves) for curves in self.curves.values()) / count

    def problem(self) -> str:
        """Why the first failed run failed."""
        failed = ((name, curves.reason) for name, curves in self.curves.items() if curves.state == "failed")
        return next((f"{name} failed: {why}" for name, why in failed), "")

    def _halted(self) -> str:
        states = [curves.state for curves in self.curves.values()]
        return next((state for state in ("killed", "stopped", "failed") if state in states), "not finished")

    def _epoch(self, part: ExperimentRun) -> str:
        curves = self.curves[part.name]
        if curves.prepared is None or not curves.steps:
            return curves.activity or "starting"
        every = curves.prepared.steps_per_epoch
        return f"epoch {-(-curves.steps // every)} of {-(-curves.prepared.steps // every)}"

    def _state(self, part: ExperimentRun) -> str | None:
        return self.curves[part.name].state if part.name in self.curves else None


def _share(curves: Curves) -> float:
    if curves.prepared is None:
        return 0.0
    return 1.0 if curves.state == "finished" else curves.steps / max(curves.prepared.steps, 1)
