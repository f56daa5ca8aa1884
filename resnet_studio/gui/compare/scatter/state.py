"""What the Scatter page shows, as one value."""

from __future__ import annotations

from dataclasses import dataclass

from resnet_studio.analysis.network_quantities import NetworkFigures
from resnet_studio.analysis.network_sets import SET_TITLES
from resnet_studio.analysis.scatter import Scatter
from resnet_studio.analysis.units import FlopUnit

COMPARED, SWEEP = "compared", "sweep"
SOURCES: dict[str, str] = {COMPARED: "Compared networks"} | dict(SET_TITLES)
"""Where the networks come from, with what each is called; a sweep joins them once there is one."""
SWEEP_TITLE = "Networks of the sweep"


@dataclass(frozen=True, slots=True)
class MeasureOffer:
    """How many of the networks have no measured time, and how long it would take to measure them."""

    count: int
    seconds: float

    @property
    def label(self) -> str:
        """The text of the button: "Measure these 12 (about 30 s)"."""
        which = "this one" if self.count == 1 else f"these {self.count}"
        return f"Measure {which} (about {about(self.seconds)})"


@dataclass(frozen=True, slots=True)
class ScatterState:
    """A scatter with what is said about it."""

    source: str
    """One of `SOURCES`, or `SWEEP`."""
    found: Scatter
    current: NetworkFigures
    unit: FlopUnit
    offer: MeasureOffer | None = None
    """None where no axis needs a measured time, or all are measured."""
    has_sweep: bool = False
    """Whether there are networks of a sweep to choose."""
    conditions: str = ""
    """What the measured times were measured on; empty where no axis has them."""

    @property
    def current_index(self) -> int | None:
        """The index of the current network's point, if it is one."""
        return self.found.index_of(self.current.architecture)


def about(seconds: float) -> str:
    """A duration in the precision that an estimate deserves: "20 s", "3 min"."""
    if seconds < 100:
        return f"{max(1, round(seconds, -1 if seconds > 20 else 0)):.0f} s"
    return f"{seconds / 60:.0f} min"
