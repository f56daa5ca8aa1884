"""One channel large: the value under the mouse, its histogram, and how values are written."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QSlider, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.formatting import significant
from resnet_studio.gui.activations.channel_view import ChannelView, summary
from resnet_studio.gui.common.histogram import BINS, count
from resnet_studio.inference.feature_maps import MapStyle, Place, colour, spread

ROWS, COLUMNS = 4, 8
VALUES = np.arange(ROWS * COLUMNS, dtype=np.float32).reshape(ROWS, COLUMNS)


@pytest.fixture
def channel(qtbot: QtBot) -> ChannelView:
    view = ChannelView()
    qtbot.addWidget(view)
    view.resize(240, 400)
    view.show_channel(17, VALUES, colour(spread(VALUES[None], MapStyle("channel"))[0], "viridis"))
    view.show()
    QApplication.processEvents()
    return view


def text(view: ChannelView, name: str) -> str:
    return view.findChild(QLabel, name).text().replace("\N{NO-BREAK SPACE}", " ")


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
    assert text(channel, "channelReadout") == "mean 15.5 · 3.1 % zeros"  # one of 32 values


def test_values_that_are_no_numbers(qtbot: QtBot, channel: ChannelView) -> None:
    values = np.array([[np.nan, np.inf], [1, 3]], np.float32)
    channel.show_channel(0, values, colour(spread(values[None], MapStyle("channel"))[0], "viridis"))
    assert text(channel, "channelReadout") == "mean 2 · 0.0 % zeros"
    channel.grab()
    nothing = np.full((2, 2), np.nan, np.float32)
    channel.show_channel(0, nothing, colour(spread(nothing[None], MapStyle("channel"))[0], "viridis"))
    assert text(channel, "channelReadout") == "mean NaN · 0.0 % zeros"
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


def middle(view: ChannelView, row: int, column: int) -> QColor:
    """The colour in the middle of a value's place."""
    shown = view.findChild(QWidget, "channelMap")
    side = shown.width() / COLUMNS
    return shown.grab().toImage().pixelColor(int((column + 0.5) * side), int((row + 0.5) * side))


def test_the_map_lies_over_the_input_as_strongly_as_wished(channel: ChannelView) -> None:
    seen, even = (40, 200, 90), np.full((ROWS, COLUMNS), 3, np.float32)
    pixels = np.full((ROWS, COLUMNS, 3), (200, 40, 10), np.uint8)
    channel.show_channel(17, even, pixels)
    channel.show_seen(np.full((ROWS, COLUMNS, 3), seen, np.uint8))
    slider = channel.findChild(QSlider, "overlay")
    assert slider.value() == 0
    assert middle(channel, 1, 1) == QColor(200, 40, 10)
    for percent in (25, 50, 100):
        slider.setValue(percent)
        share = percent / 100
        wanted = [round((1 - share) * high + share * low) for high, low in zip((200, 40, 10), seen, strict=True)]
        found = middle(channel, 1, 1)
        assert (found.red(), found.green(), found.blue()) == pytest.approx(wanted, abs=2)
        assert text(channel, "overlayValue") == f"{percent} %"
    QTest.mouseDClick(slider, Qt.MouseButton.LeftButton)
    assert middle(channel, 1, 1) == QColor(200, 40, 10)


def test_what_is_hovered_and_pinned_is_told(qtbot: QtBot, channel: ChannelView) -> None:
    hovered: list[Place | None] = []
    pinned: list[int] = []
    channel.hovered.connect(hovered.append)
    channel.pin_wished.connect(pinned.append)
    shown = channel.findChild(QWidget, "channelMap")
    side = shown.width() / COLUMNS
    QTest.mouseMove(shown, QPoint(int(5.5 * side), int(2.5 * side)))
    QTest.mouseMove(shown, QPoint(4, shown.height() - 4))
    assert hovered == [Place(17, 2, 5), None]
    button = channel.findChild(QPushButton, "pinChannel")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert pinned == [17]
    channel.show_pinned(pinned=True)
    assert (button.text(), button.accessibleName()) == ("Unpin", "Unpin channel")


def test_without_a_channel_there_is_nothing_to_handle(qtbot: QtBot) -> None:
    view = ChannelView()
    qtbot.addWidget(view)
    view.show()
    assert not [one for one in (*view.findChildren(QPushButton), *view.findChildren(QSlider)) if one.isVisible()]


@pytest.mark.parametrize(("size", "beside"), [((300, 260), True), ((300, 500), False), ((220, 300), False)])
def test_nothing_is_cut_in_a_low_column(qtbot: QtBot, size: tuple[int, int], beside: bool) -> None:
    view = ChannelView()
    qtbot.addWidget(view)
    view.resize(*size)
    view.show()
    QApplication.processEvents()
    values = np.arange(64, dtype=np.float32).reshape(8, 8)
    view.show_channel(3, values, colour(spread(values[None], MapStyle("channel"))[0], "viridis"))
    view.resize(size[0], max(size[1], view.minimumSizeHint().height()))
    QApplication.processEvents()
    names = ("channelMap", "channelReadout", "channelHistogram")
    shown, readout, histogram = (view.findChild(QWidget, name) for name in names)
    assert shown.height() >= 160
    corners = [part.mapTo(view, QPoint(part.width(), part.height())) for part in (shown, readout, histogram)]
    assert all(corner.x() <= view.width() and corner.y() <= view.height() for corner in corners)
    assert readout.height() >= readout.sizeHint().height()
    assert histogram.height() == histogram.sizeHint().height()
    assert (histogram.mapTo(view, QPoint(0, 0)).x() >= shown.width()) is beside
