"""One channel large: the value under the mouse, its histogram, and how values are written."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.gui.widgets.channel_view import ChannelView, summary
from resnet_studio.gui.widgets.histogram import BINS, count
from resnet_studio.gui.widgets.significant import significant
from resnet_studio.inference.maps import Drawing, colour, spread

ROWS, COLUMNS = 4, 8
VALUES = np.arange(ROWS * COLUMNS, dtype=np.float32).reshape(ROWS, COLUMNS)


@pytest.fixture
def channel(qtbot: QtBot) -> ChannelView:
    view = ChannelView()
    qtbot.addWidget(view)
    view.resize(240, 400)
    view.show_channel(17, VALUES, colour(spread(VALUES[None], Drawing("channel"))[0], "viridis"))
    view.show()
    QApplication.processEvents()
    return view


def text(view: ChannelView, name: str) -> str:
    return view.findChild(QLabel, name).text()


@pytest.mark.parametrize(("row", "column"), [(0, 0), (2, 5), (3, 7)])
def test_value_under_the_mouse(channel: ChannelView, row: int, column: int) -> None:
    shown = channel.findChild(QWidget, "channelMap")
    side = shown.width() / COLUMNS  # wider than high, so the width decides
    QTest.mouseMove(shown, QPoint(int((column + 0.5) * side), int((row + 0.5) * side)))
    assert text(channel, "channelReadout") == f"row {row}, column {column}: {8 * row + column}"


def test_elsewhere_the_whole_channel_is_summed_up(channel: ChannelView) -> None:
    shown = channel.findChild(QWidget, "channelMap")
    QTest.mouseMove(shown, QPoint(4, 4))
    QTest.mouseMove(shown, QPoint(4, shown.height() - 4))
    assert text(channel, "channelTitle") == "channel 17"
    assert text(channel, "channelReadout") == "mean 15.5 · 3 % zeros"  # one of 32 values


def test_values_that_are_no_numbers(qtbot: QtBot, channel: ChannelView) -> None:
    values = np.array([[np.nan, np.inf], [1, 3]], np.float32)
    channel.show_channel(0, values, colour(spread(values[None], Drawing("channel"))[0], "viridis"))
    assert text(channel, "channelReadout") == "mean 2 · 0 % zeros"
    channel.grab()
    nothing = np.full((2, 2), np.nan, np.float32)
    channel.show_channel(0, nothing, colour(spread(nothing[None], Drawing("channel"))[0], "viridis"))
    assert text(channel, "channelReadout") == "mean NaN · 0 % zeros"
    channel.grab()


def test_histogram_counts_every_value_once() -> None:
    counts = count(VALUES, 0.0, 31.0)
    assert len(counts) == BINS
    assert counts.sum() == VALUES.size
    assert counts[0] == counts[-1] == 1
    assert count(np.full(9, 2.5, np.float32), 2.5, 2.5)[0] == 9
    extremes = np.array([-3e38, 3e38], np.float32)
    assert count(extremes, -3e38, 3e38)[[0, -1]].tolist() == [1, 1]


def test_summary_of_nothing() -> None:
    assert summary(np.zeros((0, 0), np.float32)) == ""


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.21347, "0.213"), (-0.5, "−0.5"), (0.0, "0"), (12345.0, "1.23e4"), (-0.00001234, "−1.23e−5"),
     (math.nan, "NaN"), (math.inf, "∞"), (-math.inf, "−∞")],
)  # fmt: skip
def test_three_significant_digits(value: float, written: str) -> None:
    assert significant(value) == written
