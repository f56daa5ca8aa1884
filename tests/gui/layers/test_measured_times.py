"""Columns of the layer table that can be hidden, measured times, and where they disagree with FLOPs."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QLabel, QLineEdit, QMenu, QPushButton, QTableView, QToolButton, QTreeView
from pytestqt.qtbot import QtBot

from resnet_studio.analysis.measurement import Measurement, MeasurementSpec, Timing
from resnet_studio.analysis.table import plan_table
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.layers.model import LayerColumn
from resnet_studio.gui.layers.time_page import TimeColumn, TimeModel
from resnet_studio.gui.layers.view import LayersView
from resnet_studio.networks.plan import called_layers
from resnet_studio.networks.presets import preset

RESNET = preset("resnet50")
BATCH = 4


def made_up() -> Measurement:
    """A convolution takes 2 ms for a batch of four, any other layer 1 ms, and the network itself 9 ms."""
    layers = {layer.name: 2e-3 if layer.kind == "conv" else 1e-3 for layer in called_layers(RESNET)}
    whole = sum(layers.values()) + 9e-3
    timing = Timing(whole, 0.9 * whole, 1.2 * whole, 20)
    return Measurement(MeasurementSpec(RESNET, batch=BATCH), timing, layers, "a processor", 2, {"torch": "2"}, 0.0)


@pytest.fixture
def view(qtbot: QtBot) -> LayersView:
    view = LayersView()
    qtbot.addWidget(view)
    view.resize(1100, 800)
    view.show_table(plan_table(RESNET))
    view.show()
    return view


def tree(view: LayersView) -> QTreeView:
    return view.findChild(QTreeView, "layerTable")


def cell(view: LayersView, name: str, column: LayerColumn) -> str:
    return str(tree(view).model().find(name).siblingAtColumn(column).data())


def trigger(menu: QMenu, text: str) -> None:
    {action.text(): action for action in menu.actions()}[text].trigger()


def test_columns_are_hidden_and_shown_from_the_menu(view: LayersView) -> None:
    menu, hidden = view.findChild(QToolButton, "columnsButton").menu(), []
    view.hiddenColumnsChanged.connect(hidden.append)
    trigger(menu, "parameters")
    assert tree(view).isColumnHidden(LayerColumn.PARAMETERS)
    assert view.findChild(QTreeView, "layerTotal").isColumnHidden(LayerColumn.PARAMETERS)
    trigger(menu, "kernel")
    assert hidden == [["parameters"], ["kernel", "parameters"]]
    view.set_hidden_columns(hidden[0])
    assert not tree(view).isColumnHidden(LayerColumn.KERNEL)
    trigger(menu, "parameters")
    assert not tree(view).isColumnHidden(LayerColumn.PARAMETERS)


def test_receptive_fields_are_those_of_the_paper_s_windows(view: LayersView) -> None:
    """7 at conv1; the 3×3 pool over conv1's outputs, which are 2 pixels apart, adds 2 · 2; a 3×3 there 2 · 4."""
    assert cell(view, "relu", LayerColumn.FIELD) == "7×7"
    assert cell(view, "maxpool", LayerColumn.FIELD) == "11×11"
    assert cell(view, "layer1.0.conv2", LayerColumn.FIELD) == "19×19"
    assert cell(view, "fc", LayerColumn.FIELD) == "224×224"


def test_intensity_is_flops_per_moved_byte(view: LayersView) -> None:
    size = 56 * 56
    moved = 4 * (64 * size + 64 * size + 64 * 64 * 9)
    assert cell(view, "layer1.0.conv2", LayerColumn.INTENSITY) == f"{2 * 64 * 64 * 9 * size / moved:.3g}"
    assert cell(view, "layer1.0.bn2", LayerColumn.INTENSITY) == "–"


def test_times_appear_once_measured_and_go_with_the_network(view: LayersView) -> None:
    assert tree(view).isColumnHidden(LayerColumn.TIME)
    view.show_measurement(made_up())
    assert not tree(view).isColumnHidden(LayerColumn.TIME)
    assert cell(view, "layer1.0.conv2", LayerColumn.TIME) == "500 µs"
    assert cell(view, "layer1.1", LayerColumn.TIME) == "3.25 ms"  # 3 · 2 + 3 norms + 3 ReLUs + an addition, / 4
    layers = len(called_layers(RESNET)) + 53  # 53 convolutions, which count twice
    assert cell(view, "total", LayerColumn.TIME) == f"{(layers + 9) / 4:.1f} ms"
    assert cell(view, "total", LayerColumn.TIME_SHARE) == f"{100 * layers / (layers + 9):.1f} %"
    line = view.findChild(QLabel, "measured")
    assert line.isVisible()
    assert "a processor" in line.text()
    assert "the rest 2.25 ms" in line.text()
    view.show_table(plan_table(preset("resnet101")))
    assert tree(view).isColumnHidden(LayerColumn.TIME)
    assert not line.isVisible()


def test_a_click_on_measure_is_seen_at_once_and_asks_once(qtbot: QtBot, view: LayersView) -> None:
    button, asked = view.findChild(QPushButton, "measure"), []
    view.measurementRequested.connect(lambda: asked.append(True))
    width = button.width()
    for _ in range(2):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert (button.text(), len(asked), button.width()) == ("Measuring…", 1, width)
    view.show_measuring(False)
    assert button.isEnabled()


def test_what_disagrees_most_is_on_top(qtbot: QtBot, view: LayersView) -> None:
    qtbot.mouseClick(view.findChild(QPushButton, "timesButton"), Qt.MouseButton.LeftButton)
    assert view.findChild(QLabel, "timeEmpty").isVisible()
    view.show_measurement(made_up())
    table = view.findChild(QTableView, "timeTable")
    assert table.isVisible()
    first = [str(table.model().index(0, column).data()) for column in TimeColumn]
    assert first[TimeColumn.NAME] == "conv"  # all but the last layer's FLOPs, in 53 of 175 layers
    assert first[TimeColumn.DIFFERENCE].startswith("−")
    assert "conv" in view.findChild(QLabel, "timeSummary").text()
    grouping = view.findChild(SegmentedControl, "timeGrouping")
    qtbot.mouseClick(grouping.button("layer"), Qt.MouseButton.LeftButton)
    assert table.model().rowCount() == len(called_layers(RESNET))


def test_a_part_that_is_clicked_is_current_in_the_table(qtbot: QtBot, view: LayersView) -> None:
    view.show_measurement(made_up())
    qtbot.mouseClick(view.findChild(QPushButton, "timesButton"), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(view.findChild(SegmentedControl, "timeGrouping").button("block"), Qt.MouseButton.LeftButton)
    table = view.findChild(QTableView, "timeTable")
    names = [table.model().part(row) for row in range(table.model().rowCount())]
    row = next(number for number, name in enumerate(names) if name.startswith("layer"))
    at = table.visualRect(table.model().index(row, 0)).center()
    with qtbot.waitSignal(view.layerSelected) as selected:
        qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(at))
    assert selected.args == [names[row]]


def test_the_search_counts_highlights_and_is_cleared(qtbot: QtBot, view: LayersView) -> None:
    view.start_search()
    field, found = view.findChild(QLineEdit, "findLayer"), view.findChild(QLabel, "searchMatches")
    qtbot.keyClicks(field, "downsample.0")
    assert found.text() == "1 of 4"
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert found.text() == "2 of 4"
    qtbot.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert found.text() == "1 of 4"
    model = tree(view).model()
    match, other = model.find("layer4.0.downsample.0"), model.find("layer4.0.conv1")
    assert match.data(Qt.ItemDataRole.BackgroundRole) is not None
    assert other.data(Qt.ItemDataRole.BackgroundRole) is None
    qtbot.keyClicks(field, "x")
    assert found.text() == "no match"
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == found.text() == ""
    assert match.data(Qt.ItemDataRole.BackgroundRole) is None


def test_the_unit_is_that_of_both_pages(qtbot: QtBot, view: LayersView) -> None:
    view.show_measurement(made_up())
    with qtbot.waitSignal(view.flopUnitSelected) as selected:
        qtbot.mouseClick(view.findChild(SegmentedControl, "unitSwitch").button("operations"), Qt.MouseButton.LeftButton)
    assert selected.args == ["operations"]
    times = view.findChild(QTableView, "timeTable").model()
    assert times.headerData(TimeColumn.FLOPS, Qt.Orientation.Horizontal) == "FLOPs (2 × MAC)"
    assert cell(view, "conv1", LayerColumn.FLOPS) == f"{2 * 3 * 49 * 64 * 112 * 112 / 1e6:.0f} M"


def test_the_model_of_times_passes_qts_tester() -> None:
    model = TimeModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.set_shares(())
