"""Occlusion test: a gray square slides over the input, and the class's probability is recorded at every position."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from resnet_studio.inference.attribution import (
    NOT_COMPUTED,
    OcclusionMap,
    default_patch,
    patch_starts,
    without_occluder,
)
from resnet_studio.inference.compute import transforms
from resnet_studio.inference.compute.attribution import images_per_pass, target_class
from resnet_studio.inference.compute.capture import eval_mode
from resnet_studio.inference.compute.forward import guarded
from resnet_studio.inference.compute.prepare import prepare_steps
from resnet_studio.inference.compute.transforms import occluded
from resnet_studio.inference.values import ForwardSpec
from resnet_studio.networks.architecture import Residual
from resnet_studio.progress import Progress

PARTIAL_RESULT_INTERVAL = 0.1
"""Seconds between two partial results."""


def occlusion_steps(
    spec: ForwardSpec, patch: int = 0, stride: int = 0, target: int | None = None
) -> Generator[Progress | OcclusionMap, None, OcclusionMap]:
    """Slide the occluder over the input; yield partial results, return the complete one.

    `patch` and `stride` are pixels of the input, by default a quarter and an eighth of its shorter side; the default
    target is the most probable class. An occluder in `spec` is ignored. Raises the errors of `forward_steps`, and
    `ValueError` for a square that is larger than the input.
    """
    spec = without_occluder(spec)
    size = spec.architecture.image_size
    default = default_patch(size)
    patch, stride = patch or default[0], stride or default[1]
    patch_starts(min(size), patch, stride)  # raises before anything is loaded
    return (yield from guarded(spec.device, lambda: _steps(spec, patch, stride, target)))


def _steps(
    spec: ForwardSpec, patch: int, stride: int, target: int | None
) -> Generator[Progress | OcclusionMap, None, OcclusionMap]:
    ready = yield from prepare_steps(spec)
    network = ready.folded() if isinstance(spec.architecture, Residual) else ready.network()
    started = last_sent = time.perf_counter()
    target, probability, top_class = target_class(ready, network, target)
    tops, lefts = (patch_starts(side, patch, stride) for side in ready.images.shape[-2:])
    cells = [(row, column) for row in range(len(tops)) for column in range(len(lefts))]
    empty = np.full((len(tops), len(lefts)), np.nan, np.float32)
    occlusion_map = OcclusionMap(
        spec, target, ready.weights.labels[target], probability, top_class, patch, tops, lefts, empty,
        np.full(empty.shape, NOT_COMPUTED, np.int32), ready.weights.labels,
        transforms.denormalized(ready.images, ready.weights.preprocessing), ready.weights, 0.0,
    )  # fmt: skip
    batch_size = images_per_pass(spec.architecture)
    for first in range(0, len(cells), batch_size):
        yield Progress(first, len(cells), f"occlusion test for {occlusion_map.label}")
        batch = cells[first : first + batch_size]
        values = [occluded(ready.images[0], occlusion_map.occluder(*cell)) for cell in batch]
        occlusion_map = _updated(
            occlusion_map, batch, _logits(network, torch.stack(values)), time.perf_counter() - started
        )
        if time.perf_counter() - last_sent > PARTIAL_RESULT_INTERVAL:
            last_sent = time.perf_counter()
            yield occlusion_map
    return occlusion_map


def _logits(network: nn.Module, images: Tensor) -> Tensor:
    with eval_mode(network):
        logits: Tensor = network(images)
    return logits.float().cpu()


def _updated(occlusion_map: OcclusionMap, cells: list[tuple[int, int]], logits: Tensor, seconds: float) -> OcclusionMap:
    """A copy with the results of more positions; partial results that were yielded before stay unchanged."""
    rows, columns = np.array(cells).T
    probabilities, top_classes = occlusion_map.probabilities.copy(), occlusion_map.top_classes.copy()
    probabilities[rows, columns] = logits.softmax(1)[:, occlusion_map.target].numpy()
    top_classes[rows, columns] = logits.argmax(1).numpy()
    return replace(occlusion_map, probabilities=probabilities, top_classes=top_classes, seconds=seconds)
