"""The Statistics tab with mouse and keys, and what is accumulated over several results."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QPushButton, QTableView, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.statistics.channel_table import ChannelColumn, ChannelModel
from resnet_studio.gui.activations.statistics.view import NO_IMAGE, StatisticsView, verdict
from resnet_studio.gui.common.histogram import BINS, Histogram
from resnet_studio.inference.channel_statistics import LayerStatistics, SkippedImage, merged, statistics
from resnet_studio.inference.feature_maps import layer_maps
from resnet_studio.inference.values import ForwardResult, ForwardSpec, Frame, Preprocessing, WeightsInfo
from resnet_studio.networks.presets import preset

LAYER = "layer1.0.relu1"
WEIGHTS = WeightsInfo("random, seed 0", False, Preprocessing(224, 224, (0.5,) * 3, (0.2,) * 3), ("class 0",))
VALUES = np.zeros((4, 2, 2), np.float32)
VALUES[0] = 1, 2
VALUES[1] = [[0, 0], [0, 8]]
VALUES[3] = 3
"""Means 1.5, 2, 0, 3; channel 2 is never above zero."""


def forward_result(values: np.ndarray = VALUES, *, layer: str = LAYER, preview: bool = False) -> ForwardResult:
    spec = ForwardSpec("sample:china", preset("resnet18"))
    maps = (layer_maps(layer, values),)
    return ForwardResult(spec, "00", Frame(1, 1, 2, 2), np.zeros((4, 4, 3), np.uint8), WEIGHTS, maps, 0.1, (), preview)


@pytest.fixture
def view(qtbot: QtBot) -> StatisticsView:
    view = StatisticsView()
    qtbot.addWidget(view)
    view.resize(560, 640)
    view.show()
    return view


@pytest.fixture
def shown(view: StatisticsView) -> StatisticsView:
    view.show_selection("sample:china", LAYER)
    view.show_result(forward_result())
    QApplication.processEvents()
    return view


def text(view: QWidget, name: str) -> str:
    return view.findChild(QLabel, name).text()


def rows(view: StatisticsView, column: ChannelColumn) -> list[str]:
    model = view.findChild(QTableView).model()
    return [model.index(row, column).data() for row in range(model.rowCount(QModelIndex()))]


def sort_by(qtbot: QtBot, view: StatisticsView, column: ChannelColumn) -> None:
    header = view.findChild(QTableView).horizontalHeader()
    at = QPoint(header.sectionViewportPosition(column) + 12, header.height() // 2)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=at)


def press(qtbot: QtBot, view: StatisticsView, accessible_name: str) -> None:
    (button,) = (one for one in view.findChildren(QAbstractButton) if one.accessibleName() == accessible_name)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_without_a_result_the_view_shows_what_to_do(view: StatisticsView) -> None:
    assert text(view, "statisticsEmpty") == NO_IMAGE
    view.show_selection("sample:china", LAYER)
    assert text(view, "statisticsEmpty") == "Running china …"
    view.show_problem("china.jpg is damaged.")
    assert text(view, "statisticsEmpty") == "china.jpg is damaged."
    view.show_result(replace(forward_result(), layers=()))
    assert "Choose a layer" in text(view, "statisticsEmpty")


def test_figures_are_computed_over_all_values(shown: StatisticsView) -> None:
    every = VALUES.astype(np.float64)
    assert text(shown, "statisticsHeading") == f"<b>{LAYER}</b> · 4 channels, 2×2"
    assert text(shown, "meanFigure") == f"{every.mean():.3g}"
    assert text(shown, "deviationFigure") == f"{every.std():.3g}"
    assert text(shown, "zerosFigure") == f"{100 * 7 / 16:.2g} %"
    assert (text(shown, "leastFigure"), text(shown, "greatestFigure")) == ("0", "8")
    assert float(shown.findChild(QLabel, "deviationFigure").toolTip()) == pytest.approx(every.std(), rel=1e-12)


def test_headings_sort_and_the_selected_channel_stays_selected(qtbot: QtBot, shown: StatisticsView) -> None:
    table = shown.findChild(QTableView)
    shown.show_channel(3)
    sort_by(qtbot, shown, ChannelColumn.MEAN)
    assert rows(shown, ChannelColumn.CHANNEL) == ["2", "0", "1", "3"]
    assert table.currentIndex().row() == 3
    sort_by(qtbot, shown, ChannelColumn.MEAN)
    assert rows(shown, ChannelColumn.CHANNEL) == ["3", "1", "0", "2"]
    assert table.currentIndex().row() == 0
    assert rows(shown, ChannelColumn.MAXIMUM) == ["3", "8", "2", "0"]
    assert rows(shown, ChannelColumn.ZEROS) == ["0.0 %", "75 %", "0.0 %", "100 %"]


def test_click_and_arrow_keys_select_a_channel(qtbot: QtBot, shown: StatisticsView) -> None:
    selected: list[int] = []
    shown.table.channelSelected.connect(selected.append)
    table = shown.findChild(QTableView)
    at = table.visualRect(table.model().index(1, 2)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    QTest.keyClick(table, Qt.Key.Key_Down)
    assert selected == [1, 2]
    shown.show_channel(0)
    assert selected == [1, 2]
    assert table.currentIndex().row() == 0


def test_previews_change_values_and_keep_the_order_of_rows(qtbot: QtBot, shown: StatisticsView) -> None:
    sort_by(qtbot, shown, ChannelColumn.MEAN)
    shown.show_result(forward_result(VALUES[::-1], preview=True))
    assert rows(shown, ChannelColumn.CHANNEL) == ["2", "0", "1", "3"]
    assert rows(shown, ChannelColumn.MEAN) == ["2", "3", "0", "1.5"]
    shown.show_result(forward_result(VALUES[::-1]))
    assert rows(shown, ChannelColumn.CHANNEL) == ["1", "3", "2", "0"]


def test_dead_channels_are_those_never_above_zero_in_any_image_seen(qtbot: QtBot, shown: StatisticsView) -> None:
    assert text(shown, "deadChannels") == "1 of 4 channels is dead: never above zero over 1 image"
    other = VALUES.copy()
    other[1] = 0
    shown.show_accumulated(merged(statistics(VALUES), statistics(other)))
    assert text(shown, "deadChannels") == "1 of 4 channels is dead: never above zero over 2 images"
    assert rows(shown, ChannelColumn.ACTIVE) == ["2 of 2", "1 of 2", "dead", "2 of 2"]
    assert rows(shown, ChannelColumn.MEAN)[1] == "2"
    press(qtbot, shown, "Statistics of: images so far")
    assert rows(shown, ChannelColumn.MEAN)[1] == "1"


def test_all_images_are_requested_canceled_and_shown(qtbot: QtBot, shown: StatisticsView) -> None:
    all_button = next(
        one for one in shown.findChildren(QToolButton) if one.accessibleName() == "Statistics of: all images"
    )
    assert not all_button.isEnabled()
    button = shown.findChild(QPushButton, "lookAtAll")
    with qtbot.waitSignal(shown.allImagesRequested):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    shown.show_running(12)
    qtbot.waitUntil(shown.findChild(QPushButton, "lookAtAll").isEnabled)
    assert button.text() == "Cancel 12 images"
    with qtbot.waitSignal(shown.cancelRequested):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    shown.show_running(0)
    assert shown.findChild(QLabel, "damagedImages").isHidden()
    all_images = LayerStatistics(LAYER, statistics(VALUES + 1), (SkippedImage("no.jpg", "no.jpg is no image."),))
    shown.show_layer_statistics(all_images)
    assert all_button.isEnabled()
    assert all_button.isChecked()
    assert rows(shown, ChannelColumn.MEAN) == ["2.5", "3", "1", "4"]
    assert text(shown, "deadChannels") == "No channel is dead over 1 image"
    assert text(shown, "damagedImages") == "1 image could not be opened and is not counted"
    shown.show_layer_statistics(None)
    assert rows(shown, ChannelColumn.MEAN) == ["1.5", "2", "0", "3"]


@pytest.mark.parametrize("size", [(334, 420), (560, 640)])
def test_nothing_is_cut(shown: StatisticsView, size: tuple[int, int]) -> None:
    shown.show_accumulated(merged(statistics(VALUES), statistics(VALUES)))
    shown.resize(*size)
    QApplication.processEvents()
    assert shown.width() == size[0]
    table = shown.findChild(QTableView)
    assert sum(table.columnWidth(column) for column in ChannelColumn) <= table.viewport().width()
    for column in ChannelColumn:
        wide = max(table.fontMetrics().horizontalAdvance(text) for text in rows(shown, column))
        assert wide + 6 <= table.columnWidth(column), column


def test_a_hidden_view_is_updated_when_it_is_shown(qtbot: QtBot, shown: StatisticsView) -> None:
    shown.hide()
    shown.show_result(forward_result(VALUES * 2))
    assert text(shown, "meanFigure") == f"{VALUES.mean():.3g}"
    shown.show()
    assert text(shown, "meanFigure") == f"{2 * VALUES.mean():.3g}"


def test_the_exact_count_of_the_bar_under_the_mouse_is_shown(qtbot: QtBot, shown: StatisticsView) -> None:
    bars = shown.findChild(Histogram)
    assert bars.caption() == ("0", "", "8")
    QTest.mouseMove(bars, QPoint(bars.width() // BINS // 2, 10))
    assert bars.caption() == ("", "0 … 0.25: 7 values", "")
    QTest.mouseMove(bars, QPoint(bars.width() - 3, 10))
    assert bars.caption() == ("", "7.75 … 8: 1 value", "")
    shown.grab()


@pytest.mark.parametrize(
    ("inactive", "after_relu", "expected"),
    [
        (0, False, "No channel is constant over 3 images"),
        (2, False, "2 of 64 channels are constant: always the same value over 3 images"),
        (1, True, "1 of 64 channels is dead: never above zero over 3 images"),
    ],
)
def test_verdicts(inactive: int, after_relu: bool, expected: str) -> None:
    assert verdict(inactive, 64, 3, after_relu=after_relu) == expected


def test_the_model_passes_qts_model_tester(qtbot: QtBot) -> None:
    model = ChannelModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    one = statistics(VALUES)
    model.show_channels(one, one, after_relu=True)
    model.sort(ChannelColumn.MEAN, Qt.SortOrder.DescendingOrder)
    model.show_channels(statistics(VALUES[::-1]), one, after_relu=True)
    model.clear()
    assert model.rowCount() == 0
    del tester
