"""Networks as deep as the limits allow: an edit does not block the window, and the final values are right."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest
from PySide6.QtCore import QModelIndex
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QLabel, QLineEdit, QTreeView
from pytestqt.qtbot import QtBot

from resnet_studio.analysis.table import plan_table
from resnet_studio.gui.activations.workspace import ActivationsWorkspace
from resnet_studio.gui.layers.model import LayerModel
from resnet_studio.gui.layers.view import LayersView
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.networks.architecture import MOST_BLOCKS, MOST_STAGES, Architecture, Residual, to_json
from resnet_studio.networks.plan import MOST_LAYERS, _plans, clear_plans, plan
from resnet_studio.networks.presets import preset

DEEP = Residual(blocks=(3, 999, 6, 3))
DEEPEST = Residual(blocks=(MOST_BLOCKS,) * MOST_STAGES, shortcut="C", width=1)
MOST_CALLS = 500_000
"""Python calls in one turn of the event loop, about 90 ms; a count does not depend on the machine."""


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    """A window with every tab created, whose engine is off."""
    window = MainWindow(SessionState(figure_networks=[None, preset("vgg19")]))
    qtbot.addWidget(window)
    window.show()
    for number in range(window.workspaces.count()):
        window.workspaces.create_tab(number)
    for number in range(len(ActivationsWorkspace.pages)):
        window.findChild(ActivationsWorkspace).tabs.create_tab(number)
    yield window
    window.close()
    clear_plans()
    plan_table.cache_clear()


class Turns:
    """Counts the Python calls in each turn of the event loop with a profile hook."""

    def __init__(self, qtbot: QtBot) -> None:
        self.most = self._calls = 0
        self._qtbot = qtbot

    def until(self, window: MainWindow, architecture: Architecture) -> None:
        """Process the window's events until that architecture's table is shown."""
        shown: list[Architecture] = []
        window.controller.tableChanged.connect(lambda table: shown.append(table.architecture))
        sys.setprofile(self._count)
        try:
            self._qtbot.waitUntil(lambda: self._turn() and architecture in shown)
        finally:
            sys.setprofile(None)
        self._turn()

    def _turn(self) -> bool:
        self.most, self._calls = max(self.most, self._calls), 0
        return True

    def _count(self, frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            self._calls += 1
            if frame.f_code.co_name == "_run_slice":  # a slice begins: the previous turn has ended
                self._turn()


def total(window: MainWindow, column: int) -> str:
    model = window.findChild(QTreeView, "layerTable").model()
    return str(model.find("total").siblingAtColumn(column).data())


@pytest.mark.parametrize(
    ("deep", "pages"), [(preset("resnet1202-cifar"), (0,)), (DEEP, (0, 2, 3, 5)), (DEEPEST, (0,))],
    ids=["1202", "999", "deepest"],
)  # fmt: skip
def test_no_turn_of_the_event_loop_is_long(
    qtbot: QtBot, window: MainWindow, deep: Residual, pages: tuple[int, ...]
) -> None:
    turns, session = Turns(qtbot), window.controller.session
    for page in pages:
        window.workspaces.setCurrentIndex(page)
        for architecture in (deep, replace(deep, classes=11), replace(deep, blocks=(1, *deep.blocks[1:]))):
            session.set_architecture(architecture)
            turns.until(window, architecture)
        session.undo()
        turns.until(window, replace(deep, classes=11))
        session.set_architecture(preset("resnet50"))
        assert total(window, 3) == "25,557,032"
    assert turns.most < MOST_CALLS


def test_the_panel_follows_at_once_and_the_table_later(qtbot: QtBot, window: MainWindow) -> None:
    session = window.controller.session
    session.set_architecture(DEEP)
    assert window.findChild(QLineEdit, "blocks").text() == "3, 999, 6, 3"
    assert total(window, 3) == "25,557,032"
    # ResNet-50, and 995 more bottlenecks of conv3_x: 512·128 + 9·128² + 128·512 weights, and two for each of 768 norms
    parameters = 25_557_032 + 995 * (512 * 128 + 9 * 128 * 128 + 128 * 512 + 2 * (128 + 128 + 512))
    qtbot.waitUntil(lambda: total(window, 3) == f"{parameters:,}")
    assert "999 blocks" in [
        window.findChild(QTreeView, "layerTable").model().find(f"conv{stage}_x").siblingAtColumn(1).data()
        for stage in (2, 3, 4, 5)
    ]


def test_of_successive_edits_only_the_last_is_shown(qtbot: QtBot, window: MainWindow) -> None:
    session, changes = window.controller.session, []
    window.controller.planChanged.connect(changes.append)
    for classes in (7, 8, 9):
        session.set_architecture(replace(DEEP, classes=classes))
    session.undo()
    qtbot.waitUntil(lambda: bool(changes))
    session.set_architecture(DEEPEST)
    session.set_architecture(preset("resnet18"))  # shown at once; the deepest is never shown
    assert changes == [replace(DEEP, classes=8), preset("resnet18")]
    qtbot.wait(50)
    assert changes[-1] == preset("resnet18")
    assert total(window, 3) == "11,689,512"


def test_dropped_deep_architecture_is_shown(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    file = tmp_path / "deep.json"
    file.write_text(json.dumps(to_json(DEEP)))
    with qtbot.waitSignal(window.controller.tableChanged):
        window.controller.open_paths([str(file)])
    assert window.controller.table.architecture == DEEP


def test_a_long_stage_is_collapsed_and_expands_again_when_it_is_short(qtbot: QtBot, window: MainWindow) -> None:
    tree, session = window.findChild(QTreeView, "layerTable"), window.controller.session
    model = tree.model()
    tree.expand(model.find("layer1.1"))
    tree.collapse(model.find("conv4_x"))

    def opened() -> list[str]:
        names = ("conv2_x", "conv3_x", "conv4_x", "conv5_x", "layer1.1")
        return [name for name in names if tree.isExpanded(model.find(name))]

    assert opened() == ["conv2_x", "conv3_x", "conv5_x", "layer1.1"]
    with qtbot.waitSignal(window.controller.tableChanged):
        session.set_architecture(DEEP)
    assert opened() == ["conv2_x", "conv5_x", "layer1.1"]
    window.findChild(LayersView).show_layer("layer2.998.conv2")
    assert model.node(tree.currentIndex()).name == "layer2.998.conv2"
    tree.collapse(model.find("conv3_x"))
    session.set_architecture(preset("resnet101"))
    assert opened() == ["conv2_x", "conv3_x", "conv5_x", "layer1.1"]


def test_rows_are_created_on_access(qtbot: QtBot) -> None:
    model = LayerModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.set_table(plan_table(preset("resnet50")))
    stage = model.find("conv3_x")
    assert model.rowCount(stage) == 4
    assert model.hasChildren(stage)
    layer = model.find("layer2.3.conv2")
    assert model.parent(layer) == model.find("layer2.3")
    assert model.parent(model.parent(layer)) == stage
    assert model.names() == [*_names_below(model, QModelIndex())]
    assert not model.find("layer2.4").isValid()
    assert model.node(model.find("conv1")).kernel == ""  # the stage
    assert model.node(model.find_layer("conv1")).kernel == "7×7, 64, /2"


def _names_below(model: LayerModel, parent: QModelIndex) -> Iterator[str]:
    for row in range(model.rowCount(parent)):
        index = model.index(row, 0, parent)
        yield model.node(index).name
        yield from _names_below(model, index)


def test_rows_stay_and_get_new_values(qtbot: QtBot) -> None:
    model = LayerModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.set_table(plan_table(preset("resnet50")))
    before = model.find("layer2.3.conv2")
    model.set_table(plan_table(replace(preset("resnet50"), width=32)))
    assert model.find("layer2.3.conv2") == before
    assert before.siblingAtColumn(1).data() == "3×3, 64"
    assert model.find("layer2.2.conv2").siblingAtColumn(1).data() == "3×3, 64"  # not created before


def test_a_pickled_table_is_small_and_equal() -> None:
    table = plan_table(DEEPEST)
    packed = pickle.dumps(table)
    assert pickle.loads(packed) == table
    assert len(packed) < 10 * len(table.rows)


def test_the_cache_of_plans_is_bounded() -> None:
    clear_plans()
    for classes in range(1, 6):
        plan(replace(DEEPEST, classes=classes))
    assert sum(map(len, _plans.values())) <= MOST_LAYERS
    assert plan(preset("resnet18"))[-1].output == (1000, 1, 1)
    clear_plans()


def test_caveat_label_is_that_of_the_deep_network(qtbot: QtBot, window: MainWindow) -> None:
    with qtbot.waitSignal(window.controller.tableChanged):
        window.controller.session.set_architecture(DEEPEST)
    assert window.findChild(QLabel, "uncounted").text().startswith("analytic count")
    assert window.findChild(QLabel, "memoryWarning").text() == ""
