"""A network and its twin, residual beside plain, and what is measured of both. Needs no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from resnet_studio.inference.values import ForwardSpec, RandomWeights, WeightsSource
from resnet_studio.inference.weights.bundled import is_shipped, shipped_weights
from resnet_studio.networks.architecture import Architecture, Residual


@dataclass(frozen=True, slots=True)
class Responses:
    """How strong the layer responses of every block are (He et al. 2015, Section 4.2 and Figure 7)."""

    subject: ForwardSpec
    source: str
    """Of the weights: "random, seed 0" or the file's name."""
    trained: bool
    blocks: tuple[str, ...]
    residuals: tuple[float, ...]
    """Standard deviation of F(x): after the last batch norm, before addition and ReLU. NaN where one is no number."""
    inputs: tuple[float, ...]
    """Standard deviation of x, which the block gets."""

    @property
    def plain(self) -> bool:
        return is_plain(self.subject.architecture)

    @property
    def greatest(self) -> float:
        """The greatest deviation that is a number; 0 where none is."""
        return max(filter(math.isfinite, (*self.residuals, *self.inputs)), default=0.0)


@dataclass(frozen=True, slots=True)
class TrainedWeights:
    """Weights that are at hand for an architecture, and what to call them in a list."""

    title: str
    weights: WeightsSource


def is_plain(architecture: Architecture) -> bool:
    """Whether a network has no shortcuts."""
    return not isinstance(architecture, Residual) or architecture.shortcut == "none"


def plain_counterpart(architecture: Architecture) -> Residual | None:
    """The plain network of a residual one, or the residual one of a plain network: with the paper's shortcut, A for
    small images and B for large ones. None for baselines and for the article's blocks, which know no plain one."""
    if not isinstance(architecture, Residual) or architecture.variant == "article":
        return None
    if architecture.shortcut != "none":
        return replace(architecture, shortcut="none")
    return replace(architecture, shortcut="A" if architecture.stem == "cifar" else "B")


def twin_weights(subject: ForwardSpec) -> WeightsSource:
    """The weights of the same kind for the twin: the same seed, or those that come with the program; else random."""
    twin = plain_counterpart(subject.architecture)
    if is_shipped(subject.weights) and twin is not None:
        return shipped_weights(twin) or RandomWeights()
    return subject.weights if isinstance(subject.weights, RandomWeights) else RandomWeights()


def has_choice(subject: ForwardSpec) -> bool:
    """Whether it is not given which weights the twin has: those looked at are a file's that somebody chose."""
    return not isinstance(subject.weights, RandomWeights) and not is_shipped(subject.weights)


def with_twin(subject: ForwardSpec, weights: WeightsSource | None = None) -> tuple[ForwardSpec, ...]:
    """The subject and its twin, if it has one, with these weights or those of the same kind."""
    twin = plain_counterpart(subject.architecture)
    if twin is None:
        return (subject,)
    return subject, replace(subject, architecture=twin, weights=weights or twin_weights(subject))
