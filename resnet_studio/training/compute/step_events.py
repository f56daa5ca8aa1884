"""What some steps come to, over all workers."""

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


class Stopwatch:
    """Adds up the time of training alone."""

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
        """Leave the time of a block out."""
        self._before, self._since = self.seconds, None
        try:
            yield
        finally:
            self._since = time.perf_counter()


def stage_weights(network: nn.Module, architecture: Architecture) -> dict[str, list[nn.Parameter]]:
    """All weights of each stage, conv1 to fc."""
    found: dict[str, list[nn.Parameter]] = {}
    for layer in plan(architecture):
        weights = network.get_submodule(layer.name).parameters(recurse=False)
        found.setdefault(layer.stage, []).extend(weights)
    return {stage: weights for stage, weights in found.items() if weights}


def stage_norms(stages: dict[str, list[nn.Parameter]]) -> dict[str, float]:
    """Euclidean norm of the gradient by all weights of each stage, after a backward pass."""
    gradients = {
        stage: [weight.grad for weight in weights if weight.grad is not None] for stage, weights in stages.items()
    }
    norms = [torch.nn.utils.get_total_norm(some) for some in gradients.values()]
    return dict(zip(gradients, torch.stack(norms).tolist(), strict=True))
