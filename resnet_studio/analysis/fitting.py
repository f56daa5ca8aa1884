"""The widest network of its kind that a budget allows. Needs no torch."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

from resnet_studio.analysis.budget import Budget, SecondsOf
from resnet_studio.analysis.roundings import Rounding, rounding
from resnet_studio.networks.architecture import LIMITS, Architecture, ArchitectureError, Residual


@dataclass(frozen=True, slots=True)
class Fit:
    """Stands for the largest width within the budget that is a multiple of this."""

    multiple: int = 8

    def __str__(self) -> str:
        return f"fit:{self.multiple}"


def fit_width_steps(
    architecture: Architecture, budget: Budget, multiple: int, seconds_of: SecondsOf | None = None
) -> Generator[None, None, tuple[Residual, tuple[Rounding, ...]]]:
    """The architecture with the largest width within the budget, and what was rounded. It yields between widths.

    Costs are taken to grow with the width. The formula's width is where the straight line between the last width
    within the budget and the next meets it. `ArchitectureError` if no multiple is within the budget.
    """
    if not isinstance(architecture, Residual):
        raise ArchitectureError("width", "only residual networks have a width")
    low, high = 0, LIMITS["width"][1] + 1
    parts = {low: 0.0, high: float("inf")}
    """How much of the budget the widths take that were tried."""
    while high - low > 1:
        middle = (low + high) // 2
        parts[middle] = _part(architecture, middle, budget, seconds_of)
        low, high = (middle, high) if parts[middle] <= 1 else (low, middle)
        yield
    built = low // multiple * multiple
    if built < 1:
        raise ArchitectureError("width", f"no multiple of {multiple} is within the budget")
    made, formula = replace(architecture, width=built), low + (1 - parts[low]) / (parts[high] - parts[low])
    if formula == built:
        return made, ()
    rule = f"down to a multiple of {multiple}" if multiple > 1 else "down to whole channels"
    return made, (rounding("width", formula, rule, built, lambda width: replace(architecture, width=width)),)


def _part(architecture: Residual, width: int, budget: Budget, seconds_of: SecondsOf | None) -> float:
    """How much of the budget the network takes at that width, of the cost that takes most of it.

    A width that is too large for any network takes all of it, and one that is too small nothing.
    """
    try:
        figures = budget.figures(replace(architecture, width=width), seconds_of)
    except ArchitectureError as error:
        return 0.0 if "at least" in error.reason else float("inf")
    return max(budget.part(figures, cost) for cost in budget.limited)
