"""Data sets, estimates and probes as the engine and runs give them to the window."""

from __future__ import annotations

import numpy as np

from resnet_studio.inference.feature_maps import MapStyle, mosaic
from resnet_studio.inference.values import Pixels
from resnet_studio.training.datasets import DataView, Estimate, Snapshot


def data_view(name: str = "digits", classes: int = 10, image: int = 8, *, augmented: bool = True) -> DataView:
    """A set with 1,438 training and 360 test images for ten classes; each sample has its class's gray level."""
    samples = tuple(gray(20 * label, image) for label in range(classes) for _ in range(8))
    examples = (0, classes * 8 - 1)
    return DataView(
        name=name,
        classes=tuple(str(label) for label in range(classes)),
        training_counts=tuple(140 + label for label in range(classes)),
        test_counts=(36,) * classes,
        test_of="360 images held out, stratified by class",
        size=(1, image, image),
        mean=(0.305,),
        deviation=(0.376,),
        held="stored on the device as uint8",
        samples=samples,
        labels=tuple(label for label in range(classes) for _ in range(8)),
        augmented=tuple((samples[number],) * 6 for number in examples) if augmented else (),
        augmented_indices=examples if augmented else (),
    )


def gray(value: int, side: int) -> Pixels:
    return np.full((side, side, 3), value % 256, np.uint8)


def estimate(seconds: float = 0.04, needed: int = 210_000_000, available: int | None = 16_000_000_000) -> Estimate:
    """An estimate for 30 epochs of 11 steps."""
    return Estimate(seconds, 11, 330, needed, available, 700_000_000)


def probe(step: int, images: int = 3) -> Snapshot:
    """A probe in which channel c of layer "relu" is c everywhere, and image i is of class i."""
    maps = np.arange(16, dtype=np.float32)[:, None, None].repeat(8, 1).repeat(8, 2)
    shapes = {"relu": (16, 8, 8), "layer1.2": (4, 4, 4)}
    random = np.random.default_rng(step)
    layers = {
        "relu": tuple(mosaic(maps, MapStyle("layer"))[0] for _ in range(images)),
        "layer1.2": tuple(
            mosaic(random.random(shapes["layer1.2"], np.float32), MapStyle("layer"))[0] for _ in range(images)
        ),
    }
    names = tuple(f"class {number}" for number in range(10))
    top = tuple(
        tuple((names[(number + rank) % 10], share) for rank, share in enumerate((0.5, 0.2, 0.15, 0.1, 0.05)))
        for number in range(images)
    )
    inputs = tuple(gray(60 * (number + 1), 8) for number in range(images))
    filters = random.integers(256, size=(15, 15, 3), dtype=np.uint8)
    return Snapshot(step, inputs, layers, shapes, top, names[:images], filters)
