"""The architecture's fields, driven with mouse and keys."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from resnet_studio.gui.architecture.panel import ArchitecturePanel
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.networks.architecture import Baseline, Residual
from resnet_studio.networks.presets import preset


@pytest.fixture
def panel(qtbot: QtBot) -> ArchitecturePanel:
    panel = ArchitecturePanel()
    qtbot.addWidget(panel)
    panel.show_architecture(preset("resnet50"))
    panel.show()
    return panel


def wishes_of(panel: ArchitecturePanel) -> list[object]:
    """What the panel wishes from now on; each wish is granted, as the window does."""
    wishes: list[object] = []
    panel.wished.connect(lambda architecture: wishes.append(architecture))
    panel.wished.connect(panel.show_architecture)
    return wishes


def problem(panel: ArchitecturePanel, field: str) -> str:
    label = panel.findChild(QLabel, f"{field}Problem")
    return label.text() if label.isVisible() else ""


def type_into(qtbot: QtBot, panel: ArchitecturePanel, field: str, text: str) -> QLineEdit:
    line = panel.findChild(QLineEdit, field)
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, text)
    qtbot.keyClick(line, Qt.Key.Key_Return)
    return line


def test_depth_brings_the_papers_blocks_along(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    wishes = wishes_of(panel)
    depth = panel.findChild(QComboBox, "depth")
    depth.setFocus()
    qtbot.keyClick(depth, Qt.Key.Key_Up)  # from 50 to 34
    assert wishes == [preset("resnet34")]
    assert panel.findChild(SegmentedControl, "block").value() == "basic"


def test_shortcut_none_makes_the_plain_twin(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    panel.show_architecture(preset("resnet34"))
    wishes = wishes_of(panel)
    qtbot.mouseClick(panel.findChild(SegmentedControl, "shortcut").button("none"), Qt.MouseButton.LeftButton)
    assert wishes == [preset("plain34")]
    assert panel.findChild(QComboBox, "presetSearch").currentText() == "plain34"


def test_other_block_makes_the_depth_custom_where_no_paper_has_it(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    wishes = wishes_of(panel)
    panel.show_architecture(preset("resnet152"))
    qtbot.mouseClick(panel.findChild(SegmentedControl, "block").button("basic"), Qt.MouseButton.LeftButton)
    assert wishes == [Residual("basic", (3, 8, 36, 3))]
    assert panel.findChild(QComboBox, "depth").currentText() == "custom (102)"  # 2 + 2 · 50


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("width", "0", "from 1 to"),
        ("width", "-3", "from 1 to"),
        ("image", "99999999", "from 1 to"),
        ("classes", "ten", "a whole number is needed"),
        ("classes", "2.5", "a whole number is needed"),
        ("blocks", "3,4,0", "from 1 to"),
        ("blocks", "3,,4", "whole numbers such as"),
        ("blocks", "1,1,1,1,1,1,1", "1 to 6"),
    ],
)
def test_invalid_edit_shows_at_its_field_and_wishes_nothing(
    qtbot: QtBot, panel: ArchitecturePanel, field: str, typed: str, words: str
) -> None:
    line = panel.findChild(QLineEdit, field)
    wishes = wishes_of(panel)
    line.selectAll()
    QGuiApplication.clipboard().setText(typed)
    qtbot.keyClick(line, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert words in problem(panel, field)
    assert line.property("wrong")
    assert line.text() == typed
    assert not wishes


def test_problem_goes_when_the_value_is_mended(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    type_into(qtbot, panel, "width", "0")
    wishes = wishes_of(panel)
    type_into(qtbot, panel, "width", "32")
    assert problem(panel, "width") == ""
    assert wishes[-1] == replace(preset("resnet50"), width=32)


def test_preset_search_finds_by_a_part_of_the_name(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    wishes = wishes_of(panel)
    search = panel.findChild(QComboBox, "presetSearch")
    panel.search()
    qtbot.keyClicks(search.lineEdit(), "vgg19")
    qtbot.keyClick(search.lineEdit(), Qt.Key.Key_Return)
    assert wishes
    assert set(wishes) == {Baseline("vgg19")}
    assert not panel.findChild(SegmentedControl, "shortcut").isEnabled()
    search.completer().popup().hide()


@pytest.mark.parametrize("before", ["vgg19", "resnet50", "alexnet"])
def test_baseline_shows_its_depth_and_no_choice(qtbot: QtBot, before: str) -> None:
    panel = ArchitecturePanel()
    qtbot.addWidget(panel)
    panel.show_architecture(preset(before))
    panel.show_architecture(preset("vgg19"))
    assert panel.findChild(QComboBox, "depth").currentText() == "19"
    assert panel.findChild(SegmentedControl, "variant").value() == ""
    panel.show_architecture(preset("resnet34"))
    assert panel.findChild(QComboBox, "depth").currentText() == "34"
    assert panel.findChild(SegmentedControl, "variant").value() == "paper"


def test_enter_takes_the_first_preset_of_that_part(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    wishes = wishes_of(panel)
    panel.search()
    line = panel.findChild(QComboBox, "presetSearch").lineEdit()
    qtbot.keyClicks(line, "ResNet1202")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert wishes == [preset("resnet1202-cifar")]
    panel.findChild(QComboBox, "presetSearch").completer().popup().hide()


def test_unknown_preset_names_near_ones(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    wishes = wishes_of(panel)
    panel.search()
    line = panel.findChild(QComboBox, "presetSearch").lineEdit()
    qtbot.keyClicks(line, "resnet51")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert not wishes
    assert "resnet50" in problem(panel, "preset")
    panel.findChild(QComboBox, "presetSearch").completer().popup().hide()


def test_articles_code_takes_its_own_stride_and_shortcut_along(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    wishes = wishes_of(panel)
    qtbot.mouseClick(panel.findChild(SegmentedControl, "variant").button("article"), Qt.MouseButton.LeftButton)
    assert wishes == [preset("article50")]
    assert not panel.findChild(SegmentedControl, "shortcut").isEnabled()


def test_arrow_keys_walk_a_choice(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    wishes = wishes_of(panel)
    shortcut = panel.findChild(SegmentedControl, "shortcut")
    qtbot.keyClick(shortcut, Qt.Key.Key_Right)
    assert wishes == [replace(preset("resnet50"), shortcut="C")]
