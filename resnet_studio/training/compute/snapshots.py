"""Recording snapshots: a network's activations for some probe images at a step of its training."""

from __future__ import annotations

import math
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from resnet_studio.inference.compute.capture import capture
from resnet_studio.inference.feature_maps import MapStyle, MosaicGeometry, layer_maps, mosaic, tile_grid
from resnet_studio.inference.values import Pixels
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import plan
from resnet_studio.training.compute.augmentation import Normalizer
from resnet_studio.training.compute.data import Data
from resnet_studio.training.datasets import DataError, Snapshot

MAX_IMAGES, MAX_CHANNELS, MAX_SIDE, MAX_FILTERS = 10, 64, 56, 64
"""Limits of a snapshot: images, channels per layer, longer side of a map (larger maps are strided), kernels."""
MAX_EPOCH_SNAPSHOTS = 60
FILTER_SIDE, GRAY = 36, 128
"""Approximate minimum side of a drawn kernel in pixels, and the gray level between two of them."""
TOP_CLASSES = 5


def snapshot_steps(total: int, per_epoch: int) -> frozenset[int]:
    """The steps at which to take snapshots: 0, powers of 2 in the first epoch, then at most sixty epoch ends."""
    doubling = {2**power for power in range(20) if 2**power < min(per_epoch, total)}
    epochs = range(per_epoch, total, per_epoch)
    every = max(1, -(-len(epochs) // MAX_EPOCH_SNAPSHOTS))
    return frozenset({0, total, *doubling, *epochs[every - 1 :: every]})


class SnapshotRecorder:
    """Takes snapshots of the same probe images: the first test image of each of the first classes."""

    def __init__(self, architecture: Architecture, data: Data, normalize: Normalizer) -> None:
        self._architecture, self._classes, self._normalize = architecture, data.classes, normalize
        labels = data.test.labels
        probe_labels = [int(label) for label in torch.unique(labels)[:MAX_IMAGES]]
        indices = torch.stack([(labels == label).nonzero()[0, 0] for label in probe_labels])
        read = list(data.test.batches([(None, indices)], "none"))
        if not read:
            raise DataError("can't read the first test image of any class")
        self._images, labels = read[0]
        self._truth = tuple(data.classes[label] for label in labels.tolist())
        self.layers = snapshot_layers(architecture)

    def record(self, network: nn.Module, step: int) -> Snapshot:
        """A snapshot of the network after `step` steps. The network is left as it was."""
        device = next(network.parameters()).device
        captured = capture(network, self._normalize(self._images.to(device)), self.layers)
        logits = captured.logits
        assert logits is not None
        outputs = {name: output.float().cpu().numpy() for name, output in captured.layers.items()}
        return Snapshot(
            step=step,
            images=tuple(_to_rgb(image.permute(1, 2, 0).cpu().numpy()) for image in self._images),
            layers={name: tuple(_layer_mosaic(name, maps) for maps in output) for name, output in outputs.items()},
            shapes={name: _downsample(output[0]).shape for name, output in outputs.items()},
            top=tuple(self._top(image_logits) for image_logits in logits.float().cpu()),
            truth=self._truth,
            filters=first_filters(network),
        )

    def _top(self, logits: torch.Tensor) -> tuple[tuple[str, float], ...]:
        if not logits.isfinite().all():
            return ()
        shares, classes = logits.softmax(0).topk(min(TOP_CLASSES, len(self._classes)))
        return tuple(
            (self._classes[number], share) for number, share in zip(classes.tolist(), shares.tolist(), strict=True)
        )


def snapshot_layers(architecture: Architecture) -> tuple[str, ...]:
    """The last layer with maps of each stage, whose output is the next stage's input. A classifier has no maps."""
    called = [
        layer
        for layer in plan(architecture)
        if layer.stage != "fc"
        and layer.on_main_path
        and layer.layout == "maps"
        and ((layer.called and math.prod(layer.output[1:]) > 1) or layer.kind == "relu")
    ]
    return tuple(list(layers)[-1].name for _, layers in groupby(called, lambda layer: layer.stage))


def first_filters(network: nn.Module) -> Pixels:
    """Kernels of the first convolution in a nearly square grid, each scaled to its own range; colored for RGB input."""
    first = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    kernels = first.weight.detach().float().cpu().numpy()[:MAX_FILTERS]
    shown = kernels if kernels.shape[1] == 3 else kernels[:, :1].repeat(3, axis=1)
    low, high = shown.min(axis=(1, 2, 3), keepdims=True), shown.max(axis=(1, 2, 3), keepdims=True)
    pixels = np.rint(255 * (shown - low) / np.where(high > low, high - low, 1)).astype(np.uint8)
    scale = max(1, FILTER_SIDE // pixels.shape[-1])  # a weight is wider than the gap between kernels
    pixels = pixels.repeat(scale, axis=2).repeat(scale, axis=3)
    count, _, height, width = pixels.shape
    geometry = MosaicGeometry(count, height, width, columns=math.ceil(math.sqrt(count)))
    return tile_grid(pixels.transpose(0, 2, 3, 1), geometry, GRAY)


def _layer_mosaic(name: str, output: NDArray[np.float32]) -> Pixels:
    """The layer's maps as one mosaic of color map indices, scaled by the layer's range."""
    return mosaic(layer_maps(name, _downsample(output)[None]).values, MapStyle("layer"))[0]


def _downsample(output: NDArray[np.float32]) -> NDArray[np.float32]:
    stride = max(1, -(-max(output.shape[1:]) // MAX_SIDE))
    return output[:MAX_CHANNELS, ::stride, ::stride]


def _to_rgb(image: NDArray[np.uint8]) -> Pixels:
    return np.ascontiguousarray(image if image.shape[2] == 3 else image[:, :, :1].repeat(3, axis=2))
