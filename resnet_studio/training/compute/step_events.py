"""The values that a run reports of its steps: losses, errors, times and gradient norms."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import plan
from resnet_studio.training.compute.distributed import Workers
from resnet_studio.training.compute.loop import Step
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.runs.events import Stepped


def advice(recipe: Recipe, step: int) -> str:
    """What to do about a loss of NaN in a step, counted from 0."""
    precision = "" if recipe.precision == "fp32" else f", or precision fp32 instead of {recipe.precision}"
    if step == 0:
        return f"This is the first step, so the network itself overflows: use fewer blocks{precision}"
    return (
        f"Use a lower learning rate (train --resume RUN --lr X continues from the latest checkpoint) or a longer "
        f"warm-up{precision}"
    )


def stepped_event(steps: Sequence[Step], workers: Workers, stopwatch: Stopwatch, since: float) -> Stepped:
    """The event for some steps, which began when the stopwatch was at `since`. Losses and errors are means over images.

    All workers have to call it after the same step. On a GPU it waits for the steps before it reads the stopwatch.
    """
    counted = torch.tensor([[0.0, 0.0, float(step.images)] for step in steps], dtype=torch.float64)
    counted[:, 0] = torch.stack([step.loss for step in steps]).double().cpu() * counted[:, 2]
    counted[:, 1] = torch.stack([step.wrong for step in steps]).double().cpu()
    losses, wrong, images = workers.all_reduce_sum(counted).T
    seconds = stopwatch.seconds
    return Stepped(
        time=time.time(), first=steps[0].number, losses=tuple((losses / images).tolist()),
        errors=tuple((wrong / images).tolist()), rates=tuple(step.lr for step in steps), seconds=seconds,
        images_per_second=float(images.sum()) / max(seconds - since, 1e-9),
    )  # fmt: skip


class Stopwatch:
    """Adds up the training time, without the pauses in between."""

    def __init__(self) -> None:
        self._before = 0.0
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        return self._before + (0.0 if self._since is None else time.perf_counter() - self._since)

    @seconds.setter
    def seconds(self, value: float) -> None:
        self._before = value

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time of a block."""
        self._since = time.perf_counter()
        try:
            yield
        finally:
            self._before, self._since = self.seconds, None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Exclude the time of a block."""
        self._before, self._since = self.seconds, None
        try:
            yield
        finally:
            self._since = time.perf_counter()


def stage_weights(network: nn.Module, architecture: Architecture) -> dict[str, list[nn.Parameter]]:
    """The weights of each stage, conv1 to fc."""
    found: dict[str, list[nn.Parameter]] = {}
    for layer in plan(architecture):
        weights = network.get_submodule(layer.name).parameters(recurse=False)
        found.setdefault(layer.stage, []).extend(weights)
    return {stage: weights for stage, weights in found.items() if weights}


def stage_gradient_norms(stages: dict[str, list[nn.Parameter]]) -> dict[str, float]:
    """Euclidean norm of the gradient with respect to all weights of each stage, after a backward pass."""
    gradients = {
        stage: [weight.grad for weight in weights if weight.grad is not None] for stage, weights in stages.items()
    }
    norms = [torch.nn.utils.get_total_norm(stage) for stage in gradients.values()]
    return dict(zip(gradients, torch.stack(norms).tolist(), strict=True))
