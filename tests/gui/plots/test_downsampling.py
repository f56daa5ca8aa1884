"""Downsampling to screen columns keeps every extreme value."""

from __future__ import annotations

import numpy as np
import pytest

from resnet_studio.formatting import duration
from resnet_studio.gui.plots.axis import log_ticks, round_up
from resnet_studio.gui.plots.downsampling import extremes, means, within
from resnet_studio.training.runs.curves import Curve

X = np.arange(1.0, 10_001.0)


def test_a_single_spike_is_kept_at_any_width() -> None:
    y = np.zeros(10_000)
    y[[17, 5_000, 9_998]] = 3.0, -4.0, 5.0
    for columns in (20, 333, 1200):
        reduced = extremes(Curve(X, y), 0, 10_000, columns)
        assert len(reduced.x) <= 2 * (columns + 3)
        assert sorted(set(reduced.y.tolist())) == [-4.0, 0.0, 3.0, 5.0]
        assert reduced.x[np.argmax(reduced.y)] == pytest.approx(9_999, abs=10_000 / columns)


def test_few_points_are_kept() -> None:
    curve = Curve(X[:50], X[:50] ** 2)
    assert extremes(curve, 0, 50, 400).y.tolist() == curve.y.tolist()


def test_zooming_keeps_one_point_beyond_each_edge() -> None:
    curve = within(Curve(X, X), 100.5, 102.5)
    assert curve.x.tolist() == [100, 101, 102, 103]
    assert within(Curve(X, X), -5, 1.5).x.tolist() == [1, 2]
    assert len(within(Curve(X[:0], X[:0]), 0, 1).x) == 0


def test_nan_leaves_a_gap_and_hides_no_neighbor() -> None:
    y = np.sin(X)
    y[3_000:4_000] = np.nan
    y[10] = np.nan
    reduced = extremes(Curve(X, y), 0, 10_000, 100)
    missing = np.isnan(reduced.y)
    assert 3_000 < reduced.x[missing].min() <= reduced.x[missing].max() <= 4_000
    assert np.isfinite(reduced.y[:2]).all()


def test_means_of_a_line_lie_on_it() -> None:
    reduced = means(Curve(X, 3 * X + 1), 0, 10_000, 100)
    assert 100 <= len(reduced.x) <= 102
    np.testing.assert_allclose(reduced.y, 3 * reduced.x + 1)


def test_columns_stay_in_place_while_the_view_moves() -> None:
    y = np.cos(X * 1.3)
    here, there = (extremes(Curve(X, y), low, low + 5_000, 100) for low in (1_000, 1_050))
    shared = set(zip(here.x.tolist(), here.y.tolist(), strict=True)) & set(
        zip(there.x.tolist(), there.y.tolist(), strict=True)
    )
    assert len(shared) >= 2 * 95


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (75, "1:15"), (59.6, "1:00"), (3725, "1:02:05"), (200_000, "2 d 07:33"), (float("nan"), "–")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_ticks_are_round_and_spaced() -> None:
    assert [round_up(value) for value in (0.13, 0.2, 1.0, 3.1, 7.0)] == pytest.approx([0.2, 0.2, 1.0, 5.0, 10.0])
    for low, high, size in ((-4.0, 1.0, 200.0), (-1.6, 0.8, 300.0), (-0.2, 0.3, 300.0), (-300.0, 0.0, 100.0)):
        ticks = log_ticks(low, high, size)
        assert ticks
        assert all(low <= tick <= high for tick in ticks)
        assert np.diff(ticks).min(initial=high - low) * size / (high - low) >= 14
