"""The layers of torchvision's networks without shortcuts, traced from its own models. Needs no torch.

`python -m resnet_studio.networks.modules.trace` writes the files in `resources/plans`; sizes follow from the windows.
"""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any

from resnet_studio.networks.layers import Layer, LayerChain, Shape
from resnet_studio.resources import resource

NAMES = ("vgg19", "alexnet")
"""Every baseline, by the name of torchvision's function that builds it."""


@cache
def traced(name: str) -> list[dict[str, Any]]:
    """The layers as they were traced, in the order of their calls."""
    rows: list[dict[str, Any]] = json.loads(resource(f"plans/{name}.json").read_text(encoding="utf-8"))
    return rows


def layers(name: str, image_size: tuple[int, int], classes: int) -> list[Layer]:
    """The plan of a baseline for color images of that height and width; the last layer has `classes` outputs."""
    rows, path = traced(name), LayerChain("", (3, *image_size), bias=True)
    shapes: dict[str, Shape] = {}
    for row in rows:
        path.stage, path.inputs = row["stage"], tuple(row["inputs"])
        path.shape = shapes[path.inputs[0]] if path.inputs else path.shape
        match row["kind"]:
            case "conv":
                path.conv(row["name"], row["channels"], row["kernel"], row["stride"], row["padding"])
            case "max pool":
                path.pool(row["name"], row["kernel"], row["stride"], row["padding"])
            case "average pool":
                path.average(row["name"], row["side"])
            case "linear":
                path.linear(row["name"], classes if row is rows[-1] else row["channels"])
            case kind:
                path.append(row["name"], kind, (math.prod(path.shape), 1, 1) if row.get("flatten") else path.shape)
        shapes[row["name"]] = path.shape
    return path.layers


@cache
def smallest_image(name: str) -> int:
    """Height or width below which one of the pools would have an output of size 0."""
    side = 1
    while any(min(layer.output) < 1 for layer in layers(name, (side, side), 1)):
        side += 1
    return side


def depth(name: str) -> int:
    """Layers with weights."""
    return sum(row["kind"] in ("conv", "linear") for row in traced(name))
