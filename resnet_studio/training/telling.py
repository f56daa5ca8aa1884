"""What some steps come to, over all workers."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from resnet_studio.training.events import Stepped
from resnet_studio.training.loop import Step
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.stopwatch import Stopwatch
from resnet_studio.training.workers import Workers


def advice(recipe: Recipe, step: int) -> str:
    """What to do where a loss is not a number in a step, counted from 0."""
    precision = "" if recipe.precision == "fp32" else f", or precision fp32 instead of {recipe.precision}"
    if step == 0:
        return f"Nothing was learned yet, so the network itself overflows: choose fewer blocks{precision}"
    return (
        f"Choose a lower learning rate (train --resume RUN --lr X goes on from the last checkpoint), or a longer "
        f"warm-up{precision}"
    )


def stepped(some: Sequence[Step], workers: Workers, watch: Stopwatch, since: float) -> Stepped:
    """The event of these steps, which began when the watch stood at `since`; losses and errors are means over images.

    All workers call it after the same step. On a GPU it waits for the steps, so the watch is read after that.
    """
    counted = torch.tensor([[0.0, 0.0, float(step.images)] for step in some], dtype=torch.float64)
    counted[:, 0] = torch.stack([step.loss for step in some]).double().cpu() * counted[:, 2]
    counted[:, 1] = torch.stack([step.wrong for step in some]).double().cpu()
    losses, wrong, images = workers.total(counted).T
    seconds = watch.seconds
    return Stepped(
        time=time.time(), first=some[0].number, losses=tuple((losses / images).tolist()),
        errors=tuple((wrong / images).tolist()), rates=tuple(step.rate for step in some), seconds=seconds,
        images_per_second=float(images.sum()) / max(seconds - since, 1e-9),
    )  # fmt: skip
