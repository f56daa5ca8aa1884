"""Comparing two forward passes side by side: how side B differs from side A, and how their maps differ.

Needs no torch.
"""

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
from resnet_studio.inference.weights.bundled import bundled_weights
from resnet_studio.inference.weights.published import ENTRIES, published_for
from resnet_studio.networks.architecture import Architecture, from_json, to_json
from resnet_studio.networks.layer_matching import matching_layer


@dataclass(frozen=True, slots=True)
class SideBOverrides:
    """What side B has of its own; a field that is None is taken from side A."""

    architecture: Architecture | None = None
    weights: WeightsSource | None = None
    image: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ABPair:
    """The results of both sides, and the layers in them that correspond."""

    a: ForwardResult
    b: ForwardResult
    layer: str
    """On side A."""

    @property
    def b_layer(self) -> str | None:
        return matching_layer(self.a.spec.architecture, self.b.spec.architecture, self.layer)

    @property
    def maps(self) -> tuple[LayerMaps | None, LayerMaps | None]:
        return maps_in(self.a, self.layer), maps_in(self.b, self.b_layer)


def maps_in(result: ForwardResult, layer: str | None) -> LayerMaps | None:
    """A layer's maps, if the result has them."""
    return next((maps for maps in result.layers if maps.name == layer), None)


def apply_overrides(spec: ForwardSpec, overrides: SideBOverrides) -> ForwardSpec:
    """The spec of side B: that of side A with the overrides applied."""
    architecture = overrides.architecture or spec.architecture
    weights = overrides.weights or _matching_weights(spec.weights, spec.architecture, architecture)
    return replace(spec, architecture=architecture, weights=weights, image=overrides.image or spec.image)


def overrides_between(a: ForwardSpec, b: ForwardSpec) -> SideBOverrides:
    """The overrides that turn spec `a` into spec `b`; transforms and device are shared."""
    architecture = b.architecture if b.architecture != a.architecture else None
    default_weights = _matching_weights(a.weights, a.architecture, b.architecture)
    return SideBOverrides(
        architecture,
        b.weights if b.weights != default_weights else None,
        b.image if b.image != a.image else None,
    )


def difference(a: Values, b: Values) -> Values | None:
    """A − B value by value, where the shapes are equal."""
    if a.shape != b.shape:
        return None
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf is NaN, and is shown as such
        return a - b


def common_limits(a: Values, b: Values) -> tuple[float, float]:
    """The smallest and the largest finite value of both."""
    limits = [
        end for values in (a, b) if (finite := values[np.isfinite(values)]).size for end in (finite.min(), finite.max())
    ]
    return (float(min(limits)), float(max(limits))) if limits else (0.0, 1.0)


def overrides_to_dict(overrides: SideBOverrides) -> dict[str, Any]:
    """As plain JSON values, without the fields that follow side A."""
    values: dict[str, Any] = {}
    if overrides.architecture:
        values["architecture"] = to_json(overrides.architecture)
    if overrides.weights:
        values["weights"] = _weights_to_dict(overrides.weights)
    if overrides.image:
        values["image"] = overrides.image
    return values


def overrides_from_dict(values: object) -> SideBOverrides:
    """The inverse of `overrides_to_dict`. Invalid entries, as in a session file edited by hand, are ignored."""
    if not isinstance(values, Mapping):
        return SideBOverrides()
    architecture, image = None, values.get("image")
    try:
        architecture = from_json(values["architecture"]) if isinstance(values.get("architecture"), Mapping) else None
    except (ValueError, TypeError):
        architecture = None
    return SideBOverrides(
        architecture, _weights_from_dict(values.get("weights")), image if isinstance(image, str) and image else None
    )


def _weights_to_dict(weights: WeightsSource) -> dict[str, Any]:
    if isinstance(weights, RandomWeights):
        return {"seed": weights.seed}
    if isinstance(weights, PublishedWeights):
        return {"model": weights.model, "name": weights.name}
    return {"path": str(weights.path), "head": weights.head, "prefix": weights.prefix}


def _weights_from_dict(values: object) -> WeightsSource | None:
    match values:
        case {"seed": int(seed)} if 0 <= seed < 1 << 63:
            return RandomWeights(seed)
        case {"model": str(model), "name": str(name)}:
            published = PublishedWeights(model, name)
            return published if published in (entry.weights for entry in ENTRIES) else None
        case {"path": str(path), "head": bool(head), "prefix": str(prefix)} if path:
            return WeightsFile(Path(path), head, prefix)
    return None


def _matching_weights(weights: WeightsSource, original: Architecture, architecture: Architecture) -> WeightsSource:
    """Weights of side A's kind (random, bundled or published) for another network; random ones if there are none."""
    if architecture == original or isinstance(weights, RandomWeights):
        return weights
    if weights == bundled_weights(original):
        return bundled_weights(architecture) or RandomWeights()
    if isinstance(weights, PublishedWeights):
        fitting = published_for(architecture)
        if fitting:
            return next((other for other in fitting if other.name == weights.name), fitting[0])
    return RandomWeights()
