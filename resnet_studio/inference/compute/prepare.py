"""What a subject stands for, made ready to be run: the photograph, the network with its weights, the input.

Each is kept for the next question, so that another layer or a moved crop costs no opening and no loading.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from resnet_studio.inference.cache import LRUCache, Stamp, stamp_of_file
from resnet_studio.inference.compute import devices, transforms, weights
from resnet_studio.inference.compute.folding import folded
from resnet_studio.inference.images import references
from resnet_studio.inference.values import (
    ForwardSpec,
    Photograph,
    PublishedWeights,
    WeightsFile,
    WeightsInfo,
    WeightsSource,
)
from resnet_studio.inference.weights import published
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.modules.network import ResNet
from resnet_studio.progress import Progress

KEPT = 3
"""Networks of each kind that are kept: the one in hand, its twin, and the one beside it."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a forward pass is of: equal keys give the same activations, also when a file has been replaced."""

    subject: ForwardSpec
    image: str
    """SHA-256 of the photograph."""
    stamp: Stamp
    """Of the weights' file."""


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """A subject that can be run."""

    key: Key
    photograph: Photograph
    weights: WeightsInfo
    images: Tensor
    """The input, 1 × C × H × W, on the device, in its precision."""

    def network(self) -> nn.Module:
        """The network in eval mode on the device: every named tensor is there."""
        of = self.subject.architecture, self.subject.weights, self.key.stamp
        return _networks(*of)[0] if self.subject.device == "cpu" else _placed(*of, self.subject.device)

    def folded(self) -> nn.Module:
        """A faster one for the outputs that `folding.served` names. Residual networks only."""
        return _folded(self.subject.architecture, self.subject.weights, self.key.stamp, self.subject.device)

    @property
    def subject(self) -> ForwardSpec:
        return self.key.subject


def ready_steps(subject: ForwardSpec) -> Generator[Progress, None, Ready]:
    """Open the photograph, load the weights (which may mean to fetch them) and make the input.

    Raises `ImageError`, `WeightsError`, `DeviceError`, `MemoryError`. It yields only before what takes long.
    """
    devices.check(subject.device)
    if not references.lately_opened(subject.image):
        yield Progress(0, 4, "opening the image")
    photograph = references.open_or_recall(subject.image)
    information, stamp = yield from loaded_steps(subject.architecture, subject.weights)
    channels = subject.architecture.channels
    images = transforms.preprocess(photograph, information.preprocessing, channels, subject.handles)
    key = Key(subject, photograph.sha256, stamp)
    device, precision = devices.torch_device(subject.device), devices.precision(subject.device)
    return Ready(key, photograph, information, images.to(device, precision))


def loaded_steps(
    architecture: Architecture, source: WeightsSource
) -> Generator[Progress, None, tuple[WeightsInfo, Stamp]]:
    """See to it that a network with these weights is there; what is known of them."""
    if isinstance(source, PublishedWeights):
        yield from published.fetch_steps(source)
    stamp = stamp_of_file(_path(source))
    if not _networks.known(architecture, source, stamp):
        yield Progress(1, 4, "loading the weights")
    return _networks(architecture, source, stamp)[1], stamp


def network_of(architecture: Architecture, source: WeightsSource, stamp: Stamp) -> nn.Module:
    """The network on the CPU that `loaded_steps` has loaded."""
    return _networks(architecture, source, stamp)[0]


def forget() -> None:
    """Let go of every network and image; after a failure a device's copies are not to be trusted."""
    for kept in (references.opened, _networks, _placed, _folded):
        kept.clear()
    with suppress(RuntimeError):
        torch.cuda.empty_cache()


def _load(architecture: Architecture, source: WeightsSource, _: Stamp) -> tuple[nn.Module, WeightsInfo]:
    return weights.load(architecture, source)


def _place(architecture: Architecture, source: WeightsSource, stamp: Stamp, device: str) -> nn.Module:
    """A copy on a device, in its precision."""
    network = deepcopy(_networks(architecture, source, stamp)[0])
    return network.to(devices.torch_device(device), devices.precision(device))


def _fold(architecture: Architecture, source: WeightsSource, stamp: Stamp, device: str) -> nn.Module:
    network, _ = _networks(architecture, source, stamp)
    assert isinstance(network, ResNet)
    result = folded(network, packed=device == "cpu")
    return result.to(devices.torch_device(device), devices.precision(device))


_networks, _placed, _folded = LRUCache(_load, KEPT), LRUCache(_place, KEPT), LRUCache(_fold, KEPT)


def _path(source: WeightsSource) -> Path | None:
    if isinstance(source, PublishedWeights):
        return published.cached(source)
    return source.path if isinstance(source, WeightsFile) else None
