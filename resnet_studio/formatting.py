"""How numbers and lists are written wherever the program shows one: three digits, percent, bytes. Needs no torch.

Rounding is half up, and never gives a digit more than was asked for: 99.95 in three digits is 100.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal

PREFIXES = ("", "k", "M", "G", "T", "P", "E")
THREE_DIGITS = Context(prec=3, rounding=ROUND_HALF_UP)
TIMES = ("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)
"""Units of short times, and their seconds."""
DASH = "–"
MINUS = "\N{MINUS SIGN}"


def significant(value: float) -> str:
    """Three significant digits and a real minus: 0.21347 → "0.213", −12345.0 → "−1.23e4", 999.95 → "1e3"."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else f"{MINUS}∞"
    mantissa, _, exponent = f"{abs(value):.3g}".partition("e")
    power = f"e{int(exponent)}".replace("-", MINUS) if exponent else ""
    return f"{MINUS if value < 0 else ''}{mantissa}{power}"


def percent(share: float, digits: int = 3) -> str:
    """A share of 0 … 1 in so many digits, of which all but one may be decimals: 0.743 → "74.3 %", 0.0278 → "2.78 %".

    What is neither nothing nor everything is not rounded to it: "< 0.01 %", "> 99.9 %".
    """
    if math.isnan(share):
        return DASH
    if not math.isfinite(share):
        return f"{significant(share)} %"
    exact = 100 * Decimal(repr(abs(float(share))))  # numpy's own numbers have another repr
    least = Decimal(1).scaleb(1 - digits)
    if 0 < exact < least:
        return f"< {least} %"
    rounded = _in_digits(exact, digits)
    if exact < 100 <= rounded:
        return f"> {100 - Decimal(1).scaleb(2 - digits)} %"
    return f"{MINUS if share < 0 and rounded else ''}{rounded:,} %"


def about_percent(share: float) -> str:
    """The same in the two digits that a probability or a share of values deserves: 0.743 → "74 %", 0.0278 → "2.8 %"."""
    return percent(share, 2)


def counted(count: int, noun: str) -> str:
    """A number of things: "1 channel", "2,048 channels"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def percentages(parts: Sequence[int], decimals: int = 1) -> list[str]:
    """Each part's percentage of their sum, rounded so that what is written adds up to 100: of three equal parts 33.4 %,
    33.3 % and 33.3 %.

    Those that lose most by being cut off are the ones that are rounded up (Hamilton's method).
    """
    total, whole = sum(parts), 100 * 10**decimals
    if not total:
        return [DASH for _ in parts]
    floors = [whole * part // total for part in parts]
    by_rest = sorted(range(len(parts)), key=lambda at: (-(whole * parts[at] % total), at))
    for at in by_rest[: whole - sum(floors)]:
        floors[at] += 1
    return [f"{100 if floor == whole else Decimal(floor).scaleb(-decimals)} %" for floor in floors]


def memory(value: int) -> str:
    """Bytes in decimal units, three digits: 102228128 → "102 MB", 512 → "512 B"."""
    text = short(value)
    return f"{text}B" if " " in text else f"{text} B"


def about_memory(value: int, rounding: str = ROUND_HALF_UP) -> str:
    """The same in the two digits that an estimate deserves: 102228128 → "100 MB", 3843000000 → "3.8 GB"."""
    digits = Context(prec=2, rounding=rounding).create_decimal(value)
    power = max(0, digits.adjusted() // 3)
    return f"{digits.scaleb(-3 * power):f} {PREFIXES[power]}B"


def short(value: int) -> str:
    """Three significant digits: 25557032 → "25.6 M", 9408 → "9.41 k", 512 → "512"."""
    if abs(value) < 1000:
        return f"{MINUS if value < 0 else ''}{abs(value)}"
    digits = THREE_DIGITS.create_decimal(abs(value))
    power = digits.adjusted() // 3
    return f"{MINUS if value < 0 else ''}{digits.scaleb(-3 * power):f} {PREFIXES[power]}"


def _in_digits(value: Decimal, digits: int) -> Decimal:
    """Rounded to so many digits in all, at most all but one of them decimals; one more before the point is one less
    after it."""
    for decimals in range(digits - 1, -1, -1):
        rounded = value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
        if decimals == 0 or rounded < Decimal(10) ** (digits - decimals):
            return rounded
    return value


def join_names(names: Sequence[str], most: int = 3) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def dimensions(shape: Iterable[int]) -> str:
    """(64, 56, 56) → "64×56×56"."""
    return "×".join(map(str, shape))


def maps_size(shape: tuple[int, ...]) -> str:
    """The shape of a layer's maps in words: (64, 56, 56) → "64 channels, 56×56"."""
    return f"{counted(shape[0], 'channel')}, {dimensions(shape[1:])}"


def short_time(seconds: float) -> str:
    """A measured time, three digits: 0.0821 → "82.1 ms", 8.5e-5 → "85.0 µs", −0.0019 → "−1.90 ms"; a dash if it is
    not finite."""
    if not math.isfinite(seconds):
        return DASH
    unit, scale = next(((unit, scale) for unit, scale in TIMES if abs(seconds) >= 0.9995 * scale), TIMES[-1])
    number = _in_digits(abs(Decimal(repr(float(seconds / scale)))), 3)
    return f"{MINUS if seconds < 0 and number else ''}{number:,} {unit}"


def duration(seconds: float) -> str:
    """75 → "1:15", 3725 → "1:02:05", 200,000 → "2 d 07:33"; a dash if it is not finite."""
    if not math.isfinite(seconds):
        return DASH
    minutes, rest = divmod(round(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours:02}:{minutes:02}"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
