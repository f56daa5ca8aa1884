"""The widest network of its kind that a budget allows. Needs no torch."""

from __future__ import annotations

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


def fit_width(
    architecture: Architecture, budget: Budget, multiple: int, seconds_of: SecondsOf | None = None
) -> tuple[Residual, tuple[Rounding, ...]]:
    """The architecture with the largest width within the budget, and what was rounded.

    Costs are taken to grow with the width. The formula's width is where the straight line between the last width
    within the budget and the next meets it. `ArchitectureError` if no multiple is within the budget.
    """
    if not isinstance(architecture, Residual):
        raise ArchitectureError("width", "only residual networks have a width")
    largest = _largest_width(architecture, budget, seconds_of)
    built = largest // multiple * multiple
    if built < 1:
        raise ArchitectureError("width", f"no multiple of {multiple} is within the budget")
    made = replace(architecture, width=built)
    formula = _solved_width(architecture, budget, seconds_of, largest)
    if formula == built:
        return made, ()
    rule = f"down to a multiple of {multiple}" if multiple > 1 else "down to whole channels"
    return made, (rounding("width", formula, rule, built, lambda width: replace(architecture, width=width)),)


def _largest_width(architecture: Residual, budget: Budget, seconds_of: SecondsOf | None) -> int:
    """The largest width within the budget; 0 if there is none."""
    low, high = 0, LIMITS["width"][1] + 1
    while high - low > 1:
        middle = (low + high) // 2
        if _part(architecture, middle, budget, seconds_of) <= 1:
            low = middle
        else:
            high = middle
    return low


def _solved_width(architecture: Residual, budget: Budget, seconds_of: SecondsOf | None, largest: int) -> float:
    if largest >= LIMITS["width"][1]:
        return largest
    within, beyond = (_part(architecture, width, budget, seconds_of) for width in (largest, largest + 1))
    return largest + (1 - within) / (beyond - within) if beyond < float("inf") else largest


def _part(architecture: Residual, width: int, budget: Budget, seconds_of: SecondsOf | None) -> float:
    """How much of the budget the network takes at that width, of the cost that takes most of it.

    A width that is too large for any network takes all of it, and one that is too small nothing.
    """
    try:
        figures = budget.figures(replace(architecture, width=width), seconds_of)
    except ArchitectureError as error:
        return 0.0 if "at least" in error.reason else float("inf")
    return max(budget.part(figures, cost) for cost in budget.limited)
