"""Two subjects side by side: what the second has that the first has not, and how their maps differ. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from resnet_studio.inference.feature_maps import Values
from resnet_studio.inference.values import (
    ForwardResult,
    ForwardSpec,
    LayerMaps,
    PublishedWeights,
    RandomWeights,
    WeightsFile,
    WeightsSource,
)
from resnet_studio.inference.weights.bundled import shipped_weights
from resnet_studio.inference.weights.published import ENTRIES, published_for
from resnet_studio.networks.architecture import Architecture, Residual, from_json, to_json
from resnet_studio.networks.layer_matching import counterpart


@dataclass(frozen=True, slots=True)
class SideBOverrides:
    """What the second side has that the first has not; what is None follows the first."""

    architecture: Architecture | None = None
    weights: WeightsSource | None = None
    image: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ABPair:
    """Looks at two subjects that belong together, and the layers in them that correspond."""

    a: ForwardResult
    b: ForwardResult
    layer: str
    """Of the first side."""

    @property
    def counterpart(self) -> str | None:
        return counterpart(self.a.subject.architecture, self.b.subject.architecture, self.layer)

    @property
    def maps(self) -> tuple[LayerMaps | None, LayerMaps | None]:
        return maps_in(self.a, self.layer), maps_in(self.b, self.counterpart)


def maps_in(look: ForwardResult, layer: str | None) -> LayerMaps | None:
    """A layer's maps, if the look holds them."""
    return next((maps for maps in look.layers if maps.name == layer), None)


def apply_overrides(first: ForwardSpec, beside: SideBOverrides) -> ForwardSpec:
    """The second side's subject: the first with what was chosen for the second in its place."""
    architecture = beside.architecture or first.architecture
    weights = beside.weights or _follow(first.weights, first.architecture, architecture)
    return replace(first, architecture=architecture, weights=weights, image=beside.image or first.image)


def overrides_between(first: ForwardSpec, other: ForwardSpec) -> SideBOverrides:
    """What has to be chosen for a second side so that it is the other subject; handles and device are shared."""
    architecture = other.architecture if other.architecture != first.architecture else None
    followed = _follow(first.weights, first.architecture, other.architecture)
    return SideBOverrides(
        architecture,
        other.weights if other.weights != followed else None,
        other.image if other.image != first.image else None,
    )


def twin(architecture: Architecture) -> Residual | None:
    """The same network without its shortcuts, or with them if it has none; None where there is no such network."""
    if not isinstance(architecture, Residual) or architecture.variant == "article":
        return None
    if architecture.shortcut != "none":
        return replace(architecture, shortcut="none")
    return replace(architecture, shortcut="A" if architecture.stem == "cifar" else "B")


def difference(a: Values, b: Values) -> Values | None:
    """A − B value by value, where the shapes are equal."""
    if a.shape != b.shape:
        return None
    with np.errstate(invalid="ignore", over="ignore"):  # infinite less infinite is not a number, and is shown as that
        return a - b


def common_limits(a: Values, b: Values) -> tuple[float, float]:
    """The lowest and the highest finite value of both."""
    ends = [
        end for values in (a, b) if (finite := values[np.isfinite(values)]).size for end in (finite.min(), finite.max())
    ]
    return (float(min(ends)), float(max(ends))) if ends else (0.0, 1.0)


def to_values(beside: SideBOverrides) -> dict[str, Any]:
    """As plain JSON values; what follows the first side is left out."""
    values: dict[str, Any] = {}
    if beside.architecture:
        values["architecture"] = to_json(beside.architecture)
    if beside.weights:
        values["weights"] = _weights_values(beside.weights)
    if beside.image:
        values["image"] = beside.image
    return values


def from_values(values: object) -> SideBOverrides:
    """The inverse of `to_values`. What is no such thing, as in a session that was edited by hand, is left out."""
    if not isinstance(values, Mapping):
        return SideBOverrides()
    architecture, image = None, values.get("image")
    try:
        architecture = from_json(values["architecture"]) if isinstance(values.get("architecture"), Mapping) else None
    except (ValueError, TypeError):
        architecture = None
    return SideBOverrides(
        architecture, _weights(values.get("weights")), image if isinstance(image, str) and image else None
    )


def _weights_values(weights: WeightsSource) -> dict[str, Any]:
    if isinstance(weights, RandomWeights):
        return {"seed": weights.seed}
    if isinstance(weights, PublishedWeights):
        return {"model": weights.model, "name": weights.name}
    return {"path": str(weights.path), "head": weights.head, "prefix": weights.prefix}


def _weights(values: object) -> WeightsSource | None:
    match values:
        case {"seed": int(seed)} if 0 <= seed < 1 << 63:
            return RandomWeights(seed)
        case {"model": str(model), "name": str(name)}:
            named_so = PublishedWeights(model, name)
            return named_so if named_so in (entry.weights for entry in ENTRIES) else None
        case {"path": str(path), "head": bool(head), "prefix": str(prefix)} if path:
            return WeightsFile(Path(path), head, prefix)
    return None


def _follow(weights: WeightsSource, of: Architecture, architecture: Architecture) -> WeightsSource:
    """The first side's weights for the second's network: those of a kind with them, or random ones."""
    if architecture == of or isinstance(weights, RandomWeights):
        return weights
    if weights == shipped_weights(of):
        return shipped_weights(architecture) or RandomWeights()
    if isinstance(weights, PublishedWeights):
        fitting = published_for(architecture)
        if fitting:
            return next((one for one in fitting if one.name == weights.name), fitting[0])
    return RandomWeights()
