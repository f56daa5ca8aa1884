from __future__ import annotations

import math
from decimal import Decimal
from random import Random

import pytest

from resnet_studio.formatting import about_memory, memory, percent, percentages, short, short_time, significant


@pytest.mark.parametrize(
    ("share", "written"),
    [
        (0.743, "74.3 %"), (0.0278, "2.78 %"), (0.0007, "0.07 %"), (0.0, "0.00 %"), (1.0, "100 %"), (0.09994, "9.99 %"),
        (0.09995, "10.0 %"), (0.09996, "10.0 %"), (0.9994, "99.9 %"), (0.99949, "99.9 %"), (0.9995, "> 99.9 %"),
        (0.99999, "> 99.9 %"), (0.00009, "< 0.01 %"), (0.0001, "0.01 %"), (12.804, "1,280 %"), (math.nan, "–"),
        (math.inf, "∞ %"), (5e-324, "< 0.01 %"),
    ],
)  # fmt: skip
def test_percent_has_three_digits(share: float, written: str) -> None:
    assert percent(share) == written


@pytest.mark.parametrize("digits", [2, 3])
def test_no_percentage_has_more_digits_or_claims_nothing_or_all(digits: int) -> None:
    """Of every share that 3,000 images can have, and of many beside the edges."""
    shares = [wrong / 3000 for wrong in range(1, 3000)]
    shares += [edge * (1 + by) for edge in (0.0995, 0.1, 0.995, 0.9995, 0.01) for by in (-1e-6, 0.0, 1e-6, 4e-4)]
    for share in shares:
        written = percent(share, digits)
        number = written.strip("<> %")
        assert len(number.replace(".", "").lstrip("0")) <= digits, (share, written)
        if written[0] in "<>":
            continue
        assert Decimal(number) not in (0, 100)
        decimals = len(number.partition(".")[2])
        assert abs(Decimal(number) / 100 - Decimal(share)) <= Decimal("0.00500001") / 10**decimals


def test_shares_add_up_to_a_hundred() -> None:
    assert percentages([1, 1, 1]) == ["33.4 %", "33.3 %", "33.3 %"]
    assert percentages([5]) == ["100 %"]
    assert percentages([0, 0]) == ["–", "–"]
    random = Random(0)
    for count in range(1, 60):
        parts = [random.randrange(10**9) for _ in range(count)]
        for decimals in (0, 1):
            written = [Decimal(text.removesuffix(" %")) for text in percentages(parts, decimals)]
            assert sum(written) == 100
            for part, number in zip(parts, written, strict=True):
                assert abs(number - Decimal(100 * part) / sum(parts)) < Decimal(1).scaleb(-decimals)


@pytest.mark.parametrize(
    ("value", "written"),
    [(999.5, "1e3"), (999.95, "1e3"), (1000.0, "1e3"), (99.95, "100"), (9.995, "9.99"), (9.996, "10"),
     (-0.0004, "−0.0004"),
     (1234.0, "1.23e3"), (1e-9, "1e−9"), (math.inf, "∞"), (math.nan, "NaN")],
)  # fmt: skip
def test_significant_digits_at_their_edges(value: float, written: str) -> None:
    assert significant(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0 B"), (999, "1.0 kB"), (994, "990 B"), (25_000_000_000, "25 GB"), (3_843_000_000, "3.8 GB"),
     (99_600_000, "100 MB"),
     (995, "1.0 kB"), (104_000_000, "100 MB")],
)  # fmt: skip
def test_an_estimate_of_memory_has_two_digits(value: int, written: str) -> None:
    assert about_memory(value) == written


def test_memory_is_decimal_and_never_of_four_digits() -> None:
    assert memory(2**30) == "1.07 GB"
    for value in (999_499, 999_500, 99_950, 99_949, 9_995, 999_999_999_999):
        assert len(short(value).split()[0].replace(".", "")) == 3


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0821, "82.1 ms"), (0.0051, "5.10 ms"), (8.5e-5, "85.0 µs"), (2.5, "2.50 s"), (1234.5, "1,235 s"),
        (0.99949, "999 ms"), (0.9996, "1.00 s"), (-0.0019, "−1.90 ms"), (0.0, "0.00 µs"), (3e-9, "0.00 µs"),
        (math.inf, "–"), (math.nan, "–"),
    ],
)  # fmt: skip
def test_times_have_three_digits_and_a_unit(seconds: float, text: str) -> None:
    assert short_time(seconds) == text
