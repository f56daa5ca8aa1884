"""What a preset costs and what is published of it, verified with the plan's closed form. Needs no torch."""

from __future__ import annotations

from typing import Any

from resnet_studio.analysis.published import VerifiedFigure, figures_of, holds, network
from resnet_studio.analysis.reasons import reason
from resnet_studio.analysis.table import plan_table
from resnet_studio.networks.architecture import to_json


def planned_figures(name: str) -> list[VerifiedFigure]:
    """Every published figure of a preset, with the plan's number as the measured one."""
    architecture, results = network(name), []
    for figure in figures_of(name):
        measured = figure.counting.total(architecture)
        text = reason(figure, architecture, measured)
        results.append(VerifiedFigure(figure, architecture, measured, holds(figure, measured), text))
    return results


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
