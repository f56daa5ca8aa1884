"""A run as the window follows it: what was asked for, what a user calls it, and what has become of it so far."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from resnet_studio.analysis.table import plan_table
from resnet_studio.gui.plots.styles import PALETTE, named_colour
from resnet_studio.networks.architecture import Architecture, ArchitectureError, Residual, from_json
from resnet_studio.plain import plain
from resnet_studio.training.runs.curves import LIVE, Curves
from resnet_studio.training.runs.events import Began, Event, Prepared, Stepped
from resnet_studio.training.runs.labels import Label, derived_color
from resnet_studio.training.runs.run_folder import PAUSE, STOP, STOP_NOW, Manifest
from resnet_studio.training.runs.summary import fitted_architecture

Pending = Literal["", "resuming", "pausing", "continuing", "stopping", "stopping now"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What the network of a run costs, as it was fitted to the data."""

    parameters: int
    macs: int


@dataclass(eq=False)
class RunState:
    """Changed on the window's thread only."""

    folder: Path
    manifest: Manifest | None
    """What was asked for; None where it can't be read."""
    problem: str = ""
    """Why it can't be read, in a sentence that names the run."""
    newer: bool = False
    """Whether that is because a newer version of the program wrote it."""
    label: Label = field(default_factory=Label)
    curves: Curves = field(default_factory=Curves)
    cost: Cost | None = None
    """Not known before the run has seen its data."""
    loaded: bool = False
    """Whether all has been read that was there when it was found."""
    asked: frozenset[str] = frozenset()
    """The requests that lie in its folder: `STOP`, `STOP_NOW`, `PAUSE`."""
    asked_at: float = -math.inf
    """When this window last made or withdrew one, on the monotonic clock."""
    resuming: bool = False
    """Whether this window has started a process that goes on with it, of which nothing has been heard yet."""
    heard_at: float = math.nan
    """When its newest step was read, on the monotonic clock."""

    def take(self, events: Sequence[Event], cost: Cost | None) -> None:
        """Add what was read of it."""
        for event in events:
            self.curves.take(event)
            if isinstance(event, Stepped):
                self.heard_at = time.monotonic()
            elif isinstance(event, Began):
                self.asked, self.resuming = frozenset(), False
        self.cost = cost or self.cost

    @property
    def name(self) -> str:
        """What it is called, as one line of plain text."""
        return plain(self.label.name or (self.manifest.name if self.manifest else self.folder.name))

    @property
    def architecture(self) -> Architecture | None:
        """The network as it was chosen; of a damaged run as it was fitted to the data, if its events tell."""
        return self.manifest.architecture if self.manifest else fitted_architecture(self.curves)

    @property
    def created(self) -> float:
        """When it was made, in seconds since 1970; 0 where that is not known."""
        return self.manifest.created if self.manifest and math.isfinite(self.manifest.created) else 0.0

    @property
    def live(self) -> bool:
        return self.curves.state in LIVE

    @property
    def pending(self) -> Pending:
        """What it was asked to do and has not done yet."""
        if not self.live:
            return "resuming" if self.resuming else ""
        if STOP_NOW in self.asked:
            return "stopping now"
        if STOP in self.asked:
            return "stopping"
        if self.curves.state != "paused":
            return "pausing" if PAUSE in self.asked else ""
        return "continuing" if PAUSE not in self.asked and self.asked_at > -math.inf else ""

    @property
    def step_left(self) -> float:
        """Seconds that the step under way still takes if it takes as long as the last ones; NaN where nobody knows."""
        return self.curves.step_seconds - (time.monotonic() - self.heard_at)

    @property
    def plain(self) -> bool:
        """Whether its network has no shortcuts."""
        architecture = self.architecture
        return isinstance(architecture, Residual) and architecture.shortcut == "none"

    @property
    def progress(self) -> float:
        """Share of all its steps that are trained, 0 … 1."""
        prepared = self.curves.prepared
        return self.curves.steps / prepared.steps if prepared and prepared.steps else 0.0


def cost_in(events: Sequence[Event]) -> Cost | None:
    """The cost of the network that these events tell of; None where they tell of none, or of one not known here."""
    prepared = next((event for event in reversed(events) if isinstance(event, Prepared)), None)
    if prepared is None:
        return None
    try:
        return _cost(from_json(prepared.architecture))
    except ArchitectureError:
        return None


@lru_cache(maxsize=1000)
def _cost(architecture: Architecture) -> Cost:
    totals = plan_table(architecture).totals
    return Cost(totals.parameters, totals.macs)


def run_colour(run: RunState) -> str:
    """The color that its label keeps, whoever chose it; without one that can be read, the one its name gives."""
    return named_colour(run.label.colour if run.label.colour in PALETTE else derived_color(run.folder))
