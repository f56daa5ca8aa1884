"""The bar of pinned channels under mouse and keys, and the controller of the pins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.pin_bar import EMPTY, PinBar
from resnet_studio.gui.activations.pins import FULL, MAP_SIDE, MAX_PINS, Pin, PinController, PinView
from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.session import SessionState
from resnet_studio.gui.session_file import decode
from resnet_studio.inference.feature_maps import MapStyle, apply_colormap, layer_maps, to_indices
from resnet_studio.inference.values import ForwardResult, ForwardSpec, Frame, Preprocessing, WeightsInfo
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import preset
from themed import themed

RESNET, VGG = preset("resnet18"), preset("vgg19")
WEIGHTS = WeightsInfo("random, seed 0", False, Preprocessing(224, 224, (0.5,) * 3, (0.2,) * 3), ("class 0",))
PINS = (Pin("layer1.0", 3), Pin("layer2.0.relu1", 17), Pin("layer1.0", 5))
LEFT, NONE, SHIFT = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier


def values(layer: str, seed: float = 0.0) -> np.ndarray:
    """Channel c of the layer holds c … c + 15, and `seed` more."""
    channels = 64 if layer.startswith("layer1") else 128
    return (np.arange(16.0).reshape(1, 4, 4) + np.arange(channels)[:, None, None] + seed).astype(np.float32)


def result(*layers: str, architecture: Architecture = RESNET, seed: float = 0.0) -> ForwardResult:
    maps = tuple(layer_maps(name, values(name, seed)) for name in layers)
    model_input = np.zeros((224, 224, 3), np.uint8)
    return ForwardResult(
        ForwardSpec("sample:china", architecture), "00", Frame(0, 0, 1, 1), model_input, WEIGHTS, maps, 0.1
    )


class ShownBar:
    """A bar that is given the pins that it requests, as in the window."""

    def __init__(self, qtbot: QtBot) -> None:
        self.bar = PinBar()
        qtbot.addWidget(self.bar)
        self.bar.resize(600, 140)
        self.selected: list[Pin] = []
        self.bar.pinSelected.connect(self.selected.append)
        self.bar.unpinRequested.connect(lambda pin: self.show(*(other for other in self.pins if other != pin)))
        self.bar.moveRequested.connect(self.move)
        self.bar.show_layers(RESNET)
        self.show(*PINS)
        self.bar.show_result(result("layer1.0", "layer2.0.relu1"))
        self.bar.show()
        QApplication.processEvents()

    @property
    def pins(self) -> list[Pin]:
        return [view.pin for view in self.bar.views()]

    def show(self, *pins: Pin) -> None:
        self.bar.show_pins(pins)

    def move(self, pin: Pin, position: int) -> None:
        others = [other for other in self.pins if other != pin]
        self.show(*others[:position], pin, *others[position:])
        QApplication.processEvents()

    def view(self, pin: Pin) -> PinView:
        return next(view for view in self.bar.views() if view.pin == pin)

    def colors(self, pin: Pin) -> list[tuple[int, int, int]]:
        """The colors in the middles of the pin's 4×4 values."""
        image = self.view(pin).grab().toImage()
        step = MAP_SIDE / 4
        pixels = [image.pixelColor(int((n % 4 + 0.5) * step), int((n // 4 + 0.5) * step)) for n in range(16)]
        return [(color.red(), color.green(), color.blue()) for color in pixels]


@pytest.fixture
def shown(qtbot: QtBot) -> ShownBar:
    return ShownBar(qtbot)


def painted(maps: np.ndarray, style: MapStyle) -> list[tuple[int, int, int]]:
    return [tuple(color) for color in apply_colormap(to_indices(maps, style)[0], style.colours).reshape(-1, 3).tolist()]


def test_an_empty_bar_shows_a_hint(shown: ShownBar) -> None:
    shown.show()
    line = shown.bar.findChild(QLabel, "trayEmpty")
    assert line.text() == EMPTY
    assert line.isVisible()
    assert shown.bar.sizeHint().height() <= 24
    shown.show(*PINS)
    assert not line.isVisible()


def test_each_pin_shows_its_map_in_its_own_range(shown: ShownBar) -> None:
    for pin in PINS:
        maps = values(pin.layer)[pin.channel : pin.channel + 1]
        assert shown.colors(pin) == painted(maps, MapStyle())


def test_pins_follow_every_result(shown: ShownBar) -> None:
    shown.bar.show_result(result("layer1.0", "layer2.0.relu1", seed=0.0))
    before = shown.colors(PINS[0])
    first = result("layer2.0.relu1")
    negated = replace(first, layers=(*first.layers, layer_maps("layer1.0", -values("layer1.0"))))
    shown.bar.show_result(negated)
    assert shown.colors(PINS[0]) == before[::-1]
    shown.bar.show_result(result("layer2.0.relu1"))  # without its layer: the map stays
    assert shown.colors(PINS[0]) == before[::-1]


def test_a_new_pin_is_scrolled_into_view(qtbot: QtBot, shown: ShownBar) -> None:
    pins = [Pin("layer1.0", channel) for channel in range(8)]
    for number in range(4, 9):
        shown.show(*pins[:number])
        last = shown.bar.views()[-1]
        qtbot.waitUntil(lambda last=last: last.visibleRegion().boundingRect().width() == last.width() > 90)  # type: ignore[misc]
    assert shown.bar.views()[0].visibleRegion().isEmpty()


def test_the_shared_scale_is_from_minimum_to_maximum(qtbot: QtBot, shown: ShownBar) -> None:
    qtbot.mouseClick(shown.bar.findChild(QPushButton, "trayScale"), LEFT)
    limits = (3.0, 17.0 + 15)
    for pin in PINS:
        maps = values(pin.layer)[pin.channel : pin.channel + 1]
        assert shown.colors(pin) == painted(maps, MapStyle("fixed", limits=limits))
    assert shown.bar.findChild(QLabel, "trayRange").text() == "3 …\n32"


def test_the_colormap_is_that_of_the_maps(shown: ShownBar) -> None:
    shown.bar.show_colormap("magma")
    assert shown.colors(PINS[0]) == painted(values("layer1.0")[3:4], MapStyle(colours="magma"))


def test_a_click_selects_a_pin(shown: ShownBar) -> None:
    QTest.mouseClick(shown.view(PINS[1]), LEFT, NONE, QPoint(30, 30))
    shown.view(PINS[2]).setFocus()
    QTest.keyClick(shown.view(PINS[2]), Qt.Key.Key_Return)
    assert shown.selected == [PINS[1], PINS[2]]


def test_pins_are_removed(shown: ShownBar) -> None:
    cross = shown.view(PINS[1]).findChild(QToolButton)
    assert not cross.isVisible()
    shown.view(PINS[1]).setFocus()
    assert cross.isVisible()
    QTest.mouseClick(cross, LEFT)
    assert shown.pins == [PINS[0], PINS[2]]
    assert shown.view(PINS[2]).hasFocus()
    QTest.keyClick(shown.view(PINS[2]), Qt.Key.Key_Delete)
    assert shown.pins == [PINS[0]]
    assert shown.selected == []


def test_pins_are_dragged_to_another_position(shown: ShownBar) -> None:
    first, last = (shown.view(pin) for pin in (PINS[0], PINS[2]))
    offset = last.geometry().center() - first.geometry().center()
    QTest.mousePress(first, LEFT, NONE, QPoint(40, 40))
    QTest.mouseMove(first, QPoint(40, 40) + offset + QPoint(10, 0))
    QTest.mouseRelease(first, LEFT, NONE, QPoint(40, 40))
    assert shown.pins == [PINS[1], PINS[2], PINS[0]]
    assert shown.selected == []
    assert shown.view(PINS[0]) is first


def test_keys_move_the_focus_and_the_pins(shown: ShownBar) -> None:
    shown.view(PINS[0]).setFocus()
    QTest.keyClick(shown.view(PINS[0]), Qt.Key.Key_Left)
    QTest.keyClick(shown.view(PINS[0]), Qt.Key.Key_Right)
    assert shown.view(PINS[1]).hasFocus()
    QTest.keyClick(shown.view(PINS[1]), Qt.Key.Key_Right, SHIFT)
    assert shown.pins == [PINS[0], PINS[2], PINS[1]]
    assert shown.view(PINS[1]).hasFocus()


def test_absent_pins_come_back_with_their_network(shown: ShownBar) -> None:
    before = shown.colors(PINS[0])
    shown.bar.show_layers(VGG)
    assert [view.accessibleDescription() for view in shown.bar.views()] == ["not in this network"] * 3
    QTest.mouseClick(shown.view(PINS[0]), LEFT, NONE, QPoint(30, 30))
    assert shown.selected == []
    shown.bar.show_layers(RESNET)
    assert shown.colors(PINS[0]) == before
    assert shown.view(PINS[0]).accessibleDescription() == ""


def test_a_channel_that_a_layer_lacks_is_absent(shown: ShownBar) -> None:
    shown.show(Pin("layer1.0", 63), Pin("layer1.0", 64))
    assert [view.is_absent() for view in shown.bar.views()] == [False, True]


def test_it_paints_in_both_themes_with_accessible_names(shown: ShownBar) -> None:
    with themed("dark"):
        shown.bar.grab()
    shown.bar.show_current(*PINS[1])
    shown.bar.grab()
    assert [view.accessibleName() for view in shown.bar.views()][1] == "layer2.0.relu1, channel 17"
    assert all(view.toolTip() for view in shown.bar.views())


class PinsHarness:
    """The controller in an app whose engine is not started, so requests stay queued."""

    def __init__(self, state: SessionState) -> None:
        self.app = AppController(state, EngineClient())
        self.controller = PinController(self.app.session, self.app.activations)
        self.emitted: list[tuple[Pin, ...]] = []
        self.controller.pinsChanged.connect(self.emitted.append)


def test_pins_are_saved_and_their_layers_requested() -> None:
    harness = PinsHarness(SessionState(layer="relu"))
    harness.controller.toggle("layer1.0", 3)
    harness.controller.toggle("layer2.0.relu1", 17)
    harness.controller.toggle("layer1.0", 5)
    assert harness.emitted[-1] == PINS
    assert harness.app.session.state.pins == [("layer1.0", 3), ("layer2.0.relu1", 17), ("layer1.0", 5)]
    assert harness.app.activations.visible_layers() == ("relu", "layer1.0", "layer2.0.relu1")
    harness.controller.move(PINS[2], 0)
    assert harness.controller.pins == (PINS[2], PINS[0], PINS[1])
    harness.controller.unpin(PINS[1])
    assert harness.app.activations.visible_layers() == ("relu", "layer1.0")
    assert PinsHarness(harness.app.session.state).controller.pins == (PINS[2], PINS[0])


def test_pinning_again_unpins() -> None:
    harness = PinsHarness(SessionState(pins=[("layer1.0", 3)]))
    harness.controller.toggle("layer1.0", 3)
    assert harness.controller.pins == ()
    assert harness.app.session.state.pins == []


def test_the_number_of_pins_is_limited() -> None:
    harness = PinsHarness(SessionState())
    messages: list[str] = []
    harness.controller.failed.connect(messages.append)
    for channel in range(MAX_PINS + 1):
        harness.controller.toggle("layer1.0", channel)
    assert len(harness.controller.pins) == MAX_PINS
    assert messages == [FULL]


@pytest.mark.parametrize("state", [[["layer1.0"]], [["layer1.0", -1]], [["layer1.0", True]], [[1, 2]], ["x"], 7, None])
def test_invalid_saved_pins_are_skipped(state: object) -> None:
    assert PinsHarness(decode({"pins": state})[0]).controller.pins == ()


def test_layers_that_the_network_lacks_are_not_requested() -> None:
    harness = PinsHarness(SessionState(layer="relu", pins=[("features.0", 3)]))
    assert harness.app.activations.visible_layers() == ("relu",)
    assert harness.controller.pins == (Pin("features.0", 3),)
