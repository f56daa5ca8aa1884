"""What is exported of a look: pictures and statistics, with the stamp of where they come from. Needs no torch.

Window and command line draw by the same functions, so that the same settings give the same pixels.
"""

from __future__ import annotations

import io
import json
import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from resnet_studio.export.provenance import KEY, Provenance
from resnet_studio.inference.feature_maps import MapStyle, colour, mosaic, spread
from resnet_studio.inference.values import ForwardResult, LayerMaps, Pixels
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import plan

MARGIN = 8
"""Pixels of white between the layers, for each pixel of a value."""
STATISTICS = ("mean", "deviation", "least", "greatest", "zeros")
Orders = dict[str, NDArray[np.intp]]


@dataclass(frozen=True, slots=True, eq=False)
class MapFigure:
    """What goes into a file: layers of one look, and by the stamp how they are drawn and where they come from."""

    layers: tuple[LayerMaps, ...]
    stamp: Provenance
    orders: Orders | None = None
    """By layer, which channel lies at each position, where the drawing alone can't say it."""

    def __post_init__(self) -> None:
        channel = self.stamp.channel or 0
        for layer in self.layers:
            if not 0 <= channel < len(layer.values):
                raise ValueError(f"{layer.name} has the channels 0 to {len(layer.values) - 1}, not {channel}")


def last_of_stages(architecture: Architecture) -> tuple[str, ...]:
    """What to look at if nothing is named: what each stage hands on, blocks by their own name."""
    lasts = {layer.stage: layer.block or layer.name for layer in plan(architecture)}
    return tuple(name for stage, name in lasts.items() if stage != "fc")


def picture(layer: LayerMaps, sheet: MapFigure) -> Pixels:
    """The mosaic of a layer, or the stamp's channel alone in the colours that it has there."""
    stamp, drawing = sheet.stamp, drawn(layer, sheet.stamp.drawing)
    if stamp.channel is not None:
        indices = spread(layer.values, drawing)[stamp.channel]
    else:
        order = (sheet.orders or {}).get(layer.name)
        indices, _ = mosaic(layer.values, drawing, gap=1 if layer.values[0].size > 1 else 0, order=order)
    return colour(indices, drawing.colours).repeat(stamp.scale, axis=0).repeat(stamp.scale, axis=1)


def drawn(layer: LayerMaps, drawing: MapStyle) -> MapStyle:
    """Maps of one value each have a scale in common, whatever is wished: alone, each would be constant."""
    alone = drawing.contrast == "channel" and layer.values[0].size == 1
    return replace(drawing, contrast="layer") if alone else drawing


def page(sheet: MapFigure) -> Pixels:
    """The pictures of all layers below one another on white."""
    pictures = [picture(layer, sheet) for layer in sheet.layers]
    margin = MARGIN * sheet.stamp.scale
    width = max(one.shape[1] for one in pictures)
    height = sum(one.shape[0] + margin for one in pictures) - margin
    whole = np.full((height, width, 3), 255, np.uint8)
    top = 0
    for one in pictures:
        whole[top : top + one.shape[0], : one.shape[1]] = one
        top += one.shape[0] + margin
    return whole


def png(pixels: Pixels, stamp: Provenance | None = None) -> bytes:
    """A PNG file's bytes, with the stamp as JSON and as a text to read."""
    told = PngInfo()
    if stamp is not None:
        told.add_itxt(KEY, json.dumps(stamp.to_json()))
        told.add_itxt("Description", "\n".join(stamp.caption()))
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, format="PNG", pnginfo=told)
    return data.getvalue()


def statistics(layer: LayerMaps) -> NDArray[np.float64]:
    """Channels × `STATISTICS`, over each channel's finite values (NaN where there are none); zeros are a share."""
    flat = layer.values.reshape(len(layer.values), -1).astype(np.float64)
    zeros = 1 - np.count_nonzero(flat, axis=1) / max(1, flat.shape[1])
    known = np.isfinite(flat)
    count = known.sum(axis=1)
    some = np.maximum(count, 1)
    mean = np.where(known, flat, 0).sum(axis=1) / some
    deviation = np.sqrt((np.where(known, flat - mean[:, None], 0) ** 2).sum(axis=1) / some)
    least, greatest = np.where(known, flat, np.inf).min(axis=1), np.where(known, flat, -np.inf).max(axis=1)
    table = np.stack([mean, deviation, least, greatest, zeros], axis=1)
    table[count == 0, :-1] = np.nan
    return table


def to_json(look: ForwardResult, stamp: Provenance) -> dict[str, Any]:
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
                **{name: _finite(value) for name, value in _ends(layer).items()},
            }
            for layer in look.layers
        ],
        "stamp": stamp.to_json(),
    }


def _ends(layer: LayerMaps) -> dict[str, float]:
    finite = layer.values[np.isfinite(layer.values)]
    return (
        {"least": float(finite.min()), "greatest": float(finite.max())}
        if finite.size
        else dict.fromkeys(("least", "greatest"), math.nan)
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
