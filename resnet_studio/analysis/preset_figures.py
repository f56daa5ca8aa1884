"""What a preset costs and what is published of it, verified with the plan's closed form. Needs no torch."""

from __future__ import annotations

from typing import Any

from resnet_studio.analysis.baseline_figures import baseline_figure, baseline_figures
from resnet_studio.analysis.published import (  # fmt: skip
    PublishedFigure,
    VerifiedFigure,
    figures_of,
    holds,
    nearest_figure,
    network,
    paper_figure,
)
from resnet_studio.analysis.quantities import QUANTITIES
from resnet_studio.analysis.reasons import reason
from resnet_studio.analysis.table import plan_table
from resnet_studio.networks.architecture import Architecture, to_json
from resnet_studio.networks.baselines import NAMES
from resnet_studio.networks.presets import other_data


def planned_figures(name: str) -> list[VerifiedFigure]:
    """Every published figure of a preset, with the plan's number as the measured one.

    For baselines that `published.tsv` hasn't, torchvision's metadata.
    """
    architecture, results = network(name), []
    for figure in figures_of(name) or _metadata(name):
        measured = figure.counting.total(architecture)
        text = reason(figure, architecture, measured)
        results.append(VerifiedFigure(figure, architecture, measured, holds(figure, measured), text))
    return results


def _metadata(name: str) -> tuple[PublishedFigure, ...]:
    """What torchvision's metadata say of a baseline at its usual image size."""
    names = (name,) if name in NAMES else ()
    return tuple(figure for figure in baseline_figures(names) if figure.subject == name)


def published_comparison(architecture: Architecture) -> tuple[str, bool]:
    """How a network compares with what is published of it or of the paper's network of its depth, and if that matches.

    With other images or classes nothing is claimed, as a number may match by chance.
    """
    figure = paper_figure(architecture) or nearest_figure(architecture) or baseline_figure(architecture)
    if figure is None:
        return "no published value", False
    of = "" if figure.quantity == "macs" else f" {QUANTITIES[figure.quantity]}"
    text = f"{figure.publisher} {figure.text}{of}"
    if data := other_data(architecture, network(figure.about)):
        return text + data, False
    if holds(figure, figure.counting.total(architecture)):
        return f"{text} ✓", True
    return f"{text}: doesn't match, see Verify", False


def preset_json(name: str) -> dict[str, Any]:
    """A preset as plain JSON values; FLOPs are in multiply-adds (`macs`)."""
    architecture = network(name)
    totals = plan_table(architecture).totals
    return {
        "architecture": to_json(architecture),
        "parameters": totals.parameters,
        "macs": totals.macs,
        "published": [result.to_json() for result in planned_figures(name)],
    }
