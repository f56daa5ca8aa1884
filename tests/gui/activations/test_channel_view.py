"""One channel large: the value under the mouse, its histogram, and how values are formatted."""

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
from resnet_studio.gui.activations.channel_view import ChannelView, channel_summary
from resnet_studio.gui.common.histogram import BINS, bin_counts
from resnet_studio.inference.feature_maps import MapStyle, Place, apply_colormap, to_indices

ROWS, COLUMNS = 4, 8
VALUES = np.arange(ROWS * COLUMNS, dtype=np.float32).reshape(ROWS, COLUMNS)


@pytest.fixture
def channel(qtbot: QtBot) -> ChannelView:
    view = ChannelView()
    qtbot.addWidget(view)
    view.resize(240, 400)
    view.show_channel(17, VALUES, apply_colormap(to_indices(VALUES[None], MapStyle("channel"))[0], "viridis"))
    view.show()
    QApplication.processEvents()
    return view


def text(view: ChannelView, name: str) -> str:
    return view.findChild(QLabel, name).text().replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(("row", "column"), [(0, 0), (2, 5), (3, 7)])
def test_value_under_the_mouse(channel: ChannelView, row: int, column: int) -> None:
    map_widget = channel.findChild(QWidget, "channelMap")
    side = map_widget.width() / COLUMNS  # wider than high, so the width decides
    QTest.mouseMove(map_widget, QPoint(int((column + 0.5) * side), int((row + 0.5) * side)))
    assert text(channel, "channelReadout") == f"row {row}, column {column}: {8 * row + column}"


def test_elsewhere_a_summary_of_the_channel_is_shown(channel: ChannelView) -> None:
    map_widget = channel.findChild(QWidget, "channelMap")
    QTest.mouseMove(map_widget, QPoint(4, 4))
    QTest.mouseMove(map_widget, QPoint(4, map_widget.height() - 4))
    assert text(channel, "channelTitle") == "channel 17"
    assert text(channel, "channelReadout") == "mean 15.5 · 3.1 % zeros"  # one of 32 values


def test_nan_and_infinite_values(qtbot: QtBot, channel: ChannelView) -> None:
    values = np.array([[np.nan, np.inf], [1, 3]], np.float32)
    channel.show_channel(0, values, apply_colormap(to_indices(values[None], MapStyle("channel"))[0], "viridis"))
    assert text(channel, "channelReadout") == "mean 2 · 0.0 % zeros"
    channel.grab()
    all_nan = np.full((2, 2), np.nan, np.float32)
    channel.show_channel(0, all_nan, apply_colormap(to_indices(all_nan[None], MapStyle("channel"))[0], "viridis"))
    assert text(channel, "channelReadout") == "mean NaN · 0.0 % zeros"
    channel.grab()


def test_histogram_counts_every_value_once() -> None:
    counts = bin_counts(VALUES, 0.0, 31.0)
    assert len(counts) == BINS
    assert counts.sum() == VALUES.size
    assert counts[0] == counts[-1] == 1
    assert bin_counts(np.full(9, 2.5, np.float32), 2.5, 2.5)[0] == 9
    extremes = np.array([-3e38, 3e38], np.float32)
    assert bin_counts(extremes, -3e38, 3e38)[[0, -1]].tolist() == [1, 1]


def test_summary_of_an_empty_channel() -> None:
    assert channel_summary(np.zeros((0, 0), np.float32)) == ""


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.21347, "0.213"), (-0.5, "−0.5"), (0.0, "0"), (12345.0, "1.23e4"), (-0.00001234, "−1.23e−5"),
     (math.nan, "NaN"), (math.inf, "∞"), (-math.inf, "−∞")],
)  # fmt: skip
def test_three_significant_digits(value: float, expected: str) -> None:
    assert significant(value) == expected


def middle(view: ChannelView, row: int, column: int) -> QColor:
    """The color in the middle of a value's cell."""
    map_widget = view.findChild(QWidget, "channelMap")
    side = map_widget.width() / COLUMNS
    return map_widget.grab().toImage().pixelColor(int((column + 0.5) * side), int((row + 0.5) * side))


def test_the_overlay_blends_the_map_with_the_input(channel: ChannelView) -> None:
    input_color, constant = (40, 200, 90), np.full((ROWS, COLUMNS), 3, np.float32)
    pixels = np.full((ROWS, COLUMNS, 3), (200, 40, 10), np.uint8)
    channel.show_channel(17, constant, pixels)
    channel.show_model_input(np.full((ROWS, COLUMNS, 3), input_color, np.uint8))
    slider = channel.findChild(QSlider, "overlay")
    assert slider.value() == 0
    assert middle(channel, 1, 1) == QColor(200, 40, 10)
    for percent in (25, 50, 100):
        slider.setValue(percent)
        share = percent / 100
        wanted = [round((1 - share) * high + share * low) for high, low in zip((200, 40, 10), input_color, strict=True)]
        found = middle(channel, 1, 1)
        assert (found.red(), found.green(), found.blue()) == pytest.approx(wanted, abs=2)
        assert text(channel, "overlayValue") == f"{percent} %"
    QTest.mouseDClick(slider, Qt.MouseButton.LeftButton)
    assert middle(channel, 1, 1) == QColor(200, 40, 10)


def test_hovering_and_pinning_emit_signals(qtbot: QtBot, channel: ChannelView) -> None:
    hovered: list[Place | None] = []
    pinned: list[int] = []
    channel.hovered.connect(hovered.append)
    channel.pinRequested.connect(pinned.append)
    map_widget = channel.findChild(QWidget, "channelMap")
    side = map_widget.width() / COLUMNS
    QTest.mouseMove(map_widget, QPoint(int(5.5 * side), int(2.5 * side)))
    QTest.mouseMove(map_widget, QPoint(4, map_widget.height() - 4))
    assert hovered == [Place(17, 2, 5), None]
    button = channel.findChild(QPushButton, "pinChannel")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert pinned == [17]
    channel.show_pinned(pinned=True)
    assert (button.text(), button.accessibleName()) == ("Unpin", "Unpin channel")


def test_controls_are_hidden_without_a_channel(qtbot: QtBot) -> None:
    view = ChannelView()
    qtbot.addWidget(view)
    view.show()
    assert not [
        control for control in (*view.findChildren(QPushButton), *view.findChildren(QSlider)) if control.isVisible()
    ]


@pytest.mark.parametrize(("size", "two_columns"), [((300, 260), True), ((300, 500), False), ((220, 300), False)])
def test_nothing_is_cut_in_a_low_column(qtbot: QtBot, size: tuple[int, int], two_columns: bool) -> None:
    view = ChannelView()
    qtbot.addWidget(view)
    view.resize(*size)
    view.show()
    QApplication.processEvents()
    values = np.arange(64, dtype=np.float32).reshape(8, 8)
    view.show_channel(3, values, apply_colormap(to_indices(values[None], MapStyle("channel"))[0], "viridis"))
    view.resize(size[0], max(size[1], view.minimumSizeHint().height()))
    QApplication.processEvents()
    names = ("channelMap", "channelReadout", "channelHistogram")
    map_widget, readout, histogram = (view.findChild(QWidget, name) for name in names)
    assert map_widget.height() >= 160
    corners = [part.mapTo(view, QPoint(part.width(), part.height())) for part in (map_widget, readout, histogram)]
    assert all(corner.x() <= view.width() and corner.y() <= view.height() for corner in corners)
    assert readout.height() >= readout.sizeHint().height()
    assert histogram.height() == histogram.sizeHint().height()
    assert (histogram.mapTo(view, QPoint(0, 0)).x() >= map_widget.width()) is two_columns
