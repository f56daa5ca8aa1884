"""Where feature maps, networks, and tables come from, for every file that is made of them. Needs no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from resnet_studio.files import display_name
from resnet_studio.inference.feature_maps import MapStyle
from resnet_studio.inference.transforms import IDENTITY, ImageTransforms, transforms_to_dict
from resnet_studio.inference.values import ForwardResult, Preprocessing, class_title, image_title
from resnet_studio.networks.architecture import Architecture, to_json
from resnet_studio.networks.arguments import network_options
from resnet_studio.networks.image_size import image_text
from resnet_studio.networks.own_module import OwnModule
from resnet_studio.networks.presets import title

KEY = "resnet-studio"
"""The key of the provenance in a file: the keyword of a PNG's text, the id of an SVG's metadata."""
LIBRARIES = (KEY, "torch", "torchvision", "numpy")
HASH_DIGITS = 12
"""Digits of a hash in a caption."""


def versions() -> dict[str, str]:
    """Versions of the program and of the libraries that its numbers depend on, without importing them."""
    return {library: _version(library) for library in LIBRARIES}


_version = cache(version)
"""Read from the disk once."""


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
    """All that is needed to make the same file again: image, transforms, network, weights, layers, style, device."""

    architecture: Architecture
    weights: str
    """"random, seed 0", a file's name, or a run and its step."""
    trained: bool
    image: str
    """The file's name without its folder."""
    layers: tuple[str, ...]
    style: MapStyle
    device: str = "cpu"
    weights_sha256: str = ""
    image_sha256: str = ""
    transforms: ImageTransforms = IDENTITY
    preprocessing: Preprocessing | None = None
    """None for a run's snapshots, whose recipe has it."""
    reference: str = ""
    """The image that the channels were compared with, where they are sorted by difference."""
    channel: int | None = None
    """The channel that is drawn, if not all."""
    scale: int = 1
    """Image pixels per value, along each axis."""
    explained: Explained | None = None
    """For an attribution instead of feature maps."""
    versions: dict[str, str] = field(default_factory=versions, hash=False)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        preprocessing = None if self.preprocessing is None else _preprocessing_json(self.preprocessing)
        return {
            "architecture": {"title": title(self.architecture), **to_json(self.architecture)},
            "weights": {"source": self.weights, "sha256": self.weights_sha256, "trained": self.trained},
            "image": {"name": self.image, "sha256": self.image_sha256, "handles": transforms_to_dict(self.transforms)},
            "preprocessing": preprocessing,
            "layers": list(self.layers),
            "drawing": {
                **asdict(self.style), "reference": self.reference, "channel": self.channel, "scale": self.scale,
            },
            "explained": None if self.explained is None else asdict(self.explained),
            "device": self.device,
            "versions": self.versions,
        }  # fmt: skip

    def caption(self) -> tuple[str, ...]:
        """The same as a few readable lines: image, network, input, style, versions."""
        trained = "" if self.trained else "untrained"
        weights = _join(title(self.architecture), f"weights: {self.weights}", trained, _hash_text(self.weights_sha256))
        transforms = ", ".join(_transform_text(*item) for item in transforms_to_dict(self.transforms).items())
        return (
            _join(f"image: {self.image}", transforms, _hash_text(self.image_sha256)),
            f"network: {weights}",
            *(() if self.preprocessing is None else (_preprocessing_line(self.preprocessing),)),
            *(() if self.explained is None else (self._attribution_line(),)),
            f"style: {self._style_line()}",
            f"made with {_versions_text(self.versions)} on {self.device}",
        )

    def _attribution_line(self) -> str:
        assert self.explained is not None
        at = f" at {', '.join(self.layers)}" if self.layers else ""
        return f"attribution: {self.explained.title} for {class_title(self.explained.label, self.explained.target)}{at}"

    def _style_line(self) -> str:
        style = self.style
        contrast = "fixed from {:g} to {:g}".format(*style.limits or (0, 1))
        if style.contrast != "fixed":
            contrast = f"per-{style.contrast} range"
        order = "" if style.sort == "index" else f"sorted by {style.sort}"
        reference = f"from {self.reference}" if self.reference else ""
        scale = "" if self.scale == 1 else f"upscaled {self.scale}×"
        return _join(style.colours, contrast, f"{order} {reference}".strip(), scale)


@dataclass(frozen=True, slots=True)
class NetworkProvenance:
    """What an exported network or table was made from."""

    architectures: tuple[Architecture, ...]
    weights: str = ""
    """Where the weights in the file come from; empty for a file without weights."""
    trained: bool = False
    weights_sha256: str = ""
    versions: dict[str, str] = field(default_factory=versions, hash=False)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; "weights" is null for a file without weights."""
        weights = {"source": self.weights, "sha256": self.weights_sha256, "trained": self.trained}
        return {
            "architectures": [{"title": title(one), **to_json(one)} for one in self.architectures],
            "weights": weights if self.weights else None,
            "versions": self.versions,
        }

    def caption(self) -> tuple[str, ...]:
        """The same as a few readable lines: networks, weights, versions."""
        trained = "" if self.trained else "untrained"
        weights = _join(f"weights: {self.weights}", trained, _hash_text(self.weights_sha256))
        return (
            *map(_network_line, self.architectures),
            *((weights,) if self.weights else ()),
            f"made with {_versions_text(self.versions)}",
        )


def _network_line(architecture: Architecture) -> str:
    """What a network is called, and the command that exports it; those of Python files are not exported."""
    line = f"network: {title(architecture)}"
    if isinstance(architecture, OwnModule):
        return line
    return f"{line} (resnet-studio export {network_options(architecture)})"


def made_with() -> str:
    """The line of a stamp that names the program and the libraries that its numbers depend on."""
    return f"made with {_versions_text(versions())}"


def provenance_of(
    result: ForwardResult, layers: tuple[str, ...], style: MapStyle, *,
    reference: str = "", channel: int | None = None, scale: int = 1,
) -> Provenance:  # fmt: skip
    """The provenance of some layers of a forward pass. `reference` is an image's reference, as in `ForwardSpec`."""
    return Provenance(
        architecture=result.spec.architecture,
        weights=result.weights.source,
        trained=result.weights.trained,
        image=image_name(result.spec.image),
        layers=layers,
        style=style,
        device=result.spec.device,
        weights_sha256=result.weights.sha256,
        image_sha256=result.image_sha256,
        transforms=result.spec.transforms,
        preprocessing=result.weights.preprocessing,
        reference=image_name(reference) if reference else "",
        channel=channel,
        scale=scale,
    )


def image_name(reference: str) -> str:
    """An image's name in a file, in characters that any file can hold."""
    return display_name(Path(image_title(reference)))


def _preprocessing_json(preprocessing: Preprocessing) -> dict[str, Any]:
    """Plain JSON values; the mean image only as a hash, as the weights file has it."""
    image = preprocessing.mean_image
    return {**asdict(preprocessing), "mean_image": hashlib.sha256(image).hexdigest() if image else ""}


def _preprocessing_line(preprocessing: Preprocessing) -> str:
    mean, std = (" ".join(f"{value:g}" for value in values) for values in (preprocessing.mean, preprocessing.std))
    resize, crop = image_text(preprocessing.resize), image_text(preprocessing.crop)
    square = isinstance(preprocessing.crop, int)
    size = f"{'shorter side resized to' if square else 'resized to cover'} {resize}, center crop {crop}"
    if preprocessing.middle:
        size = f"center {'square' if square else 'part'} resized to {crop}"
    return f"input: {size}, minus {'the mean image' if preprocessing.mean_image else mean}, divided by {std}"


def _join(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def _versions_text(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def _hash_text(sha256: str) -> str:
    return f"SHA-256 {sha256[:HASH_DIGITS]}…" if sha256 else ""


def _transform_text(name: str, value: Any) -> str:
    numbers = (
        "" if value is True else " ".join(f"{number:g}" for number in (value if isinstance(value, list) else [value]))
    )
    return f"{name} {numbers}".strip()
