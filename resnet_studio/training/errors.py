"""The errors that end a training. They are sent to the window, so this needs no torch."""

from __future__ import annotations


class TrainingFailedError(RuntimeError):
    """The loss or the weights are NaN or infinite. The message names the step."""


class CheckpointError(ValueError):
    """A checkpoint is damaged or doesn't fit the run. The message names it and says why."""


class WorkersError(RuntimeError):
    """A worker lost the others and can't continue."""
