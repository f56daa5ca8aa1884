"""The tray of pinned channels: the widget under mouse and keys, and the desk that keeps the pins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.pin_bar import EMPTY, PinBar
from resnet_studio.gui.activations.pins import FULL, MAP, MOST, Pin, PinController, PinView
from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.engine_client import EngineClient, EngineConnection
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.feature_maps import MapStyle, colour, layer_maps, spread
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


def look(*layers: str, architecture: Architecture = RESNET, seed: float = 0.0) -> ForwardResult:
    maps = tuple(layer_maps(name, values(name, seed)) for name in layers)
    seen = np.zeros((224, 224, 3), np.uint8)
    return ForwardResult(ForwardSpec("sample:china", architecture), "00", Frame(0, 0, 1, 1), seen, WEIGHTS, maps, 0.1)


class Told:
    """A tray that is told the pins it wishes for, as the window does."""

    def __init__(self, qtbot: QtBot) -> None:
        self.tray = PinBar()
        qtbot.addWidget(self.tray)
        self.tray.resize(600, 140)
        self.chosen: list[Pin] = []
        self.tray.pin_chosen.connect(self.chosen.append)
        self.tray.unpin_wished.connect(lambda pin: self.show(*(one for one in self.pins if one != pin)))
        self.tray.move_wished.connect(self.move)
        self.tray.show_layers(RESNET)
        self.show(*PINS)
        self.tray.show_look(look("layer1.0", "layer2.0.relu1"))
        self.tray.show()
        QApplication.processEvents()

    @property
    def pins(self) -> list[Pin]:
        return [view.pin for view in self.tray.views()]

    def show(self, *pins: Pin) -> None:
        self.tray.show_pins(pins)

    def move(self, pin: Pin, to: int) -> None:
        others = [one for one in self.pins if one != pin]
        self.show(*others[:to], pin, *others[to:])
        QApplication.processEvents()

    def view(self, pin: Pin) -> PinView:
        return next(view for view in self.tray.views() if view.pin == pin)

    def colours(self, pin: Pin) -> list[tuple[int, int, int]]:
        """The colours in the middles of the pin's 4×4 values."""
        image = self.view(pin).grab().toImage()
        step = MAP / 4
        pixels = [image.pixelColor(int((n % 4 + 0.5) * step), int((n // 4 + 0.5) * step)) for n in range(16)]
        return [(one.red(), one.green(), one.blue()) for one in pixels]


@pytest.fixture
def told(qtbot: QtBot) -> Told:
    return Told(qtbot)


def painted(maps: np.ndarray, drawing: MapStyle) -> list[tuple[int, int, int]]:
    return [tuple(one) for one in colour(spread(maps, drawing)[0], drawing.colours).reshape(-1, 3).tolist()]


def test_empty_it_says_what_to_do(told: Told) -> None:
    told.show()
    line = told.tray.findChild(QLabel, "trayEmpty")
    assert line.text() == EMPTY
    assert line.isVisible()
    assert told.tray.sizeHint().height() <= 24
    told.show(*PINS)
    assert not line.isVisible()


def test_each_pin_shows_its_map_in_its_own_range(told: Told) -> None:
    for pin in PINS:
        maps = values(pin.layer)[pin.channel : pin.channel + 1]
        assert told.colours(pin) == painted(maps, MapStyle())


def test_pins_follow_every_look(told: Told) -> None:
    told.tray.show_look(look("layer1.0", "layer2.0.relu1", seed=0.0))
    before = told.colours(PINS[0])
    flipped = look("layer2.0.relu1")
    turned = replace(flipped, layers=(*flipped.layers, layer_maps("layer1.0", -values("layer1.0"))))
    told.tray.show_look(turned)
    assert told.colours(PINS[0]) == before[::-1]
    told.tray.show_look(look("layer2.0.relu1"))  # its layer is not in this one: what there is stays
    assert told.colours(PINS[0]) == before[::-1]


def test_a_new_pin_comes_into_view(qtbot: QtBot, told: Told) -> None:
    pins = [Pin("layer1.0", channel) for channel in range(8)]
    for number in range(4, 9):
        told.show(*pins[:number])
        last = told.tray.views()[-1]
        qtbot.waitUntil(lambda last=last: last.visibleRegion().boundingRect().width() == last.width() > 90)  # type: ignore[misc]
    assert told.tray.views()[0].visibleRegion().isEmpty()


def test_one_scale_is_from_the_least_to_the_greatest(qtbot: QtBot, told: Told) -> None:
    qtbot.mouseClick(told.tray.findChild(QPushButton, "trayScale"), LEFT)
    limits = (3.0, 17.0 + 15)
    for pin in PINS:
        maps = values(pin.layer)[pin.channel : pin.channel + 1]
        assert told.colours(pin) == painted(maps, MapStyle("fixed", limits=limits))
    assert told.tray.findChild(QLabel, "trayRange").text() == "3 …\n32"


def test_colours_are_those_of_the_maps(told: Told) -> None:
    told.tray.show_colours("magma")
    assert told.colours(PINS[0]) == painted(values("layer1.0")[3:4], MapStyle(colours="magma"))


def test_a_click_goes_there(told: Told) -> None:
    QTest.mouseClick(told.view(PINS[1]), LEFT, NONE, QPoint(30, 30))
    told.view(PINS[2]).setFocus()
    QTest.keyClick(told.view(PINS[2]), Qt.Key.Key_Return)
    assert told.chosen == [PINS[1], PINS[2]]


def test_pins_are_taken_out(told: Told) -> None:
    cross = told.view(PINS[1]).findChild(QToolButton)
    assert not cross.isVisible()
    told.view(PINS[1]).setFocus()
    assert cross.isVisible()
    QTest.mouseClick(cross, LEFT)
    assert told.pins == [PINS[0], PINS[2]]
    assert told.view(PINS[2]).hasFocus()
    QTest.keyClick(told.view(PINS[2]), Qt.Key.Key_Delete)
    assert told.pins == [PINS[0]]
    assert told.chosen == []


def test_pins_are_dragged_to_another_place(told: Told) -> None:
    first, last = (told.view(pin) for pin in (PINS[0], PINS[2]))
    way = last.geometry().center() - first.geometry().center()
    QTest.mousePress(first, LEFT, NONE, QPoint(40, 40))
    QTest.mouseMove(first, QPoint(40, 40) + way + QPoint(10, 0))
    QTest.mouseRelease(first, LEFT, NONE, QPoint(40, 40))
    assert told.pins == [PINS[1], PINS[2], PINS[0]]
    assert told.chosen == []
    assert told.view(PINS[0]) is first


def test_keys_walk_and_move(told: Told) -> None:
    told.view(PINS[0]).setFocus()
    QTest.keyClick(told.view(PINS[0]), Qt.Key.Key_Left)
    QTest.keyClick(told.view(PINS[0]), Qt.Key.Key_Right)
    assert told.view(PINS[1]).hasFocus()
    QTest.keyClick(told.view(PINS[1]), Qt.Key.Key_Right, SHIFT)
    assert told.pins == [PINS[0], PINS[2], PINS[1]]
    assert told.view(PINS[1]).hasFocus()


def test_what_a_network_lacks_comes_back_with_it(told: Told) -> None:
    before = told.colours(PINS[0])
    told.tray.show_layers(VGG)
    assert [view.accessibleDescription() for view in told.tray.views()] == ["not in this network"] * 3
    QTest.mouseClick(told.view(PINS[0]), LEFT, NONE, QPoint(30, 30))
    assert told.chosen == []
    told.tray.show_layers(RESNET)
    assert told.colours(PINS[0]) == before
    assert told.view(PINS[0]).accessibleDescription() == ""


def test_a_channel_that_a_layer_lacks_is_not_in_the_network(told: Told) -> None:
    told.show(Pin("layer1.0", 63), Pin("layer1.0", 64))
    assert [view.is_absent() for view in told.tray.views()] == [False, True]


def test_it_paints_in_both_themes_and_says_what_its_parts_are(told: Told) -> None:
    with themed("dark"):
        told.tray.grab()
    told.tray.show_current(*PINS[1])
    told.tray.grab()
    assert [view.accessibleName() for view in told.tray.views()][1] == "layer2.0.relu1, channel 17"
    assert all(view.toolTip() for view in told.tray.views())


class Desk:
    """The desk in a studio whose engine has not been started: what is asked waits."""

    def __init__(self, kept: SessionState) -> None:
        self.kept = kept
        self.studio = AppController(kept, EngineClient(EngineConnection()))
        self.desk = PinController(self.studio.session, self.studio.subject)
        self.told: list[tuple[Pin, ...]] = []
        self.desk.pins_changed.connect(self.told.append)


def test_pins_are_kept_and_wished_for() -> None:
    held = Desk(SessionState(layer="relu"))
    held.desk.toggle("layer1.0", 3)
    held.desk.toggle("layer2.0.relu1", 17)
    held.desk.toggle("layer1.0", 5)
    assert held.told[-1] == PINS
    assert held.kept.pins == [["layer1.0", 3], ["layer2.0.relu1", 17], ["layer1.0", 5]]
    assert held.studio.subject.layers() == ("relu", "layer1.0", "layer2.0.relu1")
    held.desk.move(PINS[2], 0)
    assert held.desk.pins == (PINS[2], PINS[0], PINS[1])
    held.desk.unpin(PINS[1])
    assert held.studio.subject.layers() == ("relu", "layer1.0")
    assert Desk(held.kept).desk.pins == (PINS[2], PINS[0])


def test_to_pin_again_is_to_unpin() -> None:
    held = Desk(SessionState(pins=[["layer1.0", 3]]))
    held.desk.toggle("layer1.0", 3)
    assert held.desk.pins == ()
    assert held.kept.pins == []


def test_it_holds_so_many() -> None:
    held = Desk(SessionState())
    refused: list[str] = []
    held.desk.refused.connect(refused.append)
    for channel in range(MOST + 1):
        held.desk.toggle("layer1.0", channel)
    assert len(held.desk.pins) == MOST
    assert refused == [FULL]


@pytest.mark.parametrize("kept", [[["layer1.0"]], [["layer1.0", -1]], [["layer1.0", True]], [[1, 2]], ["x"], 7, None])
def test_what_is_no_pin_is_left_out(kept: object) -> None:
    held = Desk(SessionState(pins=kept))  # type: ignore[arg-type]
    assert held.desk.pins == ()


def test_layers_that_the_network_lacks_are_not_asked_for() -> None:
    held = Desk(SessionState(layer="relu", pins=[["features.0", 3]]))
    assert held.studio.subject.layers() == ("relu",)
    assert held.desk.pins == (Pin("features.0", 3),)
