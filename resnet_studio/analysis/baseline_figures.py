"""What torchvision's metadata say of the baselines, as published figures. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from resnet_studio.analysis.published import PublishedFigure, network
from resnet_studio.networks import baselines
from resnet_studio.networks.architecture import Architecture, Baseline
from resnet_studio.networks.baselines import PublishedCost

SOURCE = "torchvision, metadata of its weights (_ops, num_params)"
MULTIPLY_ADDS = "multiply-adds of convolutions, linear layers, and attention's matrix products"


def baseline_figures(names: Iterable[str]) -> tuple[PublishedFigure, ...]:
    """FLOPs and parameters of each network, at every image size that torchvision has weights for."""
    return tuple(figure for name in names for cost in baselines.info(name).published for figure in _figures(name, cost))


def baseline_figure(architecture: Architecture) -> PublishedFigure | None:
    """The FLOPs that torchvision's metadata give for this very network; None if there are none."""
    if not isinstance(architecture, Baseline):
        return None
    subjects = {architecture.name, f"{architecture.name} image={architecture.image}"}
    of_name = (figure for figure in baseline_figures([architecture.name]) if figure.quantity == "macs")
    return next((one for one in of_name if one.subject in subjects and network(one.subject) == architecture), None)


def _figures(name: str, cost: PublishedCost) -> Iterator[PublishedFigure]:
    subject = name if cost.image == baselines.info(name).image else f"{name} image={cost.image}"
    yield PublishedFigure(subject, subject, "macs", cost.giga_macs, 10**9, MULTIPLY_ADDS, SOURCE)
    yield PublishedFigure(subject, subject, "parameters", str(cost.parameters), 1, "parameters", SOURCE)
