"""How numbers are shown, on the command line and in the window alike. Needs no torch.

Short forms have three significant digits and a decimal prefix (k = 10³, M = 10⁶, G = 10⁹, T = 10¹²); exact ones
have separators. Minus is −, and what has no value is a dash.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from resnet_studio.formatting import DASH as DASH
from resnet_studio.formatting import MINUS as MINUS
from resnet_studio.formatting import PREFIXES as PREFIXES
from resnet_studio.formatting import THREE_DIGITS
from resnet_studio.formatting import memory as memory
from resnet_studio.formatting import short as short

FlopUnit = Literal["flops", "operations"]
LABELS: dict[FlopUnit, str] = {"flops": "FLOPs (MAC)", "operations": "FLOPs (2 × MAC)"}
NAMES: dict[FlopUnit, str] = {"flops": "FLOPs", "operations": "FLOPs (2 × MAC)"}
"""Behind a number: the paper's own unit needs no explanation."""
MEANINGS: dict[FlopUnit, str] = {"flops": "1 per multiply-add, as in the paper", "operations": "2 per multiply-add"}
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def in_unit(macs: int, unit: FlopUnit) -> int:
    """Multiply-adds as the unit counts them: one multiply-add is one FLOP here, or two operations."""
    return 2 * macs if unit == "operations" else macs


def exact(value: int) -> str:
    """Every digit: 25557032 → "25,557,032"."""
    return signed(value, "")


def scaled(value: int, scale: int, digits: int = 3) -> str:
    """In one given unit with that many decimals: scaled(3857973248, 10**9) → "3.858 G"."""
    prefix = PREFIXES[(len(str(scale)) - 1) // 3]
    number = _rounded(Decimal(abs(value)) / scale, digits)
    return f"{MINUS if value < 0 and number else ''}{number:,} {prefix}".rstrip()


def signed(value: int, plus: str = "+") -> str:
    """Exact with its sign: 1234 → "+1,234", −5 → "−5", 0 → "0"."""
    sign = MINUS if value < 0 else plus if value else ""
    return f"{sign}{abs(value):,}"


def delta(value: int) -> str:
    """A difference, short and with its sign: 231211008 → "+231 M", 0 → "0"."""
    return ("+" if value > 0 else "") + short(value)


def delta_scaled(value: int, scale: int) -> str:
    """A difference in the unit of what it belongs to: "+0.231 G"; in its own where three decimals show too little."""
    if abs(value) * 1000 < scale:
        return delta(value)
    return ("+" if value > 0 else "") + scaled(value, scale)


def share(part: int, whole: int) -> str:
    """A part of a whole with one decimal: "26.1 %"; a dash where there is no whole."""
    return f"{_per_cent(part, whole)} %" if whole else DASH


def delta_share(value: float, reference: float) -> str:
    """How much more or less than the reference, in few characters however far the two are apart.

    Per cent as long as they tell something ("+6.0 %", "+472 %", "−14.1 %"), beyond that the factor ("×12,804",
    "÷6.55·10⁹"); a dash where the reference is 0.
    """
    if not reference:
        return DASH
    whole, part = Decimal(reference), Decimal(value)
    exact = 100 * (part - whole) / whole
    number = _rounded(exact, 1 if abs(exact) < 99.95 else 0)
    if number >= 1000:
        return f"×{_factor(part / whole)}"
    if number == -100 and value:
        return f"÷{_factor(whole / part)}"
    sign = MINUS if number < 0 else "+" if number > 0 else ""
    return f"{sign}{abs(number):,} %"


def _factor(factor: Decimal) -> str:
    """Three digits of a small one, all of one below a million, a power of ten of what is larger."""
    if factor < 1_000_000:
        return f"{_rounded(factor, 1 if factor < 100 else 0):,}"
    digits = THREE_DIGITS.create_decimal(factor)
    power = digits.adjusted()
    return f"{digits.scaleb(-power):f}·10{str(power).translate(SUPERSCRIPTS)}"


def _per_cent(part: int, whole: int) -> Decimal:
    """With one decimal, as long as these are no more than three digits."""
    exact = Decimal(100 * part) / whole
    number = _rounded(exact, 1)
    return number if abs(number) < 100 else _rounded(exact, 0)


def _rounded(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
