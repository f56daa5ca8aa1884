"""A run as the window follows it: its manifest, label, curves and pending requests."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from resnet_studio.analysis.table import plan_table
from resnet_studio.gui.plots.styles import PALETTE, palette_color
from resnet_studio.networks.architecture import Architecture, ArchitectureError, Residual, from_json
from resnet_studio.plain import plain
from resnet_studio.training.runs.curves import LIVE_STATES, Curves
from resnet_studio.training.runs.events import Began, Event, Prepared, Stepped
from resnet_studio.training.runs.labels import Label, derived_color
from resnet_studio.training.runs.run_folder import PAUSE, STOP, STOP_NOW, Manifest
from resnet_studio.training.runs.summary import fitted_architecture

Pending = Literal["", "resuming", "pausing", "continuing", "stopping", "stopping now"]


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of a run's network, as fitted to the data."""

    parameters: int
    macs: int


@dataclass(eq=False)
class RunState:
    """The state of one run. Changed on the UI thread only."""

    folder: Path
    manifest: Manifest | None
    """None if it can't be read."""
    problem: str = ""
    """Why the manifest can't be read, in a sentence that names the run."""
    newer: bool = False
    """Whether a newer version of the program wrote the manifest."""
    label: Label = field(default_factory=Label)
    curves: Curves = field(default_factory=Curves)
    revision: int = 0
    """Increased whenever events are added to the curves."""
    cost: Cost | None = None
    """None until the run has opened its data."""
    loaded: bool = False
    """Whether all events that were there when the run was found have been read."""
    requests: frozenset[str] = frozenset()
    """The request files in its folder: `STOP`, `STOP_NOW`, `PAUSE`."""
    requested_at: float = -math.inf
    """When this window last made or withdrew a request, on the monotonic clock."""
    resuming: bool = False
    """Whether this window has started its process, which has not written an event yet."""
    last_step_at: float = math.nan
    """When its latest step was read, on the monotonic clock."""

    def add_events(self, events: Sequence[Event], cost: Cost | None) -> None:
        """Add events that were read from its folder."""
        self.revision += bool(events)
        for event in events:
            self.curves.add(event)
            if isinstance(event, Stepped):
                self.last_step_at = time.monotonic()
            elif isinstance(event, Began):
                self.requests = frozenset()
        self.cost = cost or self.cost

    @property
    def name(self) -> str:
        """Its display name, as one line of plain text."""
        return plain(self.label.name or (self.manifest.name if self.manifest else self.folder.name))

    @property
    def architecture(self) -> Architecture | None:
        """The architecture in the manifest; for a damaged run, the fitted one from its events, if there."""
        return self.manifest.architecture if self.manifest else fitted_architecture(self.curves)

    @property
    def created(self) -> float:
        """When it was created, in seconds since 1970; 0 if unknown."""
        return self.manifest.created if self.manifest and math.isfinite(self.manifest.created) else 0.0

    @property
    def live(self) -> bool:
        return self.curves.state in LIVE_STATES

    @property
    def pending(self) -> Pending:
        """The request that it has not fulfilled yet."""
        if not self.live:
            return "resuming" if self.resuming else ""
        if STOP_NOW in self.requests:
            return "stopping now"
        if STOP in self.requests:
            return "stopping"
        if self.curves.state != "paused":
            return "pausing" if PAUSE in self.requests else ""
        return "continuing" if PAUSE not in self.requests and self.requested_at > -math.inf else ""

    @property
    def step_left(self) -> float:
        """Estimated seconds until the current step ends, from the duration of recent steps; NaN if unknown."""
        return self.curves.step_seconds - (time.monotonic() - self.last_step_at)

    @property
    def plain(self) -> bool:
        """Whether its network has no shortcuts."""
        architecture = self.architecture
        return isinstance(architecture, Residual) and architecture.shortcut == "none"

    @property
    def progress(self) -> float:
        """Fraction of all its steps that are trained, 0 … 1."""
        prepared = self.curves.prepared
        return self.curves.steps / prepared.steps if prepared and prepared.steps else 0.0


def cost_from_events(events: Sequence[Event]) -> Cost | None:
    """Cost of the network in the last `Prepared` event; None if there is none, or the network is unknown here."""
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


def run_color(run: RunState) -> str:
    """The color in its label; if that has none or is unreadable, one derived from the folder's name."""
    return palette_color(run.label.colour if run.label.colour in PALETTE else derived_color(run.folder))
