"""What ends a training, as errors that cross to the window. Needs no torch."""

from __future__ import annotations


class TrainingFailedError(RuntimeError):
    """The loss or the weights are no numbers any more; the text has the step."""


class CheckpointError(ValueError):
    """A checkpoint is damaged, or does not fit the run. The text names it and says why."""


class WorkersError(RuntimeError):
    """A worker can't go on without the others."""
