"""Prepares a forward pass: opens the photograph, loads the network with its weights and makes the input.

Photographs and networks are cached, so that another layer or a moved crop opens and loads nothing again.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from resnet_studio.inference.cache import FileSignature, LRUCache, file_signature
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

CACHED_NETWORKS = 3
"""Networks of each kind that are cached: the current one, its plain counterpart, and side B's."""


@dataclass(frozen=True, slots=True)
class ForwardKey:
    """Identifies a forward pass: equal keys give the same activations, even after a file was replaced."""

    spec: ForwardSpec
    image: str
    """SHA-256 of the photograph."""
    signature: FileSignature
    """Of the weights file."""


@dataclass(frozen=True, slots=True, eq=False)
class PreparedForward:
    """All that a forward pass needs."""

    key: ForwardKey
    photograph: Photograph
    weights: WeightsInfo
    images: Tensor
    """The input, 1 × C × H × W, on the device, in its precision."""

    def network(self) -> nn.Module:
        """The network in eval mode on the device, with every named tensor."""
        key = self.spec.architecture, self.spec.weights, self.key.signature
        return _networks(*key)[0] if self.spec.device == "cpu" else _on_device(*key, self.spec.device)

    def folded(self) -> nn.Module:
        """A faster network for the outputs in `folded_layers`. Residual networks only."""
        return _folded(self.spec.architecture, self.spec.weights, self.key.signature, self.spec.device)

    @property
    def spec(self) -> ForwardSpec:
        return self.key.spec


def prepare_steps(spec: ForwardSpec) -> Generator[Progress, None, PreparedForward]:
    """Open the photograph, load the weights (downloading them if needed) and make the input.

    Raises `ImageError`, `WeightsError`, `DeviceError`, `MemoryError`. It yields only before slow steps.
    """
    devices.check(spec.device)
    if not references.is_cached(spec.image):
        yield Progress(0, 4, "opening the image")
    photograph = references.open_cached(spec.image)
    info, signature = yield from load_steps(spec.architecture, spec.weights)
    channels = spec.architecture.channels
    images = transforms.preprocess(photograph, info.preprocessing, channels, spec.transforms)
    key = ForwardKey(spec, photograph.sha256, signature)
    device, precision = devices.torch_device(spec.device), devices.precision(spec.device)
    return PreparedForward(key, photograph, info, images.to(device, precision))


def load_steps(
    architecture: Architecture, source: WeightsSource
) -> Generator[Progress, None, tuple[WeightsInfo, FileSignature]]:
    """Load a network with these weights into the cache; return what is known of them and their file's signature."""
    if isinstance(source, PublishedWeights):
        yield from published.fetch_steps(source)
    signature = file_signature(_weights_path(source))
    if not _networks.contains(architecture, source, signature):
        yield Progress(1, 4, "loading the weights")
    return _networks(architecture, source, signature)[1], signature


def loaded_network(architecture: Architecture, source: WeightsSource, signature: FileSignature) -> nn.Module:
    """The network on the CPU that `load_steps` has loaded."""
    return _networks(architecture, source, signature)[0]


def clear_caches() -> None:
    """Drop every cached network and image; after a device has failed its copies may be corrupt."""
    for cache in (references.photographs, _networks, _on_device, _folded):
        cache.clear()
    with suppress(RuntimeError):
        torch.cuda.empty_cache()


def _load(architecture: Architecture, source: WeightsSource, _: FileSignature) -> tuple[nn.Module, WeightsInfo]:
    return weights.load(architecture, source)


def _copy_to_device(
    architecture: Architecture, source: WeightsSource, signature: FileSignature, device: str
) -> nn.Module:
    """A copy of the network on a device, in its precision."""
    network = deepcopy(_networks(architecture, source, signature)[0])
    return network.to(devices.torch_device(device), devices.precision(device))


def _fold(architecture: Architecture, source: WeightsSource, signature: FileSignature, device: str) -> nn.Module:
    network, _ = _networks(architecture, source, signature)
    assert isinstance(network, ResNet)
    result = folded(network, packed=device == "cpu")
    return result.to(devices.torch_device(device), devices.precision(device))


_networks, _on_device, _folded = (
    LRUCache(_load, CACHED_NETWORKS),
    LRUCache(_copy_to_device, CACHED_NETWORKS),
    LRUCache(_fold, CACHED_NETWORKS),
)


def _weights_path(source: WeightsSource) -> Path | None:
    if isinstance(source, PublishedWeights):
        return published.cache_path(source)
    return source.path if isinstance(source, WeightsFile) else None
