"""How a measured value is shown: three significant digits and a real minus."""

from __future__ import annotations

import math

from resnet_studio.analysis.units import MINUS


def significant(value: float) -> str:
    """0.21347 → "0.213", −12345.0 → "−1.23e4"; what is no number is called so."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else f"{MINUS}∞"
    mantissa, _, exponent = f"{abs(value):.3g}".partition("e")
    power = f"e{int(exponent)}".replace("-", MINUS) if exponent else ""
    return f"{MINUS if value < 0 else ''}{mantissa}{power}"
