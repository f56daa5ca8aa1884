"""What would flip it: a grey square slides over the input, and the class's probability is read at every position."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from resnet_studio.inference.attribution import NOT_YET, Sweep, starts, uncovered, usual_patch
from resnet_studio.inference.compute import transforms
from resnet_studio.inference.compute.attribution import explained, images_a_pass
from resnet_studio.inference.compute.capture import evaluating
from resnet_studio.inference.compute.forward import guarded
from resnet_studio.inference.compute.prepare import ready_steps
from resnet_studio.inference.compute.transforms import occluded
from resnet_studio.inference.values import ForwardSpec
from resnet_studio.networks.architecture import Residual
from resnet_studio.progress import Progress

TOLD_EVERY = 0.1
"""Seconds between two partial results."""


def sweep_steps(
    subject: ForwardSpec, patch: int = 0, stride: int = 0, target: int | None = None
) -> Generator[Progress | Sweep, None, Sweep]:
    """Slide the occluder over the input; yield what is there so far, return the whole.

    `patch` and `stride` are pixels of the input, a quarter and an eighth of it if not told; the target is the most
    probable class if not told. An occluder that the subject has is left out. Raises what a look raises, and
    `ValueError` for a square that is larger than the input.
    """
    subject = uncovered(subject)
    usual = usual_patch(subject.architecture.image)
    patch, stride = patch or usual[0], stride or usual[1]
    starts(subject.architecture.image, patch, stride)  # says what is wrong before anything is loaded
    return (yield from guarded(subject.device, lambda: _steps(subject, patch, stride, target)))


def _steps(
    subject: ForwardSpec, patch: int, stride: int, target: int | None
) -> Generator[Progress | Sweep, None, Sweep]:
    ready = yield from ready_steps(subject)
    network = ready.folded() if isinstance(subject.architecture, Residual) else ready.network()
    began = told = time.perf_counter()
    target, probability, winner = explained(ready, network, target)
    side = ready.images.shape[-1]
    places = starts(side, patch, stride)
    cells = [(row, column) for row in range(len(places)) for column in range(len(places))]
    nothing = np.full((len(places), len(places)), np.nan, np.float32)
    sweep = Sweep(
        subject, target, ready.weights.labels[target], probability, winner, patch, places, nothing,
        np.full(nothing.shape, NOT_YET, np.int32), ready.weights.labels,
        transforms.seen(ready.images, ready.weights.preprocessing), ready.weights, 0.0,
    )  # fmt: skip
    batch = images_a_pass(subject.architecture)
    for first in range(0, len(cells), batch):
        yield Progress(first, len(cells), f"covering {sweep.label}")
        some = cells[first : first + batch]
        values = [occluded(ready.images[0], sweep.occluder(*cell)) for cell in some]
        sweep = _with(sweep, some, _logits(network, torch.stack(values)), time.perf_counter() - began)
        if time.perf_counter() - told > TOLD_EVERY:
            told = time.perf_counter()
            yield sweep
    return sweep


def _logits(network: nn.Module, images: Tensor) -> Tensor:
    with evaluating(network):
        logits: Tensor = network(images)
    return logits.float().cpu()


def _with(sweep: Sweep, cells: list[tuple[int, int]], logits: Tensor, seconds: float) -> Sweep:
    """The sweep with what some more positions gave; a partial result that was told stays as it was."""
    rows, columns = np.array(cells).T
    probabilities, winners = sweep.probabilities.copy(), sweep.winners.copy()
    probabilities[rows, columns] = logits.softmax(1)[:, sweep.target].numpy()
    winners[rows, columns] = logits.argmax(1).numpy()
    return replace(sweep, probabilities=probabilities, winners=winners, seconds=seconds)
