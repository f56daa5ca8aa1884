"""The whole window, with a real engine, for inputs that are not square and for more channels than a photograph has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QLineEdit, QTreeView
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.input.view import InputView
from resnet_studio.gui.activations.workspace import ActivationsWorkspace
from resnet_studio.gui.common.mosaic import MosaicView
from resnet_studio.gui.layers.model import LayerColumn
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.values import ForwardResult
from resnet_studio.networks.presets import preset
from workspace_numbers import ACTIVATIONS, LAYERS

SMALL = replace(preset("resnet18"), image=64, width=8)


def type_into(qtbot: QtBot, window: MainWindow, field: str, text: str) -> QLineEdit:
    line = window.findChild(QLineEdit, field)
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, text)
    qtbot.keyClick(line, Qt.Key.Key_Return)
    return line


def output_text(window: MainWindow, layer: str) -> str:
    model = window.findChild(QTreeView, "layerTable").model()
    return str(model.find(layer).siblingAtColumn(LayerColumn.OUTPUT).data())


def test_a_typed_height_and_width_give_their_table_and_their_maps(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow]
) -> None:
    window = opened(SessionState(architecture=SMALL, workspace=LAYERS))
    line = type_into(qtbot, window, "image", "64x96")
    architecture = replace(SMALL, image=(64, 96))
    assert window.controller.session.architecture == architecture
    assert line.text() == "64x96"
    assert output_text(window, "conv1").endswith("32×48")
    assert output_text(window, "layer4.1").endswith("2×3")
    qtbot.waitUntil(lambda: "agree ✓" in window.findChild(QLabel, "uncounted").text())
    results: list[ForwardResult] = []
    window.controller.activations.forwardFinished.connect(results.append)
    window.workspaces.setCurrentIndex(ACTIVATIONS)
    qtbot.waitUntil(lambda: bool(results) and results[-1].spec.architecture == architecture)
    assert results[-1].model_input.shape == (64, 96, 3)
    assert results[-1].layers[0].values.shape == (8, 32, 48)
    geometry = window.findChild(InputView).picture_geometry
    assert geometry.boxes[1].width() == pytest.approx(1.5 * geometry.boxes[1].height())
    assert window.findChild(InputView).captions()[1] == "network input\n64×96 (h×w)"
    maps = window.findChild(MosaicView, "featureMaps")
    assert maps.pixels(0).shape == (32, 48, 3)


@pytest.mark.parametrize("text", ["64x", "64x96x3", "64x0"])
def test_half_a_size_is_refused_under_the_field_and_the_network_stays(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow], text: str
) -> None:
    window = opened(SessionState(architecture=SMALL, workspace=LAYERS))
    line = type_into(qtbot, window, "image", text)
    problem = window.findChild(QLabel, "imageProblem")
    assert problem.isVisible()
    assert problem.text().startswith("must be ")
    assert line.text() == text
    assert window.controller.session.architecture == SMALL


@pytest.mark.parametrize("channels", [2, 5])
def test_a_photograph_for_a_network_of_other_channels_is_refused_in_a_sentence(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow], channels: int
) -> None:
    window = opened(SessionState(architecture=replace(SMALL, channels=channels), workspace=LAYERS))
    qtbot.waitUntil(lambda: "agree ✓" in window.findChild(QLabel, "uncounted").text())
    with qtbot.waitSignal(window.controller.forwardFailed):
        window.workspaces.setCurrentIndex(ACTIVATIONS)
    assert f"this network takes {channels}" in window.message_bar.text
    qtbot.waitUntil(lambda: window.engine.state == "ready")
    workspace = window.findChild(ActivationsWorkspace)
    with qtbot.waitSignal(workspace.factory.kernels.kernelsChanged) as loaded:
        workspace.tabs.setCurrentIndex(workspace.pages.index("Kernels"))
    assert loaded.args[0].values.shape == (8, channels, 7, 7)
