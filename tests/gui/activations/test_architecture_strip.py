"""The architecture strip under mouse and keys."""

from __future__ import annotations

import itertools

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip, QTreeView
from pytestqt.qtbot import QtBot

from architectures import OWN_PRESETS
from resnet_studio.gui import theme
from resnet_studio.gui.activations.architecture_strip import ArchitectureStrip
from resnet_studio.gui.activations.layer_picker import LayerPicker
from resnet_studio.networks.figure_parts import figure_parts
from resnet_studio.networks.presets import preset
from themed import themed

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
RESNET = preset("resnet50")


@pytest.fixture
def strip(qtbot: QtBot) -> ArchitectureStrip:
    strip = ArchitectureStrip()
    qtbot.addWidget(strip)
    strip.resize(192, strip.sizeHint().height())
    strip.show_architecture(RESNET)
    strip.show()
    return strip


@pytest.fixture
def selected(strip: ArchitectureStrip) -> list[str]:
    names: list[str] = []
    strip.layerSelected.connect(names.append)
    return names


def middle(strip: ArchitectureStrip, name: str) -> QPoint:
    number = next(number for number, part in enumerate(figure_parts(RESNET)) if name in part.layers)
    return strip.boxes()[number].center().toPoint()


@pytest.mark.parametrize("network", OWN_PRESETS)
def test_every_network_fits(strip: ArchitectureStrip, network: str) -> None:
    strip.show_architecture(preset(network))
    boxes = strip.boxes()
    assert len(boxes) == len(figure_parts(preset(network)))
    assert all(left.right() <= right.left() + 0.2 for left, right in itertools.pairwise(boxes))
    assert boxes[0].left() == 0
    assert boxes[-1].right() <= strip.width() + 0.2
    assert min(box.top() for box in boxes) >= 0
    assert max(box.bottom() for box in boxes) <= strip.height() <= 120
    strip.show_selected(figure_parts(preset(network))[3].name)
    strip.grab()


def test_a_click_selects_the_output_layer(strip: ArchitectureStrip, selected: list[str]) -> None:
    for name in ("relu", "maxpool", "layer3.4", "fc"):
        QTest.mouseClick(strip, LEFT, NONE, middle(strip, name))
    assert selected == ["relu", "maxpool", "layer3.4", "fc"]
    assert strip.accessibleDescription().startswith("fc · fc")


def test_arrow_keys_select_neighbors(strip: ArchitectureStrip, selected: list[str]) -> None:
    strip.show_selected("layer1.0.relu2")
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Home, Qt.Key.Key_End):
        QTest.keyClick(strip, key)
    assert selected == ["layer1.1", "layer1.0", "maxpool", "relu", "fc"]


def test_stages_have_their_colors_and_the_selected_block_a_mark(strip: ArchitectureStrip) -> None:
    image = strip.grab().toImage()
    for name, stage in (("layer1.1", "conv2_x"), ("layer4.0", "conv5_x")):
        assert image.pixelColor(middle(strip, name)) == theme.stage_color(stage)
    strip.show_selected("layer3.2.conv1")
    below = middle(strip, "layer3.2")
    below.setY(below.y() + int(strip.boxes()[parts_at("layer3.2")].height() / 2) + 5)
    assert strip.grab().toImage().pixelColor(below).name() == theme.current().accent
    with themed("dark"):
        strip.grab()


def parts_at(name: str) -> int:
    return next(number for number, part in enumerate(figure_parts(RESNET)) if part.name == name)


def test_hovering_shows_a_blocks_name(strip: ArchitectureStrip) -> None:
    point = middle(strip, "layer2.0")
    QTest.mouseMove(strip, point)
    QApplication.sendEvent(strip, QHelpEvent(QHelpEvent.Type.ToolTip, point, strip.mapToGlobal(point)))
    assert QToolTip.text() == "layer2.0 · conv3_x\nbottleneck, projection, output 28×28"
    QToolTip.hideText()


def test_strip_and_tree_share_the_selection(qtbot: QtBot) -> None:
    layers = LayerPicker()
    qtbot.addWidget(layers)
    layers.resize(192, 600)
    layers.show_layers(RESNET)
    layers.show_selected("layer2.1.conv1")
    layers.show()
    strip = layers.findChild(ArchitectureStrip)
    selected: list[str] = []
    layers.layerSelected.connect(selected.append)
    assert strip.accessibleDescription().startswith("layer2.1")
    QTest.keyClick(strip, Qt.Key.Key_Right)
    assert selected == ["layer2.2"]
    tree = layers.findChild(QTreeView, "layerList")
    assert tree.currentIndex().data() == "layer2.2"
    QTest.keyClick(tree, Qt.Key.Key_Down)
    assert selected == ["layer2.2", "layer2.3"]
    assert strip.accessibleDescription().startswith("layer2.3")
