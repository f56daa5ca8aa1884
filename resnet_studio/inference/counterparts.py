"""A network and its plain or residual counterpart, and the layer responses measured in both. Needs no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from resnet_studio.inference.values import ForwardSpec, RandomWeights, WeightsSource
from resnet_studio.inference.weights.bundled import bundled_weights, is_bundled
from resnet_studio.networks.architecture import Architecture, Residual


@dataclass(frozen=True, slots=True)
class Responses:
    """Standard deviations of the layer responses of every block (He et al. 2015, Section 4.2 and Figure 7)."""

    spec: ForwardSpec
    source: str
    """Where the weights come from: "random, seed 0" or the file's name."""
    trained: bool
    blocks: tuple[str, ...]
    residuals: tuple[float, ...]
    """Standard deviation of F(x), what the last layer before the addition gives. NaN if not finite."""
    inputs: tuple[float, ...]
    """Standard deviation of x, the block's input."""

    @property
    def plain(self) -> bool:
        return is_plain(self.spec.architecture)

    @property
    def largest(self) -> float:
        """The largest finite standard deviation; 0 if there is none."""
        return max(filter(math.isfinite, (*self.residuals, *self.inputs)), default=0.0)


@dataclass(frozen=True, slots=True)
class TrainedWeights:
    """Weights that are available for an architecture, with their title in a list."""

    title: str
    weights: WeightsSource


def is_plain(architecture: Architecture) -> bool:
    """Whether a network has no shortcuts."""
    return not isinstance(architecture, Residual) or architecture.shortcut == "none"


def plain_counterpart(architecture: Architecture) -> Residual | None:
    """The plain network of a residual one, or the residual network of a plain one: with the paper's shortcut, A for
    CIFAR and B for ImageNet. None for baselines and for the article's blocks, which have no plain variant."""
    if not isinstance(architecture, Residual) or "none" not in architecture.block.shortcuts:
        return None
    if architecture.shortcut != "none":
        return replace(architecture, shortcut="none")
    return replace(architecture, shortcut="A" if architecture.stem == "cifar" else "B")


def counterpart_weights(spec: ForwardSpec) -> WeightsSource:
    """Weights of the same kind for the counterpart: the same seed, or bundled ones; else random."""
    counterpart = plain_counterpart(spec.architecture)
    if is_bundled(spec.weights) and counterpart is not None:
        return bundled_weights(counterpart) or RandomWeights()
    return spec.weights if isinstance(spec.weights, RandomWeights) else RandomWeights()


def needs_weights_choice(spec: ForwardSpec) -> bool:
    """Whether the user has to choose the counterpart's weights, as the network's come from a file or torchvision."""
    return not isinstance(spec.weights, RandomWeights) and not is_bundled(spec.weights)


def with_counterpart(spec: ForwardSpec, weights: WeightsSource | None = None) -> tuple[ForwardSpec, ...]:
    """The spec and that of its counterpart, if it has one, with these weights or weights of the same kind."""
    counterpart = plain_counterpart(spec.architecture)
    if counterpart is None:
        return (spec,)
    return spec, replace(spec, architecture=counterpart, weights=weights or counterpart_weights(spec))
