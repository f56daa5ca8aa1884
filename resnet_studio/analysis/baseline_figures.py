"""What torchvision's metadata say of the baselines, as published figures. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from resnet_studio.analysis.published import PublishedFigure
from resnet_studio.networks import baselines
from resnet_studio.networks.baselines import PublishedCost

SOURCE = "torchvision, metadata of its weights (_ops, num_params)"
MULTIPLY_ADDS = "multiply-adds of convolutions, linear layers, and attention's matrix products"


def baseline_figures(names: Iterable[str]) -> tuple[PublishedFigure, ...]:
    """FLOPs and parameters of each network, at every image size that torchvision has weights for."""
    return tuple(figure for name in names for cost in baselines.info(name).published for figure in _figures(name, cost))


def _figures(name: str, cost: PublishedCost) -> Iterator[PublishedFigure]:
    subject = name if cost.image == baselines.info(name).image else f"{name} image={cost.image}"
    yield PublishedFigure(subject, subject, "macs", cost.giga_macs, 10**9, MULTIPLY_ADDS, SOURCE)
    yield PublishedFigure(subject, subject, "parameters", str(cost.parameters), 1, "parameters", SOURCE)
