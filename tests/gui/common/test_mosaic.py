"""The mosaic under mouse and keys, on values that encode their position."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QGraphicsView,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.maps.panel import HINT, MapsPanel
from resnet_studio.gui.common.mosaic import MosaicView
from resnet_studio.gui.common.tile_grid import best_columns
from resnet_studio.inference.feature_maps import Place, layer_maps, lookup_table
from resnet_studio.inference.values import ForwardResult, ForwardSpec, Frame, LayerMaps, Preprocessing, WeightsInfo
from resnet_studio.networks.presets import preset

SIDE, GAP = 4, 1


def position_maps(channels: int) -> LayerMaps:
    """Maps that encode their position: 5.23 is in channel 5, row 2, column 3."""
    channel, row, column = np.meshgrid(np.arange(channels), np.arange(SIDE), np.arange(SIDE), indexing="ij")
    return layer_maps("layer1.0", channel + row / 10 + column / 100)


@pytest.fixture
def panel(qtbot: QtBot) -> MapsPanel:
    panel = MapsPanel()
    qtbot.addWidget(panel)
    panel.resize(600, 640)
    panel.show()
    panel.show_maps(position_maps(9))
    QApplication.processEvents()
    return panel


def viewport(panel: MapsPanel) -> QWidget:
    return panel.findChild(QGraphicsView).viewport()


def image(panel: MapsPanel) -> pg.ImageItem:
    (image_item,) = (item for item in panel.findChild(QGraphicsView).items() if isinstance(item, pg.ImageItem))
    return image_item


def point(panel: MapsPanel, channel: int, row: int, column: int) -> QPoint:
    """Where on the screen a value is painted."""
    item = image(panel)
    across = (item.width() + GAP) // (SIDE + GAP)
    x, y = channel % across * (SIDE + GAP) + column, channel // across * (SIDE + GAP) + row
    return panel.findChild(QGraphicsView).mapFromScene(item.mapToScene(QPointF(x + 0.5, y + 0.5)))


def pixel(panel: MapsPanel, channel: int, row: int, column: int) -> tuple[int, int, int]:
    color = viewport(panel).grab().toImage().pixelColor(point(panel, channel, row, column))
    return color.red(), color.green(), color.blue()


def readout(panel: MapsPanel) -> str:
    return panel.findChild(QLabel, "mapsReadout").text()


@pytest.mark.parametrize(("channel", "row", "column"), [(0, 0, 0), (5, 2, 3), (8, 3, 1)])
def test_hovering_shows_channel_position_and_value(panel: MapsPanel, channel: int, row: int, column: int) -> None:
    QTest.mouseMove(viewport(panel), point(panel, channel, row, column))
    value = f"{channel + row / 10 + column / 100:.3g}"
    assert readout(panel) == f"channel {channel} · row {row}, column {column} · {value}"


def test_outside_the_maps_no_value_is_shown(panel: MapsPanel) -> None:
    QTest.mouseMove(viewport(panel), point(panel, 4, 1, 1))
    QTest.mouseMove(viewport(panel), QPoint(viewport(panel).width() - 3, viewport(panel).height() - 3))
    assert readout(panel) == HINT


def test_the_value_under_a_resting_mouse_follows_new_maps(panel: MapsPanel) -> None:
    QTest.mouseMove(viewport(panel), point(panel, 4, 1, 2))
    panel.show_maps(layer_maps("layer1.0", position_maps(9).values + 20))
    assert readout(panel) == "channel 4 · row 1, column 2 · 24.1"


def test_click_selects_a_channel(qtbot: QtBot, panel: MapsPanel) -> None:
    with qtbot.waitSignal(panel.channelChanged) as shown:
        qtbot.mouseClick(viewport(panel), Qt.MouseButton.LeftButton, pos=point(panel, 7, 0, 0))
    number, values, pixels = shown.args
    assert number == 7
    assert values[2, 3] == pytest.approx(7.23)
    assert pixels.shape == (SIDE, SIDE, 3)


def test_arrow_keys_move_between_channels_and_stop_at_the_ends(panel: MapsPanel) -> None:
    mosaic = panel.findChild(MosaicView)
    selected = []
    mosaic.tileSelected.connect(selected.append)
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Up):
        QTest.keyClick(mosaic, key)
    assert selected == [1, 4, 1]  # nine channels in a nearly square view are in rows of three


def test_wheel_zooms_at_the_mouse_drag_pans_and_double_click_shows_all(qtbot: QtBot, panel: MapsPanel) -> None:
    before, at = point(panel, 8, 3, 3), point(panel, 4, 2, 2)
    turn_wheel(viewport(panel), at, notches=4)
    zoomed = point(panel, 8, 3, 3)
    assert zoomed.x() > before.x() + 20
    assert (point(panel, 4, 2, 2) - at).manhattanLength() <= 6  # a value is at least 38 pixels wide
    drag(qtbot, viewport(panel), at, at + QPoint(40, 0))
    assert point(panel, 8, 3, 3).x() - zoomed.x() == pytest.approx(40, abs=2)
    for action in (qtbot.mouseClick, qtbot.mouseDClick, qtbot.mouseRelease):
        action(viewport(panel), Qt.MouseButton.LeftButton, pos=at)
    QApplication.processEvents()
    assert point(panel, 8, 3, 3) == before


def test_zoom_stays_with_another_image_of_the_same_layer(panel: MapsPanel) -> None:
    turn_wheel(viewport(panel), point(panel, 0, 0, 0), notches=4)
    zoomed = point(panel, 3, 0, 0)
    panel.show_maps(layer_maps("layer1.0", position_maps(9).values[::-1]))
    QApplication.processEvents()
    assert point(panel, 3, 0, 0) == zoomed
    panel.show_maps(position_maps(4))
    QApplication.processEvents()
    assert viewport(panel).rect().contains(point(panel, 3, 3, 3))


def test_contrast_is_per_channel_or_per_layer(qtbot: QtBot, panel: MapsPanel) -> None:
    panel.findChild(QComboBox, "colourMap").setCurrentText("grey")
    choose(qtbot, panel, "Contrast: per channel")
    low, high = (0, 0, 0), (255, 255, 255)
    assert pixel(panel, 4, 0, 0) == low
    assert pixel(panel, 4, 3, 3) == high
    choose(qtbot, panel, "Contrast: per layer")
    middle = pixel(panel, 4, 0, 0)
    # the layer goes from 0 to 8.33, so the value 4 lies at 48 % of it
    assert middle == pytest.approx((0.48 * 255,) * 3, abs=4)
    assert pixel(panel, 0, 0, 0) == low
    assert pixel(panel, 8, 3, 3) == high


def test_maps_of_one_value_have_one_scale(qtbot: QtBot, panel: MapsPanel) -> None:
    panel.show_maps(layer_maps("fc", np.arange(10.0)))
    per_channel = button(panel, "Contrast: per channel")
    assert not per_channel.isEnabled()
    assert button(panel, "Contrast: per layer").isChecked()
    images: list[NDArray[np.uint8]] = []
    panel.channelChanged.connect(lambda _number, _values, pixels: images.append(pixels))
    for number in (0, 9):
        panel.findChild(MosaicView).show_tile(number)
        panel.show_maps(layer_maps("fc", np.arange(10.0)))
    assert (images[0] != images[1]).any()
    panel.show_maps(position_maps(9))
    assert per_channel.isEnabled()
    assert per_channel.isChecked()  # as before


def test_2048_channels_are_one_item(panel: MapsPanel) -> None:
    panel.show_maps(layer_maps("layer4.2", np.zeros((2048, 7, 7))))
    assert image(panel).width() * image(panel).height() >= 2048 * 49
    assert "<b>layer4.2</b> · 2,048 channels, 7×7" in panel.findChild(QLabel, "mapsHeading").text()
    assert panel.findChild(QLabel, "mapsNumbers").text() == "mean 0 · std 0 · 100 % zeros"


def test_a_fixed_scale_stays_while_layers_change_and_can_be_edited(qtbot: QtBot, panel: MapsPanel) -> None:
    panel.findChild(QComboBox, "colourMap").setCurrentText("grey")
    choose(qtbot, panel, "Contrast: fixed")
    low, high = (panel.findChild(QLineEdit, name) for name in ("lowLimit", "highLimit"))
    assert (low.text(), high.text()) == ("0", "8.33")
    panel.show_maps(layer_maps("layer2.0", position_maps(4).values))
    assert pixel(panel, 3, 3, 3) == pytest.approx((3.33 / 8.33 * 255,) * 3, abs=3)
    type_in(qtbot, high, "3,33")
    assert pixel(panel, 3, 3, 3) == (255, 255, 255)
    assert panel.map_style().limits == (0, 3.33)
    type_in(qtbot, low, "9")
    assert panel.map_style().limits == (0, 3.33)
    assert low.property("wrong")
    type_in(qtbot, low, "-3.33")
    assert not low.property("wrong")
    assert pixel(panel, 0, 0, 0) == pytest.approx((127,) * 3, abs=2)
    choose(qtbot, panel, "Contrast: per layer")
    assert not low.isVisible()


def test_zero_stays_in_the_middle_of_a_diverging_color_map(qtbot: QtBot, panel: MapsPanel) -> None:
    panel.show_maps(layer_maps("layer1.0", position_maps(9).values - 2))
    panel.findChild(QComboBox, "colourMap").setCurrentText("diverging")
    choose(qtbot, panel, "Contrast: fixed")
    low, high = (panel.findChild(QLineEdit, name) for name in ("lowLimit", "highLimit"))
    assert (low.text(), high.text()) == ("\N{MINUS SIGN}6.33", "6.33")
    type_in(qtbot, low, "-1")
    assert panel.map_style().limits == (-1, 1)
    assert high.text() == "1"


def test_the_color_bar_shows_the_values_of_its_ends(qtbot: QtBot, panel: MapsPanel) -> None:
    assert panel.findChild(QLabel, "colourBarHigh").text() == "per-channel range"
    choose(qtbot, panel, "Contrast: per layer")
    assert panel.findChild(QLabel, "colourBarLow").text() == "0"
    assert panel.findChild(QLabel, "colourBarHigh").text() == "8.33"


def test_sorted_channels_keep_their_numbers_under_mouse_and_keys(qtbot: QtBot, panel: MapsPanel) -> None:
    sort_by(qtbot, panel, "mean")  # the greatest first: 8, 7, 6 … in rows of three
    QTest.mouseMove(viewport(panel), point(panel, 1, 2, 3))
    assert readout(panel) == "channel 7 · row 2, column 3 · 7.23"
    shown: list[int] = []
    panel.channelChanged.connect(lambda number, *_: shown.append(number))
    qtbot.mouseClick(viewport(panel), Qt.MouseButton.LeftButton, pos=point(panel, 3, 0, 0))
    mosaic = panel.findChild(MosaicView)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Down):
        QTest.keyClick(mosaic, key)
    assert shown == [5, 4, 7, 4, 1]
    assert (mosaic.pixels(1)[0, 0] == lookup_table("viridis")[2]).all()
    panel.show_channel(8)
    assert shown[-1] == mosaic.tile() == 8


def test_the_order_stays_during_a_preview(qtbot: QtBot, panel: MapsPanel) -> None:
    sort_by(qtbot, panel, "maximum")
    QTest.mouseMove(viewport(panel), point(panel, 0, 0, 0))
    turned = layer_maps("layer1.0", position_maps(9).values[::-1])
    panel.show_maps(turned, preview=True)
    assert readout(panel) == "channel 8 · row 0, column 0 · 0"
    panel.show_maps(turned)
    assert readout(panel) == "channel 0 · row 0, column 0 · 8"
    panel.show_maps(layer_maps("layer2.0", position_maps(9).values), preview=True)
    assert readout(panel) == "channel 8 · row 0, column 0 · 8"


def test_a_difference_needs_a_reference_with_that_layer(qtbot: QtBot, panel: MapsPanel) -> None:
    note = panel.findChild(QLabel, "referenceNote")
    sort_by(qtbot, panel, "difference")
    assert "Set as reference" in note.text()
    assert note.isVisible()
    assert panel.order() is None
    with qtbot.waitSignal(panel.referenceRequested):
        qtbot.mouseClick(panel.findChild(QPushButton, "setReference"), Qt.MouseButton.LeftButton)
    requested: list[str] = []
    panel.referenceLayerRequested.connect(requested.append)
    panel.show_reference(reference())
    assert requested == ["layer1.0"]
    changed = position_maps(9)
    changed.values[4] += 3
    changed.values[6] -= 5
    panel.show_reference(reference(changed))
    assert panel.order() is not None
    assert panel.order().tolist() == [6, 4, 0, 1, 2, 3, 5, 7, 8]
    assert note.text() == "by mean absolute difference from flower"
    panel.show_reference(reference(position_maps(4)))
    assert "another network" in note.text()
    sort_by(qtbot, panel, "index")
    assert note.isHidden()


def test_the_menu_of_a_channel_pins_copies_and_exports(qtbot: QtBot, panel: MapsPanel) -> None:
    menu = panel.findChild(QMenu)
    at = point(panel, 5, 1, 1)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, viewport(panel).mapToGlobal(at))
    QApplication.sendEvent(viewport(panel), event)
    pin, copy, reference, _, export = menu.actions()
    assert menu.isVisible()
    assert pin.text() == "Pin channel 5"
    with qtbot.waitSignal(panel.pinRequested) as pinned:
        pin.trigger()
    assert pinned.args == [5]
    copy.trigger()
    rows = [line.split("\t") for line in QApplication.clipboard().text().splitlines()]
    assert np.array(rows, np.float32) == pytest.approx(position_maps(9).values[5])
    with qtbot.waitSignal(panel.referenceRequested):
        reference.trigger()
    with qtbot.waitSignal(panel.exportRequested):
        export.trigger()
    menu.close()


def test_hovering_is_emitted(qtbot: QtBot, panel: MapsPanel) -> None:
    places: list[Place | None] = []
    panel.hovered.connect(places.append)
    QTest.mouseMove(viewport(panel), point(panel, 5, 2, 3))
    QTest.mouseMove(viewport(panel), QPoint(viewport(panel).width() - 3, viewport(panel).height() - 3))
    assert places == [Place(5, 2, 3), None]
    assert panel.findChild(QLabel, "mapsReadout").toolTip() == ""


@pytest.mark.parametrize("width", [334, 590])
def test_no_tool_is_cut(qtbot: QtBot, panel: MapsPanel, width: int) -> None:
    panel.resize(width, 560)
    choose(qtbot, panel, "Contrast: fixed")
    assert panel.width() == width
    for tool in (*panel.findChildren(QComboBox), *panel.findChildren(QAbstractButton), *panel.findChildren(QLineEdit)):
        if tool.isVisible() and tool.objectName():
            assert tool.width() >= tool.minimumSizeHint().width() or tool.maximumWidth() == tool.width()
            corner = tool.mapTo(panel, QPoint(tool.width(), tool.height()))
            assert corner.x() <= width, tool.objectName()


@pytest.mark.parametrize(("channels", "ratio", "columns"), [(9, 1.0, 3), (8, 2.0, 4), (8, 0.5, 2), (5, 100.0, 5)])
def test_columns_fill_the_view(channels: int, ratio: float, columns: int) -> None:
    assert best_columns((channels, 16, 16), 0, ratio) == columns


def choose(qtbot: QtBot, panel: MapsPanel, accessible_name: str) -> None:
    qtbot.mouseClick(button(panel, accessible_name), Qt.MouseButton.LeftButton)
    QApplication.processEvents()


def type_in(qtbot: QtBot, field: QLineEdit, text: str) -> None:
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)
    QApplication.processEvents()


def sort_by(qtbot: QtBot, panel: MapsPanel, sort: str) -> None:
    """Select an order with the keys, starting from the first."""
    orders = panel.findChild(QComboBox, "channelOrder")
    qtbot.keyClick(orders, Qt.Key.Key_Home)
    for _ in range(orders.findData(sort)):
        qtbot.keyClick(orders, Qt.Key.Key_Down)
    QApplication.processEvents()


def reference(*maps: LayerMaps) -> ForwardResult:
    weights = WeightsInfo("random, seed 0", False, Preprocessing(8, 8, (0.5,), (0.2,)), ())
    model_input = np.zeros((2, 2, 3), np.uint8)
    return ForwardResult(
        ForwardSpec("sample:flower", preset("resnet18")), "", Frame(1, 1, 2, 2), model_input, weights, maps, 0.1
    )


def button(panel: MapsPanel, accessible_name: str) -> QToolButton:
    (match,) = (tool for tool in panel.findChildren(QToolButton) if tool.accessibleName() == accessible_name)
    return match


def turn_wheel(widget: QWidget, at: QPoint, notches: int) -> None:
    """Turn the wheel away from the user."""
    nothing, where = QPoint(), QPointF(at)
    event = QWheelEvent(
        where, QPointF(widget.mapToGlobal(at)), nothing, QPoint(0, 120 * notches), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)
    QApplication.processEvents()


def drag(qtbot: QtBot, widget: QWidget, start: QPoint, end: QPoint) -> None:
    """Drag with the left button; pyqtgraph handles at most 100 moves per second."""
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    qtbot.mousePress(widget, left, pos=start)
    for at in (start + (end - start) / 2, end):
        qtbot.wait(20)
        where = QPointF(widget.mapToGlobal(at))
        move = QMouseEvent(QEvent.Type.MouseMove, QPointF(at), where, Qt.MouseButton.NoButton, left, none)
        QApplication.sendEvent(widget, move)
    qtbot.mouseRelease(widget, left, pos=end)
    QApplication.processEvents()
