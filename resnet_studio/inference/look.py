"""One image through one network, for the window and the command line: predictions, the real input, feature maps."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import torch
from torch import Tensor, nn

from resnet_studio.inference import devices, preprocessing, samples, weights
from resnet_studio.inference.capture import Captured, capture
from resnet_studio.inference.folding import folded, served
from resnet_studio.inference.maps import layer_maps
from resnet_studio.inference.values import (
    Look,
    Photograph,
    Prediction,
    RandomWeights,
    WeightsInfo,
    WeightsSource,
)
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.network import ResNet
from resnet_studio.networks.plan import plan
from resnet_studio.progress import Progress

MOST_KEPT = 1 << 30
"""Bytes of activations that are kept for the next layer that is asked for."""
MOST_PREDICTIONS = 5

Stamp: TypeAlias = tuple[int, int] | None
"""A file's time of change and size, so that a replaced file is read again; None where there is no file."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a forward pass is of: an equal subject gives the same activations."""

    image: str
    """SHA-256 of the photograph."""
    architecture: Architecture
    source: WeightsSource
    stamp: Stamp
    device: str


@dataclass(frozen=True, slots=True, eq=False)
class Pass:
    """A forward pass with what it gave."""

    subject: Subject
    captured: Captured
    seconds: float


_last: list[Pass] = []
"""The last pass, if there was one."""


def look_steps(
    reference: str, architecture: Architecture, source: WeightsSource, device: str, layers: tuple[str, ...]
) -> Generator[Progress, None, Look]:
    """Look at an image through a network on a device ("cpu", "cuda:0"), at the named layers.

    Raises `ImageError`, `WeightsError`, `DeviceError`, `MemoryError`, and `ValueError` for a layer that the network
    lacks or never calls. Image, weights and the last pass are kept: another layer of the same image costs no pass.
    A device that fails is given its memory back.
    """
    devices.check(device)
    try:
        return (yield from _steps(reference, architecture, source, device, layers))
    except RuntimeError as error:
        failure = devices.failure(device, error)
        if failure is None:
            raise
    forget()  # only here, as the error's traceback held on to the tensors
    raise failure


def _steps(
    reference: str, architecture: Architecture, source: WeightsSource, device: str, layers: tuple[str, ...]
) -> Generator[Progress, None, Look]:
    yield Progress(0, 4, "opening the image")
    photograph = _photograph(reference, _stamp(reference))
    yield Progress(1, 4, "loading the weights")
    stamp = None if isinstance(source, RandomWeights) else _stamp(str(source.path))
    _, information = _network(architecture, source, stamp)
    images = preprocessing.preprocess(photograph, information.preprocessing, architecture.channels)
    yield Progress(2, 4, "running the network")
    done = _passed(Subject(photograph.sha256, architecture, source, stamp, device), images, layers)
    yield Progress(3, 4, "gathering the maps")
    height, width = photograph.pixels.shape[:2]
    return Look(
        predictions=_predictions(done.captured.logits, information.labels),
        seen=preprocessing.seen(images, information.preprocessing),
        crop=preprocessing.crop_box(width, height, information.preprocessing),
        weights=information,
        device=device,
        layers=tuple(layer_maps(name, done.captured.layers[name].cpu().numpy().copy()) for name in layers),
        seconds=done.seconds,
    )


def layers_to_keep(architecture: Architecture, layers: tuple[str, ...]) -> tuple[str, ...]:
    """What a pass for these layers captures: more than was asked for, as another layer is likely to be asked next.

    Outputs of blocks and stages bring along one another, as a folded network gives them all; any other layer brings
    along every layer. Where that would take more than `MOST_KEPT`, nothing is brought along.
    """
    blocks = served(architecture) if isinstance(architecture, Residual) else ()
    sizes = {layer.name: layer.activation_bytes for layer in plan(architecture) if layer.called}
    if set(layers) <= set(blocks):
        sizes = {layer.block: layer.activation_bytes for layer in plan(architecture)}  # a block's last layer stays
        return blocks if sum(sizes.values()) <= MOST_KEPT else layers
    return tuple(dict.fromkeys((*sizes, *blocks, *layers))) if sum(sizes.values()) <= MOST_KEPT else layers


def _stamp(reference: str) -> Stamp:
    try:
        status = os.stat(reference)
    except (OSError, ValueError):
        return None  # a sample, or a file of which opening will say what is wrong
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=1)
def _photograph(reference: str, _: Stamp) -> Photograph:
    return samples.open_reference(reference)


@lru_cache(maxsize=2)
def _network(architecture: Architecture, source: WeightsSource, _: Stamp) -> tuple[nn.Module, WeightsInfo]:
    return weights.load(architecture, source)


@lru_cache(maxsize=2)
def _folded(architecture: Architecture, source: WeightsSource, stamp: Stamp, device: str) -> nn.Module:
    network, _ = _network(architecture, source, stamp)
    assert isinstance(network, ResNet)
    return folded(network.cpu(), packed=device == "cpu").to(device)


def _passed(subject: Subject, images: Tensor, layers: tuple[str, ...]) -> Pass:
    """The last pass if it serves, else a new one."""
    if _last and _last[0].subject == subject and set(layers) <= _last[0].captured.layers.keys():
        return _last[0]
    _last.clear()
    _last.append(_forward(subject, images, layers))
    return _last[0]


def _forward(subject: Subject, images: Tensor, layers: tuple[str, ...]) -> Pass:
    kept = layers_to_keep(subject.architecture, layers)
    weights_of = (subject.architecture, subject.source, subject.stamp)
    if isinstance(subject.architecture, Residual) and set(kept) <= set(served(subject.architecture)):
        network = _folded(*weights_of, subject.device)
    else:
        network = _network(*weights_of)[0].to(subject.device)
    images = images.to(subject.device)
    started = time.perf_counter()
    captured = capture(network, images, kept)
    logits = captured.logits.cpu()  # a GPU has finished only when its numbers are here
    return Pass(subject, Captured(logits, captured.layers), time.perf_counter() - started)


def forget() -> None:
    """Let go of every network, image and activation; after a failure a device's copies are not to be trusted."""
    _last.clear()
    _photograph.cache_clear()
    _network.cache_clear()
    _folded.cache_clear()
    with suppress(RuntimeError):
        torch.cuda.empty_cache()


def _predictions(logits: Tensor, labels: tuple[str, ...]) -> tuple[Prediction, ...]:
    """The most probable classes; none where the logits are not numbers."""
    if not logits.isfinite().all():
        return ()
    probabilities, classes = logits[0].softmax(0).topk(min(MOST_PREDICTIONS, len(labels)))
    return tuple(
        Prediction(labels[number], probability)
        for number, probability in zip(classes.tolist(), probabilities.tolist(), strict=True)
    )
