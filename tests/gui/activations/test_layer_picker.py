"""The layers on offer: structure, walking, search."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QTreeView
from pytestqt.qtbot import QtBot

from resnet_studio.gui import theme
from resnet_studio.gui.activations.layer_picker import LayerPicker
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


def chosen(layers: LayerPicker) -> str:
    return str(tree(layers).currentIndex().data())


def test_stages_blocks_and_layers(layers: LayerPicker) -> None:
    model = tree(layers).model()
    assert below(layers) == ["conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "fc"]
    assert below(layers, model.index(2, 0)) == ["layer2.0", "layer2.1"]
    assert below(layers, model.index(0, 0, model.index(2, 0))) == [
        "conv1", "bn1", "relu1", "conv2", "bn2", "downsample.0", "downsample.1", "add", "relu2"
    ]  # fmt: skip
    mark = model.index(2, 0).data(Qt.ItemDataRole.DecorationRole)
    assert mark == QColor(theme.STAGE_COLOURS["conv3_x"])


def test_what_is_never_called_is_not_on_offer(layers: LayerPicker) -> None:
    layers.show_layers(preset("article18"))
    layers.show_chosen("layer1.0.conv1")
    assert "unused_conv" not in below(layers, tree(layers).currentIndex().parent())


def test_stages_are_walked_over_and_blocks_and_layers_chosen(qtbot: QtBot, layers: LayerPicker) -> None:
    seen: list[str] = []
    layers.layer_chosen.connect(seen.append)
    tree(layers).setCurrentIndex(tree(layers).model().index(0, 0))
    tree(layers).setFocus()
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Down):
        QTest.keyClick(tree(layers), key)
    assert seen == ["maxpool", "layer1.0", "layer1.0.conv1"]


@pytest.mark.parametrize("name", ["conv1", "fc", "layer3.1", "layer3.1.relu2"])
def test_shown_as_chosen_without_emitting(layers: LayerPicker, name: str) -> None:
    seen: list[str] = []
    layers.layer_chosen.connect(seen.append)
    layers.show_chosen(name)
    assert name.endswith(chosen(layers))
    assert tree(layers).currentIndex().parent().isValid()  # the layer, not the stage of its name
    assert not tree(layers).visualRect(tree(layers).currentIndex()).isEmpty()
    assert not seen


def test_chosen_layer_survives_another_architecture(layers: LayerPicker) -> None:
    layers.show_chosen("layer2.1.relu1")
    layers.show_layers(preset("resnet50"))
    assert chosen(layers) == "relu1"
    layers.show_layers(preset("vgg19"))
    assert not tree(layers).currentIndex().isValid()
    layers.show_layers(preset("resnet34"))
    assert chosen(layers) == "relu1"


def test_search_hides_the_rest_and_chooses_nothing_by_itself(qtbot: QtBot, layers: LayerPicker) -> None:
    seen: list[str] = []
    layers.layer_chosen.connect(seen.append)
    layers.show_chosen("layer2.0.relu1")
    search = layers.findChild(QLineEdit, "findMaps")
    qtbot.keyClicks(search, "layer3.1.BN")
    assert below(layers) == ["conv4_x"]
    assert seen == []
    qtbot.keyClick(search, Qt.Key.Key_Return)
    assert seen == ["layer3.1"]
    search.clear()
    assert len(below(layers)) == 6
    assert seen == ["layer3.1"]
    assert chosen(layers) == "layer3.1"


def test_search_without_result_says_what_to_do(qtbot: QtBot, layers: LayerPicker) -> None:
    search = layers.findChild(QLineEdit, "findMaps")
    qtbot.keyClicks(search, "layer9")
    told = [label.text() for label in layers.findChildren(QLabel) if label.isVisible()]
    assert told == ["No layer is called that. Clear the search to see them all."]
    QApplication.processEvents()


@pytest.mark.parametrize("name", ["resnet50", "resnet20-cifar", "vgg19"])
def test_filtered_model_keeps_qts_rules(layers: LayerPicker, name: str) -> None:
    model = tree(layers).model()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    layers.show_layers(preset(name))
    layers.findChild(QLineEdit, "findMaps").setText("conv")
    assert model.rowCount() > 0
