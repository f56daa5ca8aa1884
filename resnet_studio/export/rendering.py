"""What the command line renders of an image: feature maps of some layers, or an attribution."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from resnet_studio.atomic import write_file
from resnet_studio.export.figure import MapFigure, png_bytes, to_json
from resnet_studio.export.provenance import Explained, Provenance, image_name, provenance_of
from resnet_studio.export.writers import write
from resnet_studio.inference import attribution
from resnet_studio.inference.attribution import METHODS, Attribution
from resnet_studio.inference.feature_maps import MapStyle, channel_order, layer_maps
from resnet_studio.inference.values import ForwardResult, ForwardSpec, Pixels
from resnet_studio.progress import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRENGTH = 0.5
"""Opacity of an attribution over the input, 0 … 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """The result for one image."""

    figure: MapFigure
    summary: dict[str, Any]
    """Plain JSON values."""
    result: ForwardResult | Attribution
    image: Pixels | None = None
    """What a PNG shows instead of the figure's maps."""

    def write(self, path: Path) -> None:
        """Write the file in the format of its ending."""
        if self.image is not None and path.suffix.lower() == ".png":
            write_file(path, png_bytes(self.image, self.figure.provenance))
        else:
            write(path, self.figure)


@dataclass(frozen=True, slots=True)
class RenderJob:
    """What to render of each image: feature maps, or with a `method` an attribution."""

    spec: ForwardSpec
    layers: tuple[str, ...]
    style: MapStyle = field(default_factory=MapStyle)
    reference: str = ""
    """The image that channels are compared with when they are sorted by difference."""
    channel: int | None = None
    scale: int = 1
    method: str = ""
    target: int | None = None
    """The class to explain; the most probable one by default."""

    def steps(self, image: str) -> Generator[Progress, None, Rendered]:
        """Render an image. Raises the errors of `forward_steps` and `attribution_steps`."""
        spec = replace(self.spec, image=image)
        return (yield from self._attribution_steps(spec) if self.method else self._maps_steps(spec))

    def _maps_steps(self, spec: ForwardSpec) -> Generator[Progress, None, Rendered]:
        from resnet_studio.inference.compute.forward import forward_steps

        reference = None
        if self.reference:
            reference = yield from forward_steps(replace(spec, image=self.reference), self.layers)
        result = yield from forward_steps(spec, self.layers)
        provenance = provenance_of(
            result, self.layers, self.style, reference=self.reference, channel=self.channel, scale=self.scale
        )
        figure = MapFigure(result.layers, provenance, None if reference is None else self._orders(result, reference))
        return Rendered(figure, to_json(result, provenance), result)

    def _orders(self, result: ForwardResult, reference: ForwardResult) -> dict[str, NDArray[np.intp]]:
        return {
            layer.name: channel_order(layer.values, self.style.sort, other.values)
            for layer, other in zip(result.layers, reference.layers, strict=True)
        }

    def _attribution_steps(self, spec: ForwardSpec) -> Generator[Progress, None, Rendered]:
        from resnet_studio.inference.compute.attribution import attribution_steps

        layer = self.layers[0] if self.layers else ""
        found = yield from attribution_steps(spec, self.method, layer, self.target)
        provenance = attribution_provenance(found, self.scale)
        figure = MapFigure((layer_maps(found.method, found.at_input[None]),), provenance)
        image = overlay(found).repeat(self.scale, axis=0).repeat(self.scale, axis=1)
        return Rendered(figure, _attribution_json(found, provenance), found, image)


def overlay(found: Attribution, strength: float = STRENGTH) -> Pixels:
    """The network's input with the attribution laid over it, at the input's size."""
    colors = attribution.heatmap(found.at_input, attribution.attribution_style(found))
    mixed = (1 - strength) * found.model_input.astype(np.float64) + strength * colors
    return np.rint(mixed).astype(np.uint8)


def attribution_provenance(found: Attribution, scale: int = 1) -> Provenance:
    """The provenance of an attribution."""
    return Provenance(
        architecture=found.spec.architecture,
        weights=found.weights.source,
        trained=found.weights.trained,
        image=image_name(found.spec.image),
        layers=(found.layer,) if found.layer else (),
        style=attribution.attribution_style(found),
        device=found.spec.device,
        weights_sha256=found.weights.sha256,
        image_sha256=found.image_sha256,
        transforms=found.spec.transforms,
        preprocessing=found.weights.preprocessing,
        explained=Explained(found.method, METHODS[found.method].title, found.target, found.label),
        scale=scale,
    )


def _attribution_json(found: Attribution, provenance: Provenance) -> dict[str, Any]:
    values = found.values[np.isfinite(found.values)]
    value_range = (float(values.min()), float(values.max())) if values.size else (None, None)
    explained = provenance.explained
    return {
        **(asdict(explained) if explained else {}),
        "probability": found.probability,
        "layer": found.layer,
        "shape": list(found.values.shape),
        "least": value_range[0],
        "greatest": value_range[1],
        "delta": found.delta,
        "trained": found.weights.trained,
        "device": found.spec.device,
        "stamp": provenance.to_json(),
    }
