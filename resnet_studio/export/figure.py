"""Figures of feature maps: images and statistics together with their provenance. Needs no torch.

The window and the command line render by the same functions, so the same settings give the same pixels.
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
from resnet_studio.inference.channel_statistics import statistics
from resnet_studio.inference.feature_maps import MapStyle, apply_colormap, mosaic, to_indices
from resnet_studio.inference.values import ForwardResult, LayerMaps, Pixels
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.baselines import PLAIN
from resnet_studio.networks.plan import called_layers, plan

MARGIN = 8
"""White pixels between the layers, times the figure's scale."""
STATISTICS = ("mean", "deviation", "least", "greatest", "zeros")
ChannelOrders = dict[str, NDArray[np.intp]]


@dataclass(frozen=True, slots=True, eq=False)
class MapFigure:
    """The layers of one forward pass that go into a file, and their provenance, which includes how they are drawn."""

    layers: tuple[LayerMaps, ...]
    provenance: Provenance
    orders: ChannelOrders | None = None
    """The channel at each position, by layer, where it does not follow from the style and the values alone."""

    def __post_init__(self) -> None:
        channel = self.provenance.channel or 0
        for layer in self.layers:
            if not 0 <= channel < len(layer.values):
                raise ValueError(f"{layer.name} has no channel {channel}, only 0 to {len(layer.values) - 1}")


def stage_outputs(architecture: Architecture) -> tuple[str, ...]:
    """The default layers: the last block or layer of each stage but fc; of a network's parts the last with maps."""
    if not (isinstance(architecture, Residual) or architecture.name in PLAIN):
        maps = (layer for layer in called_layers(architecture) if layer.layout not in ("windows", "other"))
        return tuple({layer.stage: layer.name for layer in maps if math.prod(layer.output[1:]) > 1}.values())
    last = {layer.stage: layer.block or layer.name for layer in plan(architecture)}
    return tuple(name for stage, name in last.items() if stage != "fc")


def layer_image(layer: LayerMaps, figure: MapFigure) -> Pixels:
    """The mosaic of a layer, or the provenance's channel alone in the colors that it has in the mosaic."""
    provenance, style = figure.provenance, effective_style(layer, figure.provenance.style)
    if provenance.channel is not None:
        indices = to_indices(layer.values, style)[provenance.channel]
    else:
        order = (figure.orders or {}).get(layer.name)
        indices, _ = mosaic(layer.values, style, gap=1 if layer.values[0].size > 1 else 0, order=order)
    return apply_colormap(indices, style.colours).repeat(provenance.scale, axis=0).repeat(provenance.scale, axis=1)


def effective_style(layer: LayerMaps, style: MapStyle) -> MapStyle:
    """The style, with a common scale for maps of one value each: with a scale of its own each would be constant."""
    single_values = style.contrast == "channel" and layer.values[0].size == 1
    return replace(style, contrast="layer") if single_values else style


def figure_image(figure: MapFigure) -> Pixels:
    """The images of all layers below one another on white."""
    images = [layer_image(layer, figure) for layer in figure.layers]
    margin = MARGIN * figure.provenance.scale
    width = max(image.shape[1] for image in images)
    height = sum(image.shape[0] + margin for image in images) - margin
    canvas = np.full((height, width, 3), 255, np.uint8)
    top = 0
    for image in images:
        canvas[top : top + image.shape[0], : image.shape[1]] = image
        top += image.shape[0] + margin
    return canvas


def png_bytes(pixels: Pixels, provenance: Provenance | None = None) -> bytes:
    """The bytes of a PNG file, with the provenance as JSON and as readable text."""
    info = PngInfo()
    if provenance is not None:
        info.add_itxt(KEY, json.dumps(provenance.to_json()))
        info.add_itxt("Description", "\n".join(provenance.caption()))
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, format="PNG", pnginfo=info)
    return data.getvalue()


def statistics_table(layer: LayerMaps) -> NDArray[np.float64]:
    """Channels × `STATISTICS`, over each channel's finite values (NaN where there are none); zeros is a fraction."""
    found = statistics(layer.values)
    return np.stack([found.mean, found.std, found.minimum, found.maximum, found.zeros], axis=1)


def to_json(result: ForwardResult, provenance: Provenance) -> dict[str, Any]:
    """The result as plain JSON values; a statistic without finite values is null."""
    return {
        "predictions": [asdict(prediction) for prediction in result.predictions or ()],
        "trained": result.weights.trained,
        "device": result.spec.device,
        "layers": [
            {
                "name": layer.name,
                "shape": list(layer.values.shape),
                **{name: _finite(getattr(layer, name)) for name in ("mean", "std", "zeros")},
                **{name: _finite(value) for name, value in _value_range(layer).items()},
            }
            for layer in result.layers
        ],
        "stamp": provenance.to_json(),
    }


def _value_range(layer: LayerMaps) -> dict[str, float]:
    finite = layer.values[np.isfinite(layer.values)]
    return (
        {"least": float(finite.min()), "greatest": float(finite.max())}
        if finite.size
        else dict.fromkeys(("least", "greatest"), math.nan)
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
