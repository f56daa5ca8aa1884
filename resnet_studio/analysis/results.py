"""What was found out about a network by measuring and by training it. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from resnet_studio.analysis.measurement import Measurement
from resnet_studio.analysis.memory_measurement import MemoryMeasurement


@dataclass(frozen=True, slots=True)
class RunResult:
    """The lowest error of a run on its test set."""

    run: str
    """The run's name."""
    data: str
    """The data set's title, or the name of a folder."""
    error: float
    """0 … 1."""
    fitted: tuple[str, ...] = ()
    """What was changed in the network to fit it to the data: "channels 3 → 1"."""


@dataclass(frozen=True, slots=True)
class NetworkResults:
    """What is known of a network beyond what follows from its architecture; empty where nobody has measured it."""

    time: Measurement | None = None
    """Of the forward pass of one image on the chosen device."""
    inference_memory: MemoryMeasurement | None = None
    training_memory: MemoryMeasurement | None = None
    runs: tuple[RunResult, ...] = ()
    """The best run on each data set."""

    @property
    def seconds(self) -> float | None:
        """The median time of an image's forward pass; None if it was not measured."""
        return None if self.time is None else self.time.per_image.median

    @property
    def lowest_error(self) -> float | None:
        """The lowest test error of a run in percent; None without runs."""
        return min((100 * run.error for run in self.runs), default=None)

    def run_on(self, data: str) -> RunResult | None:
        """The best run on a data set; None if there is none."""
        return next((run for run in self.runs if run.data == data), None)


NOTHING = NetworkResults()
