"""Receptive fields and pins in the connected workspace; the test stands in for the engine."""

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
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.feature_maps import layer_maps
from resnet_studio.inference.values import ForwardResult, Frame, Photograph, Preprocessing, WeightsInfo
from resnet_studio.networks.presets import preset
from resnet_studio.networks.receptive_field import receptive_field

RESNET = preset("resnet18")
INFO = WeightsInfo("random, seed 0", False, Preprocessing(224, 224, (0.5,) * 3, (0.2,) * 3), ("class 0",))
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


class WorkspaceHarness:
    """The workspace with the sample photograph in ResNet-18, at layer1.0 (4 channels of 56×56 here)."""

    def __init__(self, qtbot: QtBot, state: SessionState) -> None:
        self.engine = EngineClient()
        self.app = AppController(state, self.engine)
        self.workspace = ActivationsWorkspace(self.app)
        self.view = self.workspace.make()
        qtbot.addWidget(self.view)
        self.view.resize(1100, 900)
        self.view.show()
        self.app.start()
        self.app.images.photographOpened.emit(Photograph("sample:china", np.zeros((400, 600, 3), np.uint8), "00"))
        self.answer()

    def answer(self) -> None:
        """Answer as the engine does: every layer that a view shows."""
        sides = {"layer1.0": 56, "layer2.0": 28, "layer2.1": 28}
        shapes = {name: (4, sides[name], sides[name]) for name in self.app.activations.visible_layers()}
        maps = tuple(
            layer_maps(name, np.random.default_rng(0).random(shape).astype(np.float32))
            for name, shape in shapes.items()
        )
        model_input = np.zeros((224, 224, 3), np.uint8)
        result = ForwardResult(
            self.app.activations.spec, "00", Frame(300, 200, 400, 400), model_input, INFO, maps, 0.1, ()
        )
        self.app.activations.result = result
        self.app.activations.forwardFinished.emit(result)
        QApplication.processEvents()

    @property
    def mosaic(self) -> MosaicView:
        return self.view.findChild(MosaicView, "featureMaps")

    @property
    def pins(self) -> list[Pin]:
        return [view.pin for view in self.view.pin_bar.views()]

    def find(self, kind: type[QWidget], name: str) -> QWidget:
        return self.view.findChild(kind, name)


@pytest.fixture
def harness(qtbot: QtBot) -> Iterator[WorkspaceHarness]:
    harness = WorkspaceHarness(qtbot, SessionState(architecture=RESNET, layer="layer1.0"))
    yield harness
    harness.workspace.tabs.stop()


def test_the_receptive_field_of_the_value_under_the_mouse_is_drawn(harness: WorkspaceHarness) -> None:
    pictures = harness.view.input
    assert pictures.picture_geometry.receptive_field_polygons[1].isEmpty()
    surface = harness.find(QWidget, "channelMap")
    side = min(surface.width(), surface.height())
    QTest.mouseMove(surface, QPoint(int(side * 20.5 / 56), int(side * 10.5 / 56)))
    polygon, whole = (
        pictures.picture_geometry.receptive_field_polygons[1].boundingRect(),
        pictures.picture_geometry.boxes[1],
    )
    field, scale = receptive_field(RESNET, "layer1.0", 10, 20), whole.width() / 224
    assert polygon.left() - whole.left() == pytest.approx(field.left * scale)
    assert polygon.width() == pytest.approx(field.width * scale)
    assert polygon.top() == pytest.approx(field.top * scale)
    QTest.mouseMove(harness.view.input, QPoint(1, 1))
    QApplication.sendEvent(surface, QEvent(QEvent.Type.Leave))
    assert pictures.picture_geometry.receptive_field_polygons[1].isEmpty()
    assert harness.find(QLabel, "channelSight").text() == f"RF {field.width}×{field.height}"


def test_the_mosaic_draws_receptive_fields_and_leaving_removes_them(harness: WorkspaceHarness) -> None:
    surface = harness.mosaic.findChild(QGraphicsView).viewport()
    QTest.mouseMove(surface, QPoint(60, 60))
    assert not harness.view.input.picture_geometry.receptive_field_polygons[0].isEmpty()
    QApplication.sendEvent(surface, QEvent(QEvent.Type.Leave))
    assert harness.view.input.picture_geometry.receptive_field_polygons[0].isEmpty()


def test_p_and_the_button_pin_and_unpin(qtbot: QtBot, harness: WorkspaceHarness) -> None:
    harness.mosaic.setFocus()
    QTest.keyClick(harness.mosaic, Qt.Key.Key_Right)
    QTest.keyClick(harness.mosaic, Qt.Key.Key_P)
    assert harness.pins == [Pin("layer1.0", 1)]
    button = harness.find(QPushButton, "pinChannel")
    assert button.text() == "Unpin"
    qtbot.mouseClick(button, LEFT)
    assert harness.pins == []
    assert button.text() == "Pin"


def test_pins_stay_and_select_their_channel(harness: WorkspaceHarness) -> None:
    harness.mosaic.setFocus()
    QTest.keyClick(harness.mosaic, Qt.Key.Key_Right)
    QTest.keyClick(harness.mosaic, Qt.Key.Key_P)
    harness.app.activations.set_layer("layer2.0")
    assert harness.app.activations.visible_layers() == ("layer2.0", "layer1.0")
    harness.answer()
    QTest.keyClick(harness.mosaic, Qt.Key.Key_P)
    QTest.keyClick(harness.mosaic, Qt.Key.Key_Left)
    harness.app.activations.set_layer("layer2.1")
    harness.answer()
    assert harness.pins == [Pin("layer1.0", 1), Pin("layer2.0", 1)]
    QTest.mouseClick(harness.view.pin_bar.views()[0], LEFT, NONE, QPoint(20, 20))
    assert harness.app.activations.layer == "layer1.0"
    assert harness.find(QLabel, "channelTitle").text() == "channel 1"
    assert harness.app.session.state.pins == [("layer1.0", 1), ("layer2.0", 1)]


def test_saved_pins_are_restored(qtbot: QtBot) -> None:
    harness = WorkspaceHarness(qtbot, SessionState(architecture=RESNET, layer="layer1.0", pins=[("layer2.0", 2)]))
    assert harness.pins == [Pin("layer2.0", 2)]
    assert harness.app.activations.visible_layers() == ("layer1.0", "layer2.0")
    harness.workspace.tabs.stop()
