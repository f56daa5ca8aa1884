"""Where feature maps come from, in a form that goes into every file that is made of them. Needs no torch."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from resnet_studio.files import shown
from resnet_studio.inference.feature_maps import MapStyle
from resnet_studio.inference.transforms import IDENTITY, ImageTransforms, changed
from resnet_studio.inference.values import ForwardResult, Preprocessing, class_title, image_title
from resnet_studio.networks.architecture import Architecture, to_json
from resnet_studio.networks.presets import title

KEY = "resnet-studio"
"""What the stamp is called in a file: the keyword of a PNG's text, the id of an SVG's metadata."""
LIBRARIES = (KEY, "torch", "torchvision", "numpy")
DIGITS = 12
"""Of a hash that a caption shows."""


def versions() -> dict[str, str]:
    """Of the program and of what its numbers depend on, without importing any of it."""
    return {library: version(library) for library in LIBRARIES}


@dataclass(frozen=True, slots=True)
class Explained:
    """Which class was attributed to the image, and how."""

    method: str
    title: str
    target: int
    """The class."""
    label: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Enough to make the same file again: image, handles, network, weights, layers, drawing, versions and device."""

    architecture: Architecture
    weights: str
    """"random, seed 0", a file's name, or a run and its step."""
    trained: bool
    image: str
    """Its name, without the folder."""
    layers: tuple[str, ...]
    drawing: MapStyle
    device: str = "cpu"
    weights_sha256: str = ""
    image_sha256: str = ""
    handles: ImageTransforms = IDENTITY
    preprocessing: Preprocessing | None = None
    """None where the maps were kept by a run, whose recipe says it."""
    reference: str = ""
    """The image whose maps the channels were compared with, where they lie by their difference."""
    channel: int | None = None
    """The one that was drawn, if not all."""
    scale: int = 1
    """Pixels of the picture along a value."""
    explained: Explained | None = None
    """Where it is no maps that are drawn, but why a class."""
    versions: dict[str, str] = field(default_factory=versions, hash=False)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        preprocessing = None if self.preprocessing is None else _written(self.preprocessing)
        return {
            "architecture": {"title": title(self.architecture), **to_json(self.architecture)},
            "weights": {"source": self.weights, "sha256": self.weights_sha256, "trained": self.trained},
            "image": {"name": self.image, "sha256": self.image_sha256, "handles": changed(self.handles)},
            "preprocessing": preprocessing,
            "layers": list(self.layers),
            "drawing": {
                **asdict(self.drawing), "reference": self.reference, "channel": self.channel, "scale": self.scale,
            },
            "explained": None if self.explained is None else asdict(self.explained),
            "device": self.device,
            "versions": self.versions,
        }  # fmt: skip

    def caption(self) -> tuple[str, ...]:
        """The same in a few lines to read: image, network, drawing, versions."""
        trained = "" if self.trained else "untrained"
        weights = _said(f"{title(self.architecture)} with {self.weights}", trained, _hash(self.weights_sha256))
        hands = ", ".join(_hand(*one) for one in changed(self.handles).items())
        libraries = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        return (
            _said(f"image: {self.image}", hands, _hash(self.image_sha256)),
            f"network: {weights}",
            *(() if self.preprocessing is None else (_prepared(self.preprocessing),)),
            *(() if self.explained is None else (self._why(),)),
            f"drawing: {self._drawn()}",
            f"made with {libraries} on {self.device}",
        )

    def _why(self) -> str:
        assert self.explained is not None
        at = f" at {', '.join(self.layers)}" if self.layers else ""
        return f"explained: {class_title(self.explained.label, self.explained.target)} by {self.explained.title}{at}"

    def _drawn(self) -> str:
        drawing = self.drawing
        scale = "fixed from {:g} to {:g}".format(*drawing.limits or (0, 1))
        if drawing.contrast != "fixed":
            scale = f"each {drawing.contrast}'s own range" if drawing.contrast == "channel" else "the layer's range"
        order = "" if drawing.sort == "index" else f"sorted by {drawing.sort}"
        against = f"to {self.reference}" if self.reference else ""
        times = "" if self.scale == 1 else f"{self.scale} pixels a value"
        return _said(drawing.colours, scale, f"{order} {against}".strip(), times)


def stamp_of(
    look: ForwardResult, layers: tuple[str, ...], drawing: MapStyle, *,
    reference: str = "", channel: int | None = None, scale: int = 1,
) -> Provenance:  # fmt: skip
    """The stamp of what is made of some layers of a look. `reference` is an image as a subject names it."""
    return Provenance(
        architecture=look.subject.architecture,
        weights=look.weights.source,
        trained=look.weights.trained,
        image=name_of(look.subject.image),
        layers=layers,
        drawing=drawing,
        device=look.subject.device,
        weights_sha256=look.weights.sha256,
        image_sha256=look.image_sha256,
        handles=look.subject.handles,
        preprocessing=look.weights.preprocessing,
        reference=name_of(reference) if reference else "",
        channel=channel,
        scale=scale,
    )


def name_of(reference: str) -> str:
    """What an image is called in a file: its own name, in characters that any file can hold."""
    return shown(Path(image_title(reference)))


def _written(preprocessing: Preprocessing) -> dict[str, Any]:
    """As JSON values; of a mean image only the hash, as the weights' file holds it."""
    image = preprocessing.mean_image
    return {**asdict(preprocessing), "mean_image": hashlib.sha256(image).hexdigest() if image else ""}


def _prepared(preprocessing: Preprocessing) -> str:
    mean, std = (" ".join(f"{value:g}" for value in values) for values in (preprocessing.mean, preprocessing.std))
    size = f"shorter side to {preprocessing.resize}, centre {preprocessing.crop}"
    if preprocessing.middle:
        size = f"the middle square to {preprocessing.crop}"
    return f"input: {size}, minus {'the mean image' if preprocessing.mean_image else mean}, divided by {std}"


def _said(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def _hash(sha256: str) -> str:
    return f"SHA-256 {sha256[:DIGITS]}…" if sha256 else ""


def _hand(name: str, value: Any) -> str:
    numbers = "" if value is True else " ".join(f"{one:g}" for one in (value if isinstance(value, list) else [value]))
    return f"{name} {numbers}".strip()
