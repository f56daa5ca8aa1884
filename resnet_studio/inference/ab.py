"""Comparing two forward passes side by side: how side B differs from side A, and how their maps differ.

Needs no torch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from msgspec import Meta

from resnet_studio.inference.feature_maps import Values
from resnet_studio.inference.values import (
    ForwardResult,
    ForwardSpec,
    LayerMaps,
    PublishedWeights,
    RandomWeights,
    WeightsSource,
)
from resnet_studio.inference.weights.bundled import bundled_weights
from resnet_studio.inference.weights.published import published_for
from resnet_studio.inference.weights.sources import WEIGHTS
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.layer_matching import matching_layer
from resnet_studio.networks.parsing import ARCHITECTURE


@dataclass(frozen=True, slots=True)
class SideBOverrides:
    """What side B has of its own; a field that is None is taken from side A."""

    architecture: Annotated[Architecture, ARCHITECTURE] | None = None
    weights: Annotated[WeightsSource, WEIGHTS] | None = None
    image: Annotated[str, Meta(min_length=1)] | None = None


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
        return self.a.maps(self.layer), self.b.maps(self.b_layer)


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
