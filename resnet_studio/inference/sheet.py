"""Feature maps as files: several layers in one PNG, and their numbers as NumPy's .npz. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from resnet_studio.inference.maps import Drawing, colour, mosaic
from resnet_studio.inference.values import LayerMaps, Look, Pixels
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import plan

MARGIN = 8  # pixels of white between the layers


def last_of_stages(architecture: Architecture) -> tuple[str, ...]:
    """What to look at if nothing is named: what each stage hands on, blocks by their own name."""
    lasts = {layer.stage: layer.block or layer.name for layer in plan(architecture)}
    return tuple(name for stage, name in lasts.items() if stage != "fc")


def sheet(layers: Sequence[LayerMaps]) -> Pixels:
    """The mosaics of the layers below one another on white, each channel with its own contrast."""
    pictures = [colour(mosaic(layer.values, Drawing())[0], "viridis") for layer in layers]
    width = max(picture.shape[1] for picture in pictures)
    height = sum(picture.shape[0] + MARGIN for picture in pictures) - MARGIN
    page = np.full((height, width, 3), 255, np.uint8)
    top = 0
    for picture in pictures:
        page[top : top + picture.shape[0], : picture.shape[1]] = picture
        top += picture.shape[0] + MARGIN
    return page


def write_png(path: Path, layers: Sequence[LayerMaps]) -> None:
    Image.fromarray(sheet(layers)).save(path, format="PNG")


def write_npz(path: Path, layers: Sequence[LayerMaps]) -> None:
    """Each layer under its name: float32, channels × height × width."""
    arrays: dict[str, Any] = {layer.name: layer.values for layer in layers}
    np.savez_compressed(path, **arrays)


def to_json(look: Look) -> dict[str, Any]:
    """What was seen as plain JSON values; a statistic without finite values is null."""
    return {
        "predictions": [asdict(prediction) for prediction in look.predictions or ()],
        "trained": look.weights.trained,
        "device": look.subject.device,
        "layers": [
            {
                "name": layer.name,
                "shape": list(layer.values.shape),
                **{name: _finite(getattr(layer, name)) for name in ("mean", "std", "zeros")},
            }
            for layer in look.layers
        ],
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
