"""The layer table on the screen: structure, units, hover, search, copy."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPushButton, QToolButton, QTreeView
from pytestqt.qtbot import QtBot

from resnet_studio.analysis.table import plan_table
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.layers.model import LayerColumn, LayerModel
from resnet_studio.gui.layers.view import LayersView
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import preset

CONV1_MACS = 3 * 7 * 7 * 64 * 112 * 112


@pytest.fixture
def view(qtbot: QtBot) -> LayersView:
    view = LayersView()
    qtbot.addWidget(view)
    view.resize(1100, 800)
    view.show_table(plan_table(preset("resnet50")))
    view.show()
    return view


def cell(view: LayersView, name: str, column: LayerColumn, role: Qt.ItemDataRole = Qt.ItemDataRole.DisplayRole) -> str:
    model = view.findChild(QTreeView, "layerTable").model()
    index = model.find(name)
    return str(model.data(index.siblingAtColumn(column), role))


@pytest.mark.parametrize("name", ["resnet50", "plain20-cifar", "article18", "vgg19", "vit_b_16", "inception_v3"])
def test_the_model_passes_qts_tester(name: str) -> None:
    model = LayerModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.set_table(plan_table(preset("resnet18")))
    model.set_table(plan_table(preset(name)))
    stages = [model.index(row, 0).data() for row in range(model.rowCount())]
    layers = plan(preset(name))
    assert stages[0] == layers[0].stage
    assert stages[-2:] == [layers[-1].stage, "total"]


def test_lines_are_stage_block_and_layer(view: LayersView) -> None:
    model = view.findChild(QTreeView, "layerTable").model()
    conv2 = model.find("conv2_x")
    assert conv2.parent() == QModelIndex()
    assert [model.index(row, 0, conv2).data() for row in range(model.rowCount(conv2))] == [
        "maxpool", "layer1.0", "layer1.1", "layer1.2"
    ]  # fmt: skip
    assert model.find("layer1.0.conv2").parent().data() == "layer1.0"
    assert model.find("layer1.0.conv2").data() == "conv2"
    assert model.find("layer1.0.conv2").data(Qt.ItemDataRole.ToolTipRole).startswith("layer1.0.conv2: conv")


def test_a_layers_cells(view: LayersView) -> None:
    assert cell(view, "conv1", LayerColumn.OUTPUT) == "64×112×112"
    convolution = view.findChild(QTreeView, "layerTable").model()
    stage = convolution.find("conv1")
    layer = convolution.index(0, 0, stage)
    assert layer.siblingAtColumn(LayerColumn.KERNEL).data() == "7×7, 64, /2"
    assert layer.siblingAtColumn(LayerColumn.PARAMETERS).data() == f"{3 * 7 * 7 * 64:,}"
    assert layer.siblingAtColumn(LayerColumn.FLOPS).data() == "118 M"
    assert f"{CONV1_MACS:,}" in layer.siblingAtColumn(LayerColumn.FLOPS).data(Qt.ItemDataRole.ToolTipRole)
    assert "⌊(224 + 2·3 − 7) / 2⌋ + 1 = 112" in layer.data(Qt.ItemDataRole.ToolTipRole)


def test_unit_switch_doubles_every_figure_and_says_so(qtbot: QtBot, view: LayersView) -> None:
    switch = view.findChild(SegmentedControl, "unitSwitch")
    qtbot.mouseClick(switch.button("operations"), Qt.MouseButton.LeftButton)
    tree = view.findChild(QTreeView, "layerTable")
    assert tree.model().headerData(LayerColumn.FLOPS, Qt.Orientation.Horizontal) == "FLOPs (2 × MAC)"
    tip = cell(view, "conv1", LayerColumn.FLOPS, Qt.ItemDataRole.ToolTipRole)
    assert f"{2 * CONV1_MACS:,} FLOPs, 2 per multiply-add" in tip


def test_everything_fvcore_counts_is_a_dash_until_it_has(view: LayersView) -> None:
    choice = view.findChild(QComboBox, "countChoice")
    choice.setCurrentIndex(1)
    choice.activated.emit(1)
    assert cell(view, "total", LayerColumn.FLOPS) == "…"


def test_search_goes_through_the_matches(qtbot: QtBot, view: LayersView) -> None:
    selected: list[str] = []
    view.layerSelected.connect(selected.append)
    view.start_search()
    line = view.findChild(QLineEdit, "findLayer")
    qtbot.keyClicks(line, "layer3.5.CONV2")
    assert selected[-1] == "layer3.5.conv2"
    line.clear()
    qtbot.keyClicks(line, "downsample.0")
    first = selected[-1]
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert first != selected[-1]
    assert selected[-1].endswith("downsample.0")


def test_same_layers_keep_their_place_when_another_counter_answers(view: LayersView) -> None:
    tree = view.findChild(QTreeView, "layerTable")
    view.show_layer("layer2.0")
    view.show_table(plan_table(preset("resnet50-v1.5")))
    assert tree.isExpanded(tree.model().find("layer2.0"))
    assert tree.currentIndex().data() == "layer2.0"
    assert cell(view, "layer2.0.conv1", LayerColumn.KERNEL) == "1×1, 128"  # the stride has moved to the 3×3


def test_what_was_open_stays_open_at_another_depth(view: LayersView) -> None:
    tree = view.findChild(QTreeView, "layerTable")
    tree.expand(tree.model().find("conv4_x"))
    view.show_table(plan_table(preset("resnet152")))
    assert tree.isExpanded(tree.model().find("conv4_x"))
    assert tree.model().rowCount(tree.model().find("conv4_x")) == 36


def test_copied_table_is_the_table(qtbot: QtBot, view: LayersView) -> None:
    menu = view.findChild(QToolButton, "copyTable").menu()
    {action.text(): action for action in menu.actions()}["Copy as JSON"].trigger()
    copied = json.loads(QGuiApplication.clipboard().text())
    assert copied["totals"]["parameters"] == 25_557_032
    {action.text(): action for action in menu.actions()}["Copy as Markdown"].trigger()
    assert "| conv2_x" in QGuiApplication.clipboard().text()


def test_asterisk_opens_all_below_whichever_cell_was_clicked(qtbot: QtBot, view: LayersView) -> None:
    tree = view.findChild(QTreeView, "layerTable")
    cell = tree.visualRect(tree.model().find("layer1.0").siblingAtColumn(LayerColumn.KERNEL)).center()
    qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=cell)
    qtbot.keyClick(tree, Qt.Key.Key_Asterisk)
    assert tree.isExpanded(tree.model().find("layer1.0"))


@pytest.mark.parametrize("width", [780, 1120])
def test_the_parameters_column_fits_its_total(view: LayersView, width: int) -> None:
    view.resize(width, 700)
    view.show_table(plan_table(replace(preset("resnet152"), width=2048)))
    total = view.findChild(QTreeView, "layerTotal")
    assert total.header().sectionSize(LayerColumn.PARAMETERS) >= total.sizeHintForColumn(LayerColumn.PARAMETERS)


def test_summary_is_one_click_away(qtbot: QtBot, view: LayersView) -> None:
    with qtbot.waitSignal(view.summaryRequested):
        qtbot.mouseClick(view.findChild(QPushButton, "torchinfo"), Qt.MouseButton.LeftButton)
    assert not view.findChild(QTreeView, "layerTable").isVisible()
    qtbot.mouseClick(view.findChild(QPushButton, "torchinfo"), Qt.MouseButton.LeftButton)
    assert view.findChild(QTreeView, "layerTable").isVisible()


def test_search_leaves_the_summary_for_the_table(qtbot: QtBot, view: LayersView) -> None:
    qtbot.mouseClick(view.findChild(QPushButton, "torchinfo"), Qt.MouseButton.LeftButton)
    view.start_search()
    qtbot.keyClicks(view.findChild(QLineEdit, "findLayer"), "layer3.1")
    assert view.findChild(QTreeView, "layerTable").isVisible()
    assert view.findChild(QTreeView, "layerTable").currentIndex().data() == "layer3.1"


def test_the_caveat_is_shown(view: LayersView) -> None:
    assert "analytic count" in view.findChild(QLabel, "uncounted").text()
