"""What the command line draws of an image: feature maps of some layers, or why a class."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from resnet_studio.atomic import write_file
from resnet_studio.export.figure import MapFigure, png, to_json
from resnet_studio.export.provenance import Explained, Provenance, name_of, stamp_of
from resnet_studio.export.writers import write
from resnet_studio.inference import attribution
from resnet_studio.inference.attribution import METHODS, Attribution
from resnet_studio.inference.feature_maps import MapStyle, channel_order, layer_maps
from resnet_studio.inference.values import ForwardResult, ForwardSpec, Pixels
from resnet_studio.progress import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRENGTH = 0.5
"""How strongly an attribution covers the input."""


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """What was asked of one image."""

    sheet: MapFigure
    told: dict[str, Any]
    """As JSON values."""
    found: ForwardResult | Attribution
    picture: Pixels | None = None
    """What a PNG shows where it is not the sheet's maps."""

    def write(self, path: Path) -> None:
        """Write the kind of file that the path's ending asks for."""
        if self.picture is not None and path.suffix.lower() == ".png":
            write_file(path, png(self.picture, self.sheet.stamp))
        else:
            write(path, self.sheet)


@dataclass(frozen=True, slots=True)
class RenderJob:
    """What is to be drawn of each image: its maps, or by a `method` why a class."""

    subject: ForwardSpec
    layers: tuple[str, ...]
    drawing: MapStyle = field(default_factory=MapStyle)
    reference: str = ""
    """The image whose maps the channels' order is a difference to."""
    channel: int | None = None
    scale: int = 1
    method: str = ""
    target: int | None = None
    """The class to explain; without one the most probable."""

    def steps(self, image: str) -> Generator[Progress, None, Rendered]:
        """Do it for an image. Raises what a look and what an attribution raise."""
        subject = replace(self.subject, image=image)
        return (yield from self._why_steps(subject) if self.method else self._maps_steps(subject))

    def _maps_steps(self, subject: ForwardSpec) -> Generator[Progress, None, Rendered]:
        from resnet_studio.inference.compute.forward import forward_steps

        other = None
        if self.reference:
            other = yield from forward_steps(replace(subject, image=self.reference), self.layers)
        look = yield from forward_steps(subject, self.layers)
        stamp = stamp_of(
            look, self.layers, self.drawing, reference=self.reference, channel=self.channel, scale=self.scale
        )
        sheet = MapFigure(look.layers, stamp, None if other is None else self._orders(look, other))
        return Rendered(sheet, to_json(look, stamp), look)

    def _orders(self, look: ForwardResult, other: ForwardResult) -> dict[str, NDArray[np.intp]]:
        return {
            one.name: channel_order(one.values, self.drawing.sort, two.values)
            for one, two in zip(look.layers, other.layers, strict=True)
        }

    def _why_steps(self, subject: ForwardSpec) -> Generator[Progress, None, Rendered]:
        from resnet_studio.inference.compute.attribution import attribution_steps

        layer = self.layers[0] if self.layers else ""
        found = yield from attribution_steps(subject, self.method, layer, self.target)
        stamp = why_stamp(found, self.scale)
        sheet = MapFigure((layer_maps(found.method, found.at_input[None]),), stamp)
        large = overlay(found).repeat(self.scale, axis=0).repeat(self.scale, axis=1)
        return Rendered(sheet, _why_json(found, stamp), found, large)


def overlay(found: Attribution, strength: float = STRENGTH) -> Pixels:
    """The network's input with the attribution laid over it, pixel by pixel of the input."""
    colours = attribution.heat(found.at_input, attribution.drawing(found))
    mixed = (1 - strength) * found.seen.astype(np.float64) + strength * colours
    return np.rint(mixed).astype(np.uint8)


def why_stamp(found: Attribution, scale: int = 1) -> Provenance:
    """Where an attribution comes from."""
    return Provenance(
        architecture=found.subject.architecture,
        weights=found.weights.source,
        trained=found.weights.trained,
        image=name_of(found.subject.image),
        layers=(found.layer,) if found.layer else (),
        drawing=attribution.drawing(found),
        device=found.subject.device,
        weights_sha256=found.weights.sha256,
        image_sha256=found.image_sha256,
        handles=found.subject.handles,
        preprocessing=found.weights.preprocessing,
        explained=Explained(found.method, METHODS[found.method].title, found.target, found.label),
        scale=scale,
    )


def _why_json(found: Attribution, stamp: Provenance) -> dict[str, Any]:
    values = found.values[np.isfinite(found.values)]
    ends = (float(values.min()), float(values.max())) if values.size else (None, None)
    explained = stamp.explained
    return {
        **(asdict(explained) if explained else {}),
        "probability": found.probability,
        "layer": found.layer,
        "shape": list(found.values.shape),
        "least": ends[0],
        "greatest": ends[1],
        "delta": found.delta,
        "trained": found.weights.trained,
        "device": found.subject.device,
        "stamp": stamp.to_json(),
    }
