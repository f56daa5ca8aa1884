from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_studio.analysis import units

COUNTS = st.integers(0, 10**17)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (512, "512"),
        (999, "999"),
        (1000, "1.00 k"),
        (7 * 7 * 3 * 64, "9.41 k"),
        (112 * 112 * 64 * 3 * 7 * 7, "118 M"),
        (25_557_032, "25.6 M"),
        (3_857_973_248, "3.86 G"),
        (999_499, "999 k"),
        (999_500, "1.00 M"),
        (9_995, "10.0 k"),
        (1_234_567_890_123, "1.23 T"),
        (-2_344_960, "−2.34 M"),
        (-12, "−12"),
    ],
)
def test_three_significant_digits(value, shown):
    assert units.short(value) == shown


@given(COUNTS)
def test_a_short_number_is_within_half_of_its_last_digit(value):
    digits, _, prefix = units.short(value).partition(" ")
    scale = 1000 ** units.PREFIXES.index(prefix)
    if scale == 1:
        assert int(digits) == value
        return
    assert len(digits.replace(".", "")) == 3
    last = Decimal(1).scaleb(Decimal(digits).as_tuple().exponent)
    assert abs(Decimal(digits) - Decimal(value) / scale) <= last / 2


@given(COUNTS)
def test_an_exact_number_keeps_every_digit(value):
    assert int(units.exact(value).replace(",", "")) == value


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0 B"), (999, "999 B"), (4 * 25_557_032, "102 MB"), (4 * 1000, "4.00 kB")]
)
def test_memory_is_decimal_bytes(value, shown):
    assert units.memory(value) == shown


def test_an_operation_is_half_a_multiply_add():
    assert units.in_unit(4_089_184_256, "flops") == 4_089_184_256
    assert units.in_unit(4_089_184_256, "operations") == 8_178_368_512


@pytest.mark.parametrize(
    ("value", "scale", "shown"),
    [
        (3_857_973_248, 10**9, "3.858 G"),
        (269_722, 10**6, "0.270 M"),
        (-231_211_008, 10**9, "−0.231 G"),
        (-1, 10**9, "0.000 G"),
    ],
)
def test_one_given_unit(value, scale, shown):
    assert units.scaled(value, scale) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(231_211_008, "+0.231 G"), (-822_083_584, "−0.822 G"), (100_352, "+100 k"), (0, "0")]
)
def test_a_difference_has_the_unit_of_what_it_belongs_to_where_that_shows_it(value, shown):
    assert units.delta_scaled(value, 10**9) == shown


def test_differences_have_their_sign():
    assert units.delta(231_211_008) == "+231 M"
    assert units.delta(-5) == "−5"
    assert units.delta(0) == "0"
    assert units.signed(1234) == "+1,234"
    assert units.signed(-1234) == "−1,234"


def test_shares_and_per_cent():
    assert units.share(1, 4) == "25.0 %"
    assert units.share(1, 0) == "–"
    assert units.delta_share(106, 100) == "+6.0 %"
    assert units.delta_share(859, 1000) == "−14.1 %"
    assert units.delta_share(100_001, 100_000) == "0.0 %"
    assert units.delta_share(5, 0) == "–"


@pytest.mark.parametrize(
    ("value", "reference", "shown"),
    [
        (572, 100, "+472 %"),
        (109_949, 10_000, "+999 %"),
        (1100, 100, "×11.0"),
        (12_804_330, 1_000, "×12,804"),
        (6_553_700_000_000, 1_000, "×6.55·10⁹"),
        (1, 12_804, "÷12,804"),
        (0, 12_804, "−100 %"),
        (9, 100, "−91.0 %"),
    ],
)
def test_large_differences_are_short(value, reference, shown):
    assert units.delta_share(value, reference) == shown


@given(st.integers(0, 10**18), st.integers(1, 10**18))
def test_no_relation_of_two_numbers_needs_more_than_ten_characters(value, reference):
    assert len(units.delta_share(value, reference)) <= 10
