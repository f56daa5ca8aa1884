"""What a preset costs and what is published of it, verified with the plan's closed form. Needs no torch."""

from __future__ import annotations

from typing import Any

from resnet_studio.analysis.baseline_figures import baseline_figures
from resnet_studio.analysis.published import PublishedFigure, VerifiedFigure, figures_of, holds, network
from resnet_studio.analysis.reasons import reason
from resnet_studio.analysis.table import plan_table
from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.baselines import NAMES


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
