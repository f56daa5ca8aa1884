"""Fields and pins in the workspace as it is connected; the engine's answers are given."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QGraphicsView, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.pins import Pin
from resnet_studio.gui.activations.workspace import ActivationsWorkspace
from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.common.mosaic import MosaicView
from resnet_studio.gui.engine_client import EngineClient, EngineConnection
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.feature_maps import layer_maps
from resnet_studio.inference.values import ForwardResult, Frame, Photograph, Preprocessing, WeightsInfo
from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.presets import preset
from resnet_studio.networks.receptive_field import field

RESNET = preset("resnet18")
INFO = WeightsInfo("random, seed 0", False, Preprocessing(224, 224, (0.5,) * 3, (0.2,) * 3), ("class 0",))
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


class Workspace:
    """The workspace with the sample photograph in ResNet-18, looked at in layer1.0 (4 channels of 56×56 here)."""

    def __init__(self, qtbot: QtBot, kept: SessionState) -> None:
        self.kept = kept
        self.work = EngineClient(EngineConnection())
        self.studio = AppController(kept, self.work)
        self.room = ActivationsWorkspace(self.studio, self.work)
        self.view = self.room.make()
        qtbot.addWidget(self.view)
        self.view.resize(1100, 900)
        self.view.show()
        self.studio.begin()
        self.work.photograph_opened.emit(Photograph("sample:china", np.zeros((400, 600, 3), np.uint8), "00"))
        self.answer()

    def answer(self) -> None:
        """Answer as the engine does: every layer that something on the screen shows."""
        sides = {"layer1.0": 56, "layer2.0": 28, "layer2.1": 28}
        shapes = {name: (4, sides[name], sides[name]) for name in self.studio.subject.layers()}
        maps = tuple(
            layer_maps(name, np.random.default_rng(0).random(shape).astype(np.float32))
            for name, shape in shapes.items()
        )
        seen = np.zeros((224, 224, 3), np.uint8)
        look = ForwardResult(self.studio.subject.subject, "00", Frame(300, 200, 400, 400), seen, INFO, maps, 0.1, ())
        self.work.answered.emit("look", look)
        QApplication.processEvents()

    @property
    def mosaic(self) -> MosaicView:
        return self.view.findChild(MosaicView, "featureMaps")

    @property
    def pins(self) -> list[Pin]:
        return [view.pin for view in self.view.tray.views()]

    def named(self, kind: type[QWidget], name: str) -> QWidget:
        return self.view.findChild(kind, name)


@pytest.fixture
def workspace(qtbot: QtBot) -> Iterator[Workspace]:
    held = Workspace(qtbot, SessionState(architecture=to_json(RESNET), layer="layer1.0"))
    yield held
    held.room.pages.stop()


def test_a_value_under_the_mouse_has_its_field_drawn(workspace: Workspace) -> None:
    pictures = workspace.view.input
    assert pictures.fields()[1].isEmpty()
    surface = workspace.named(QWidget, "channelMap")
    side = min(surface.width(), surface.height())
    QTest.mouseMove(surface, QPoint(int(side * 20.5 / 56), int(side * 10.5 / 56)))
    drawn, whole = pictures.fields()[1].boundingRect(), pictures.boxes()[1]
    wanted, scale = field(RESNET, "layer1.0", 10, 20), whole.width() / 224
    assert drawn.left() - whole.left() == pytest.approx(wanted.left * scale)
    assert drawn.width() == pytest.approx(wanted.width * scale)
    assert drawn.top() == pytest.approx(wanted.top * scale)
    QTest.mouseMove(workspace.view.input, QPoint(1, 1))
    QApplication.sendEvent(surface, QEvent(QEvent.Type.Leave))
    assert pictures.fields()[1].isEmpty()
    assert workspace.named(QLabel, "channelSight").text() == f"sees {wanted.width}×{wanted.height}"


def test_the_mosaic_draws_fields_too_and_leaving_takes_them_away(workspace: Workspace) -> None:
    surface = workspace.mosaic.findChild(QGraphicsView).viewport()
    QTest.mouseMove(surface, QPoint(60, 60))
    assert not workspace.view.input.fields()[0].isEmpty()
    QApplication.sendEvent(surface, QEvent(QEvent.Type.Leave))
    assert workspace.view.input.fields()[0].isEmpty()


def test_p_and_the_button_pin_and_unpin(qtbot: QtBot, workspace: Workspace) -> None:
    workspace.mosaic.setFocus()
    QTest.keyClick(workspace.mosaic, Qt.Key.Key_Right)
    QTest.keyClick(workspace.mosaic, Qt.Key.Key_P)
    assert workspace.pins == [Pin("layer1.0", 1)]
    button = workspace.named(QPushButton, "pinChannel")
    assert button.text() == "Unpin"
    qtbot.mouseClick(button, LEFT)
    assert workspace.pins == []
    assert button.text() == "Pin"


def test_pins_stay_and_lead_back(workspace: Workspace) -> None:
    workspace.mosaic.setFocus()
    QTest.keyClick(workspace.mosaic, Qt.Key.Key_Right)
    QTest.keyClick(workspace.mosaic, Qt.Key.Key_P)
    workspace.studio.subject.choose_layer("layer2.0")
    assert workspace.studio.subject.layers() == ("layer2.0", "layer1.0")
    workspace.answer()
    QTest.keyClick(workspace.mosaic, Qt.Key.Key_P)
    QTest.keyClick(workspace.mosaic, Qt.Key.Key_Left)
    workspace.studio.subject.choose_layer("layer2.1")
    workspace.answer()
    assert workspace.pins == [Pin("layer1.0", 1), Pin("layer2.0", 1)]
    QTest.mouseClick(workspace.view.tray.views()[0], LEFT, NONE, QPoint(20, 20))
    assert workspace.studio.subject.layer == "layer1.0"
    assert workspace.named(QLabel, "channelTitle").text() == "channel 1"
    assert workspace.kept.pins == [["layer1.0", 1], ["layer2.0", 1]]


def test_pins_of_the_last_time_are_there(qtbot: QtBot) -> None:
    held = Workspace(qtbot, SessionState(architecture=to_json(RESNET), layer="layer1.0", pins=[["layer2.0", 2]]))
    assert held.pins == [Pin("layer2.0", 2)]
    assert held.studio.subject.layers() == ("layer1.0", "layer2.0")
    held.room.pages.stop()
