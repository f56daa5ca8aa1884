"""The small figure of an architecture under mouse and keys."""

from __future__ import annotations

import itertools

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip, QTreeView
from pytestqt.qtbot import QtBot

from resnet_studio.gui import theme
from resnet_studio.gui.activations.architecture_strip import ArchitectureStrip
from resnet_studio.gui.activations.layer_picker import LayerPicker
from resnet_studio.networks.figure_parts import parts
from resnet_studio.networks.presets import PRESETS, preset
from themed import themed

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
RESNET = preset("resnet50")


@pytest.fixture
def figure(qtbot: QtBot) -> ArchitectureStrip:
    figure = ArchitectureStrip()
    qtbot.addWidget(figure)
    figure.resize(192, figure.sizeHint().height())
    figure.show_architecture(RESNET)
    figure.show()
    return figure


@pytest.fixture
def wished(figure: ArchitectureStrip) -> list[str]:
    names: list[str] = []
    figure.layer_chosen.connect(names.append)
    return names


def middle(figure: ArchitectureStrip, name: str) -> QPoint:
    number = next(number for number, part in enumerate(parts(RESNET)) if name in part.layers)
    return figure.boxes()[number].center().toPoint()


@pytest.mark.parametrize("network", PRESETS)
def test_every_network_fits(figure: ArchitectureStrip, network: str) -> None:
    figure.show_architecture(preset(network))
    boxes = figure.boxes()
    assert len(boxes) == len(parts(preset(network)))
    assert all(left.right() <= right.left() + 0.2 for left, right in itertools.pairwise(boxes))
    assert boxes[0].left() == 0
    assert boxes[-1].right() <= figure.width() + 0.2
    assert min(box.top() for box in boxes) >= 0
    assert max(box.bottom() for box in boxes) <= figure.height() <= 120
    figure.show_chosen(parts(preset(network))[3].name)
    figure.grab()


def test_a_click_chooses_what_comes_out(figure: ArchitectureStrip, wished: list[str]) -> None:
    for name in ("relu", "maxpool", "layer3.4", "fc"):
        QTest.mouseClick(figure, LEFT, NONE, middle(figure, name))
    assert wished == ["relu", "maxpool", "layer3.4", "fc"]
    assert figure.accessibleDescription().startswith("fc · fc")


def test_arrow_keys_walk(figure: ArchitectureStrip, wished: list[str]) -> None:
    figure.show_chosen("layer1.0.relu2")
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Home, Qt.Key.Key_End):
        QTest.keyClick(figure, key)
    assert wished == ["layer1.1", "layer1.0", "maxpool", "relu", "fc"]


def test_stages_have_their_colours_and_the_chosen_block_a_mark(figure: ArchitectureStrip) -> None:
    image = figure.grab().toImage()
    for name, stage in (("layer1.1", "conv2_x"), ("layer4.0", "conv5_x")):
        assert image.pixelColor(middle(figure, name)) == theme.stage_colour(stage)
    figure.show_chosen("layer3.2.conv1")
    below = middle(figure, "layer3.2")
    below.setY(below.y() + int(figure.boxes()[parts_at("layer3.2")].height() / 2) + 5)
    assert figure.grab().toImage().pixelColor(below).name() == theme.current().accent
    with themed("dark"):
        figure.grab()


def parts_at(name: str) -> int:
    return next(number for number, part in enumerate(parts(RESNET)) if part.name == name)


def test_hovering_names_a_block(figure: ArchitectureStrip) -> None:
    point = middle(figure, "layer2.0")
    QTest.mouseMove(figure, point)
    QApplication.sendEvent(figure, QHelpEvent(QHelpEvent.Type.ToolTip, point, figure.mapToGlobal(point)))
    assert QToolTip.text() == "layer2.0 · conv3_x\nbottleneck, projection, output 28×28"
    QToolTip.hideText()


def test_figure_and_tree_go_together(qtbot: QtBot) -> None:
    layers = LayerPicker()
    qtbot.addWidget(layers)
    layers.resize(192, 600)
    layers.show_layers(RESNET)
    layers.show_chosen("layer2.1.conv1")
    layers.show()
    figure = layers.findChild(ArchitectureStrip)
    wished: list[str] = []
    layers.layer_chosen.connect(wished.append)
    assert figure.accessibleDescription().startswith("layer2.1")
    QTest.keyClick(figure, Qt.Key.Key_Right)
    assert wished == ["layer2.2"]
    tree = layers.findChild(QTreeView, "layerList")
    assert tree.currentIndex().data() == "layer2.2"
    QTest.keyClick(tree, Qt.Key.Key_Down)
    assert wished == ["layer2.2", "layer2.3"]
    assert figure.accessibleDescription().startswith("layer2.3")
