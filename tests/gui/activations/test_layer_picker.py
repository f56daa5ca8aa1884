"""The layer picker: structure, keys, search."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QTreeView
from pytestqt.qtbot import QtBot

from resnet_studio.gui import theme
from resnet_studio.gui.activations.layer_picker import MAX_EXPANDED, LayerPicker
from resnet_studio.networks.presets import preset


@pytest.fixture
def layers(qtbot: QtBot) -> LayerPicker:
    layers = LayerPicker()
    qtbot.addWidget(layers)
    layers.resize(200, 700)
    layers.show_layers(preset("resnet18"))
    layers.show()
    return layers


def tree(layers: LayerPicker) -> QTreeView:
    return layers.findChild(QTreeView, "layerList")


def below(layers: LayerPicker, parent: QModelIndex | None = None) -> list[str]:
    model = tree(layers).model()
    parent = parent or QModelIndex()
    return [model.index(row, 0, parent).data() for row in range(model.rowCount(parent))]


def selected(layers: LayerPicker) -> str:
    return str(tree(layers).currentIndex().data())


def test_stages_blocks_and_layers(layers: LayerPicker) -> None:
    model = tree(layers).model()
    assert below(layers) == ["conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "fc"]
    assert below(layers, model.index(2, 0)) == ["layer2.0", "layer2.1"]
    assert below(layers, model.index(0, 0, model.index(2, 0))) == [
        "conv1", "bn1", "relu1", "conv2", "bn2", "downsample.0", "downsample.1", "add", "relu2"
    ]  # fmt: skip
    mark = model.index(2, 0).data(Qt.ItemDataRole.DecorationRole)
    assert mark == QColor(theme.STAGE_COLORS["conv3_x"])


def test_layers_that_are_never_called_are_not_listed(layers: LayerPicker) -> None:
    layers.show_layers(preset("article18"))
    layers.show_selected("layer1.0.conv1")
    assert "unused_conv" not in below(layers, tree(layers).currentIndex().parent())


def test_keys_skip_stages_and_select_blocks_and_layers(qtbot: QtBot, layers: LayerPicker) -> None:
    emitted: list[str] = []
    layers.layerSelected.connect(emitted.append)
    tree(layers).setCurrentIndex(tree(layers).model().index(0, 0))
    tree(layers).setFocus()
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Down):
        QTest.keyClick(tree(layers), key)
    assert emitted == ["maxpool", "layer1.0", "layer1.0.conv1"]


@pytest.mark.parametrize("name", ["conv1", "fc", "layer3.1", "layer3.1.relu2"])
def test_show_selected_does_not_emit(layers: LayerPicker, name: str) -> None:
    emitted: list[str] = []
    layers.layerSelected.connect(emitted.append)
    layers.show_selected(name)
    assert name.endswith(selected(layers))
    assert tree(layers).currentIndex().parent().isValid()  # the layer, not the stage of the same name
    assert not tree(layers).visualRect(tree(layers).currentIndex()).isEmpty()
    assert not emitted


def test_the_selected_layer_survives_another_architecture(layers: LayerPicker) -> None:
    layers.show_selected("layer2.1.relu1")
    layers.show_layers(preset("resnet50"))
    assert selected(layers) == "relu1"
    layers.show_layers(preset("vgg19"))
    assert not tree(layers).currentIndex().isValid()
    layers.show_layers(preset("resnet34"))
    assert selected(layers) == "relu1"


def test_a_search_filters_and_selects_nothing_by_itself(qtbot: QtBot, layers: LayerPicker) -> None:
    emitted: list[str] = []
    layers.layerSelected.connect(emitted.append)
    layers.show_selected("layer2.0.relu1")
    search = layers.findChild(QLineEdit, "findMaps")
    qtbot.keyClicks(search, "layer3.1.BN")
    assert below(layers) == ["conv4_x"]
    assert emitted == []
    qtbot.keyClick(search, Qt.Key.Key_Return)
    assert emitted == ["layer3.1"]
    search.clear()
    assert len(below(layers)) == 6
    assert emitted == ["layer3.1"]
    assert selected(layers) == "layer3.1"


def test_a_search_without_a_match_shows_a_hint(qtbot: QtBot, layers: LayerPicker) -> None:
    search = layers.findChild(QLineEdit, "findMaps")
    qtbot.keyClicks(search, "layer9")
    texts = [label.text() for label in layers.findChildren(QLabel) if label.isVisible()]
    assert texts == ["No matching layers. Clear the search to see all layers."]
    QApplication.processEvents()


@pytest.mark.parametrize("name", ["resnet50", "resnet20-cifar", "vgg19", "densenet121", "vit_b_16"])
def test_the_filtered_model_passes_qts_model_tester(layers: LayerPicker, name: str) -> None:
    model = tree(layers).model()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    layers.show_layers(preset(name))
    layers.findChild(QLineEdit, "findMaps").setText("conv")
    assert model.rowCount() > 0


def test_a_search_in_a_deep_network_expands_the_first_matches_only(qtbot: QtBot, layers: LayerPicker) -> None:
    """A tree view asks for each expanded row at every key press; expanding all 48,000 took seconds."""
    layers.show_layers(replace(preset("resnet50"), blocks=(999,) * 4))
    search = layers.findChild(QLineEdit, "findMaps")
    qtbot.keyClicks(search, "relu")
    assert below(layers) == ["conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x"]
    index, shown = tree(layers).model().index(0, 0), []
    while index.isValid():
        shown.append(str(index.data()))
        index = tree(layers).indexBelow(index)
    assert shown[:7] == ["conv1", "relu", "conv2_x", "layer1.0", "relu1", "relu2", "relu3"]
    assert shown[-3:] == ["conv3_x", "conv4_x", "conv5_x"]
    assert len(shown) < MAX_EXPANDED + 100
    search.setText("layer4.998.bn")
    assert below(layers) == ["conv5_x"]
    qtbot.keyClick(search, Qt.Key.Key_Return)
    assert selected(layers) == "layer4.998"


def test_what_is_expanded_stays_when_only_sizes_change(layers: LayerPicker) -> None:
    first = tree(layers).model().index(1, 0)
    tree(layers).expand(first)
    layers.show_layers(replace(preset("resnet18"), image=96))
    assert tree(layers).isExpanded(tree(layers).model().index(1, 0))
    assert first.data(Qt.ItemDataRole.ToolTipRole) == "2 blocks\noutput 64×24×24"
    block = tree(layers).model().index(1, 0, first)
    assert block.data(Qt.ItemDataRole.ToolTipRole) == "basic, identity\noutput 64×24×24"
    layer = tree(layers).model().index(0, 0, block)
    assert layer.data(Qt.ItemDataRole.ToolTipRole) == "layer1.0.conv1: conv\noutput 64×24×24"
