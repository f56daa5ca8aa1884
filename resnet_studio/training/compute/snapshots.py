"""What a network makes of some probe images at one moment of its training."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from resnet_studio.inference.compute.capture import capture
from resnet_studio.inference.feature_maps import MapStyle, layer_maps, mosaic
from resnet_studio.inference.values import Pixels
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import plan
from resnet_studio.training.compute.augmentation import Normalizer
from resnet_studio.training.compute.data import Data
from resnet_studio.training.datasets import DataError, Probe

MOST_IMAGES, MOST_CHANNELS, MOST_SIDE, MOST_FILTERS = 10, 64, 56, 64
"""Of what is kept of a probe: images, and of each layer channels and pixels; larger maps lose rows and columns."""
MOST_PROBES = 60
FILTER_SIDE, GREY = 36, 128
"""Pixels that a kernel of the first convolution is drawn with, at least about, and the colour between two."""
TOP = 5


def probe_steps(total: int, per_epoch: int) -> frozenset[int]:
    """After how many steps to look: before the first, at doubling steps, then at the ends of epochs, at most sixty."""
    doubling = {2**power for power in range(20) if 2**power < min(per_epoch, total)}
    epochs = range(per_epoch, total, per_epoch)
    every = max(1, -(-len(epochs) // MOST_PROBES))
    return frozenset({0, total, *doubling, *epochs[every - 1 :: every]})


class SnapshotRecorder:
    """Looks at the same images again and again: the first test image of each of the first classes."""

    def __init__(self, architecture: Architecture, data: Data, normalise: Normalizer) -> None:
        self._architecture, self._classes, self._normalise = architecture, data.classes, normalise
        labels = data.test.labels
        wanted = [int(label) for label in torch.unique(labels)[:MOST_IMAGES]]
        places = torch.stack([(labels == label).nonzero()[0, 0] for label in wanted])
        read = list(data.test.batches([(None, places)], "none"))
        if not read:
            raise DataError("the first test images of all classes can't be read")
        self._images, labels = read[0]
        self._truth = tuple(data.classes[label] for label in labels.tolist())
        self.layers = watched_layers(architecture)

    def take(self, network: nn.Module, step: int) -> Probe:
        """What the network makes of the images now. It is left as it was."""
        device = next(network.parameters()).device
        captured = capture(network, self._normalise(self._images.to(device)), self.layers)
        logits = captured.logits
        assert logits is not None
        outputs = {name: output.float().cpu().numpy() for name, output in captured.layers.items()}
        return Probe(
            step=step,
            images=tuple(_as_pixels(image.permute(1, 2, 0).cpu().numpy()) for image in self._images),
            layers={name: tuple(_picture(name, one) for one in output) for name, output in outputs.items()},
            shapes={name: _kept(output[0]).shape for name, output in outputs.items()},
            top=tuple(self._top(one) for one in logits.float().cpu()),
            truth=self._truth,
            filters=first_filters(network),
        )

    def _top(self, logits: torch.Tensor) -> tuple[tuple[str, float], ...]:
        if not logits.isfinite().all():
            return ()
        shares, classes = logits.softmax(0).topk(min(TOP, len(self._classes)))
        return tuple(
            (self._classes[number], share) for number, share in zip(classes.tolist(), shares.tolist(), strict=True)
        )


def watched_layers(architecture: Architecture) -> tuple[str, ...]:
    """The last layer with maps of each stage: what it hands on to the next. A classifier has vectors, no maps."""
    called = [
        layer
        for layer in plan(architecture)
        if layer.stage != "fc" and ((layer.called and layer.output[1] > 1) or layer.kind == "relu")
    ]
    return tuple(list(layers)[-1].name for _, layers in groupby(called, lambda layer: layer.stage))


def first_filters(network: nn.Module) -> Pixels:
    """Kernels of the first convolution side by side, each spread over its own range; in colour where it sees colour."""
    first = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    kernels = first.weight.detach().float().cpu().numpy()[:MOST_FILTERS]
    shown = kernels if kernels.shape[1] == 3 else kernels[:, :1].repeat(3, axis=1)
    low, high = shown.min(axis=(1, 2, 3), keepdims=True), shown.max(axis=(1, 2, 3), keepdims=True)
    spread = np.rint(255 * (shown - low) / np.where(high > low, high - low, 1)).astype(np.uint8)
    larger = max(1, FILTER_SIDE // spread.shape[-1])  # so that the gaps are narrower than the kernels' weights
    spread = spread.repeat(larger, axis=2).repeat(larger, axis=3)
    planes = [mosaic_of(spread[:, channel]) for channel in range(3)]
    return np.stack(planes, axis=2)


def mosaic_of(cells: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cells (N×height×width) side by side in a nearly square grid, one grey pixel apart."""
    count, height, width = cells.shape
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    grid = np.full((rows * columns, height + 1, width + 1), GREY, np.uint8)
    grid[:count, :height, :width] = cells
    joined = grid.reshape(rows, columns, height + 1, width + 1).swapaxes(1, 2)
    return joined.reshape(rows * (height + 1), columns * (width + 1))[:-1, :-1]


def _picture(name: str, output: NDArray[np.float32]) -> Pixels:
    """The layer's maps in one picture, each value's place in a colour map, the layer's range for all."""
    return mosaic(layer_maps(name, _kept(output)[None]).values, MapStyle("layer"))[0]


def _kept(output: NDArray[np.float32]) -> NDArray[np.float32]:
    every = max(1, -(-output.shape[-1] // MOST_SIDE))
    return output[:MOST_CHANNELS, ::every, ::every]


def _as_pixels(image: NDArray[np.uint8]) -> Pixels:
    return np.ascontiguousarray(image if image.shape[2] == 3 else image[:, :, :1].repeat(3, axis=2))
