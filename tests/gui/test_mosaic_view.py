"""The mosaic under mouse and keys, on values whose place can be read from the value."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QGraphicsView, QLabel, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.gui.widgets.maps_panel import HINT, MapsPanel
from resnet_studio.gui.widgets.mosaic_view import MosaicView, best_columns
from resnet_studio.inference.maps import layer_maps
from resnet_studio.inference.values import LayerMaps

SIDE, GAP = 4, 1


def telling(channels: int) -> LayerMaps:
    """The value 5.23 lies in channel 5, row 2, column 3."""
    channel, row, column = np.meshgrid(np.arange(channels), np.arange(SIDE), np.arange(SIDE), indexing="ij")
    return layer_maps("layer1.0", channel + row / 10 + column / 100)


@pytest.fixture
def panel(qtbot: QtBot) -> MapsPanel:
    panel = MapsPanel()
    qtbot.addWidget(panel)
    panel.resize(600, 640)
    panel.show()
    panel.show_maps(telling(9))
    QApplication.processEvents()
    return panel


def viewport(panel: MapsPanel) -> QWidget:
    return panel.findChild(QGraphicsView).viewport()


def image(panel: MapsPanel) -> pg.ImageItem:
    (found,) = (item for item in panel.findChild(QGraphicsView).items() if isinstance(item, pg.ImageItem))
    return found


def point(panel: MapsPanel, channel: int, row: int, column: int) -> QPoint:
    """Where on the screen a value is painted."""
    item = image(panel)
    across = (item.width() + GAP) // (SIDE + GAP)
    x, y = channel % across * (SIDE + GAP) + column, channel // across * (SIDE + GAP) + row
    return panel.findChild(QGraphicsView).mapFromScene(item.mapToScene(QPointF(x + 0.5, y + 0.5)))


def pixel(panel: MapsPanel, channel: int, row: int, column: int) -> tuple[int, int, int]:
    colour = viewport(panel).grab().toImage().pixelColor(point(panel, channel, row, column))
    return colour.red(), colour.green(), colour.blue()


def readout(panel: MapsPanel) -> str:
    return panel.findChild(QLabel, "mapsReadout").text()


@pytest.mark.parametrize(("channel", "row", "column"), [(0, 0, 0), (5, 2, 3), (8, 3, 1)])
def test_hovering_tells_channel_place_and_value(panel: MapsPanel, channel: int, row: int, column: int) -> None:
    QTest.mouseMove(viewport(panel), point(panel, channel, row, column))
    value = f"{channel + row / 10 + column / 100:.3g}"
    assert readout(panel) == f"channel {channel} · row {row}, column {column} · {value}"


def test_beside_the_maps_there_is_no_value(panel: MapsPanel) -> None:
    QTest.mouseMove(viewport(panel), point(panel, 4, 1, 1))
    QTest.mouseMove(viewport(panel), QPoint(viewport(panel).width() - 3, viewport(panel).height() - 3))
    assert readout(panel) == HINT


def test_the_value_under_a_resting_mouse_follows_new_maps(panel: MapsPanel) -> None:
    QTest.mouseMove(viewport(panel), point(panel, 4, 1, 2))
    panel.show_maps(layer_maps("layer1.0", telling(9).values + 20))
    assert readout(panel) == "channel 4 · row 1, column 2 · 24.1"


def test_click_shows_a_channel_large(qtbot: QtBot, panel: MapsPanel) -> None:
    with qtbot.waitSignal(panel.channel_shown) as shown:
        qtbot.mouseClick(viewport(panel), Qt.MouseButton.LeftButton, pos=point(panel, 7, 0, 0))
    number, values, pixels = shown.args
    assert number == 7
    assert values[2, 3] == pytest.approx(7.23)
    assert pixels.shape == (SIDE, SIDE, 3)


def test_arrow_keys_walk_the_channels_and_stop_at_the_ends(panel: MapsPanel) -> None:
    mosaic = panel.findChild(MosaicView)
    walked = []
    mosaic.channel_chosen.connect(walked.append)
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Up):
        QTest.keyClick(mosaic, key)
    assert walked == [1, 4, 1]  # nine channels in a nearly square view stand in rows of three


def test_wheel_zooms_at_the_mouse_drag_pans_and_double_click_shows_all(qtbot: QtBot, panel: MapsPanel) -> None:
    before, at = point(panel, 8, 3, 3), point(panel, 4, 2, 2)
    turn(viewport(panel), at, notches=4)
    zoomed = point(panel, 8, 3, 3)
    assert zoomed.x() > before.x() + 20
    assert (point(panel, 4, 2, 2) - at).manhattanLength() <= 6  # a value is 38 pixels wide and more
    drag(qtbot, viewport(panel), at, at + QPoint(40, 0))
    assert point(panel, 8, 3, 3).x() - zoomed.x() == pytest.approx(40, abs=2)
    for act in (qtbot.mouseClick, qtbot.mouseDClick, qtbot.mouseRelease):
        act(viewport(panel), Qt.MouseButton.LeftButton, pos=at)
    QApplication.processEvents()
    assert point(panel, 8, 3, 3) == before


def test_zoom_stays_with_another_image_of_the_same_layer(panel: MapsPanel) -> None:
    turn(viewport(panel), point(panel, 0, 0, 0), notches=4)
    zoomed = point(panel, 3, 0, 0)
    panel.show_maps(layer_maps("layer1.0", telling(9).values[::-1]))
    QApplication.processEvents()
    assert point(panel, 3, 0, 0) == zoomed
    panel.show_maps(telling(4))
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
    alone = button(panel, "Contrast: per channel")
    assert not alone.isEnabled()
    assert button(panel, "Contrast: per layer").isChecked()
    seen: list[NDArray[np.uint8]] = []
    panel.channel_shown.connect(lambda _number, _values, pixels: seen.append(pixels))
    for number in (0, 9):
        panel.findChild(MosaicView).show_channel(number)
        panel.show_maps(layer_maps("fc", np.arange(10.0)))
    assert (seen[0] != seen[1]).any()
    panel.show_maps(telling(9))
    assert alone.isEnabled()
    assert alone.isChecked()  # as it was


def test_2048_channels_are_one_item(panel: MapsPanel) -> None:
    panel.show_maps(layer_maps("layer4.2", np.zeros((2048, 7, 7))))
    assert image(panel).width() * image(panel).height() >= 2048 * 49
    assert "<b>layer4.2</b> · 2,048 channels, 7×7" in panel.findChild(QLabel, "mapsHeading").text()
    assert panel.findChild(QLabel, "mapsNumbers").text() == "mean 0 · deviation 0 · 100 % zeros"


@pytest.mark.parametrize(("channels", "ratio", "columns"), [(9, 1.0, 3), (8, 2.0, 4), (8, 0.5, 2), (5, 100.0, 5)])
def test_columns_fill_the_view(channels: int, ratio: float, columns: int) -> None:
    assert best_columns((channels, 16, 16), 0, ratio) == columns


def choose(qtbot: QtBot, panel: MapsPanel, spoken: str) -> None:
    qtbot.mouseClick(button(panel, spoken), Qt.MouseButton.LeftButton)
    QApplication.processEvents()


def button(panel: MapsPanel, spoken: str) -> QToolButton:
    (found,) = (one for one in panel.findChildren(QToolButton) if one.accessibleName() == spoken)
    return found


def turn(widget: QWidget, at: QPoint, notches: int) -> None:
    """Turn the wheel away from the user."""
    nothing, where = QPoint(), QPointF(at)
    event = QWheelEvent(
        where, QPointF(widget.mapToGlobal(at)), nothing, QPoint(0, 120 * notches), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)
    QApplication.processEvents()


def drag(qtbot: QtBot, widget: QWidget, start: QPoint, end: QPoint) -> None:
    """Drag with the left button; pyqtgraph takes at most 100 moves a second."""
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    qtbot.mousePress(widget, left, pos=start)
    for at in (start + (end - start) / 2, end):
        qtbot.wait(20)
        where = QPointF(widget.mapToGlobal(at))
        move = QMouseEvent(QEvent.Type.MouseMove, QPointF(at), where, Qt.MouseButton.NoButton, left, none)
        QApplication.sendEvent(widget, move)
    qtbot.mouseRelease(widget, left, pos=end)
    QApplication.processEvents()
