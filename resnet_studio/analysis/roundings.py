"""What it costs that a network has whole layers, channels and pixels where a formula gives a fraction.

The cost at a fraction is that on the straight line between the two whole values next to it. Needs no torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from resnet_studio.analysis.layer_sums import totals
from resnet_studio.analysis.units import MINUS
from resnet_studio.networks.architecture import Architecture


@dataclass(frozen=True, slots=True)
class Rounding:
    """One number that a formula gave, and the whole one that was built instead."""

    field: str
    """What was rounded, in words: "width", "blocks of conv2_x"."""
    formula: float
    built: int
    rule: str
    """How it was rounded: "to a multiple of 8"."""
    macs: float
    """Multiply-adds that the built network would have with the formula's number."""
    parameters: float
    built_macs: int
    built_parameters: int

    @property
    def macs_change(self) -> float:
        """What rounding adds to the FLOPs, as a share of those with the formula's number."""
        return self.built_macs / self.macs - 1

    @property
    def parameters_change(self) -> float:
        return self.built_parameters / self.parameters - 1

    @property
    def words(self) -> str:
        """ "width 76.8 → 76 (down to a multiple of 4): −2.1 % FLOPs, −1.9 % parameters"."""
        cost = f"{change(self.macs_change)} FLOPs, {change(self.parameters_change)} parameters"
        return f"{self.field} {shown(self.formula)} → {self.built} ({self.rule}): {cost}"

    def to_json(self) -> dict[str, Any]:
        """The rounding as plain JSON values, the formula's costs beside the built ones."""
        return {
            "field": self.field,
            "formula": self.formula,
            "built": self.built,
            "rule": self.rule,
            "macs": {"formula": round(self.macs), "built": self.built_macs},
            "parameters": {"formula": round(self.parameters), "built": self.built_parameters},
        }


def rounding(
    field: str, formula: float, rule: str, built: int, architecture_with: Callable[[int], Architecture]
) -> Rounding:
    """A rounding of one number, with what it costs; `architecture_with` gives the network with a whole number."""
    below = math.floor(formula)
    low = totals(architecture_with(max(below, 1)))
    high = low if formula == below else totals(architecture_with(below + 1))
    made, part = totals(architecture_with(built)), formula - below
    macs, parameters = (
        getattr(low, of) + part * (getattr(high, of) - getattr(low, of)) for of in ("macs", "parameters")
    )
    return Rounding(field, formula, built, rule, macs, parameters, made.macs, made.parameters)


def change(share: float) -> str:
    """A share with its sign and one decimal: "−2.1 %", "0.0 %"."""
    text = f"{abs(100 * share):,.1f}"
    sign = "" if text == "0.0" else MINUS if share < 0 else "+"
    return f"{sign}{text} %"


def shown(number: float) -> str:
    """A formula's number with at most two decimals: 76.8, 257.6, 4.32."""
    return f"{number:.{2 if number < 100 else 1}f}".rstrip("0").rstrip(".")
