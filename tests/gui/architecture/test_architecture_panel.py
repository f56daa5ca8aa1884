"""The architecture's fields, driven with mouse and keys."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.gui.architecture.panel import LABELS, ArchitecturePanel
from resnet_studio.gui.common.inputs import ComboBox, SegmentedControl
from resnet_studio.networks.architecture import Baseline, Residual
from resnet_studio.networks.families import FAMILIES
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.preactivation import PreActivationBottleneck
from resnet_studio.networks.presets import preset


@pytest.fixture
def panel(qtbot: QtBot) -> ArchitecturePanel:
    panel = ArchitecturePanel()
    qtbot.addWidget(panel)
    panel.show_architecture(preset("resnet50"))
    panel.show()
    return panel


def requests_of(panel: ArchitecturePanel) -> list[object]:
    """The panel's requests from now on; each is shown at once, as the window does."""
    requests: list[object] = []
    panel.architectureRequested.connect(lambda architecture: requests.append(architecture))
    panel.architectureRequested.connect(panel.show_architecture)
    return requests


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


def choose_variant(qtbot: QtBot, panel: ArchitecturePanel, variant: str) -> None:
    """Open the list and pick a variant with Return."""
    box = panel.findChild(ComboBox, "variant")
    box.showPopup()
    box.view().setCurrentIndex(box.model().index(box.findData(variant), 0))
    qtbot.keyClick(box.view(), Qt.Key.Key_Return)
    assert box.value() == variant


def test_depth_sets_the_papers_blocks(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    requests = requests_of(panel)
    depth = panel.findChild(QComboBox, "depth")
    depth.setFocus()
    qtbot.keyClick(depth, Qt.Key.Key_Up)  # from 50 to 34
    assert requests == [preset("resnet34")]
    assert panel.findChild(SegmentedControl, "block").value() == "basic"


def test_shortcut_none_makes_the_plain_counterpart(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    panel.show_architecture(preset("resnet34"))
    requests = requests_of(panel)
    qtbot.mouseClick(panel.findChild(SegmentedControl, "shortcut").button("none"), Qt.MouseButton.LeftButton)
    assert requests == [preset("plain34")]
    assert panel.findChild(QComboBox, "presetSearch").currentText() == "plain34"


def test_another_block_makes_a_depth_custom_that_no_paper_has(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    requests = requests_of(panel)
    panel.show_architecture(preset("resnet152"))
    qtbot.mouseClick(panel.findChild(SegmentedControl, "block").button("basic"), Qt.MouseButton.LeftButton)
    assert requests == [Residual(Basic(), (3, 8, 36, 3))]
    assert panel.findChild(QComboBox, "depth").currentText() == "custom (102)"  # 2 + 2 · 50


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("width", "0", "from 1 to"),
        ("width", "-3", "from 1 to"),
        ("image", "99999999", "from 1 to"),
        ("classes", "ten", "must be an integer"),
        ("classes", "2.5", "must be an integer"),
        ("blocks", "3,4,0", "from 1 to"),
        ("blocks", "3,,4", "integers such as"),
        ("blocks", "1,1,1,1,1,1,1", "1 to 6"),
    ],
)
def test_an_invalid_edit_is_shown_at_its_field_and_requests_nothing(
    qtbot: QtBot, panel: ArchitecturePanel, field: str, typed: str, words: str
) -> None:
    line = panel.findChild(QLineEdit, field)
    requests = requests_of(panel)
    line.selectAll()
    QGuiApplication.clipboard().setText(typed)
    qtbot.keyClick(line, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert words in problem(panel, field)
    assert line.property("wrong")
    assert line.text() == typed
    assert not requests


def test_the_error_is_cleared_when_the_value_is_corrected(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    type_into(qtbot, panel, "width", "0")
    requests = requests_of(panel)
    type_into(qtbot, panel, "width", "32")
    assert problem(panel, "width") == ""
    assert requests[-1] == replace(preset("resnet50"), width=32)


def test_preset_search_finds_by_a_part_of_the_name(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    requests = requests_of(panel)
    search = panel.findChild(QComboBox, "presetSearch")
    panel.search()
    qtbot.keyClicks(search.lineEdit(), "vgg19")
    qtbot.keyClick(search.lineEdit(), Qt.Key.Key_Return)
    assert requests
    assert set(requests) == {Baseline("vgg19")}
    assert not panel.findChild(SegmentedControl, "shortcut").isEnabled()
    search.completer().popup().hide()


@pytest.mark.parametrize("before", ["vgg19", "resnet50", "alexnet"])
def test_baseline_shows_its_depth_and_no_choice(qtbot: QtBot, before: str) -> None:
    panel = ArchitecturePanel()
    qtbot.addWidget(panel)
    panel.show_architecture(preset(before))
    panel.show_architecture(preset("vgg19"))
    assert panel.findChild(QComboBox, "depth").currentText() == "19"
    assert panel.findChild(ComboBox, "variant").value() == ""
    panel.show_architecture(preset("resnet34"))
    assert panel.findChild(QComboBox, "depth").currentText() == "34"
    assert panel.findChild(ComboBox, "variant").value() == "paper"


def test_enter_selects_the_first_preset_that_contains_the_text(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    requests = requests_of(panel)
    panel.search()
    line = panel.findChild(QComboBox, "presetSearch").lineEdit()
    qtbot.keyClicks(line, "ResNet1202")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert requests == [preset("resnet1202-cifar")]
    panel.findChild(QComboBox, "presetSearch").completer().popup().hide()


def test_an_unknown_preset_suggests_similar_ones(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    requests = requests_of(panel)
    panel.search()
    line = panel.findChild(QComboBox, "presetSearch").lineEdit()
    qtbot.keyClicks(line, "resnet51")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert not requests
    assert "resnet50" in problem(panel, "preset")
    panel.findChild(QComboBox, "presetSearch").completer().popup().hide()


def test_the_articles_variant_brings_its_own_stride_and_shortcut(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    requests = requests_of(panel)
    choose_variant(qtbot, panel, "article")
    assert requests == [preset("article50")]
    assert not panel.findChild(SegmentedControl, "shortcut").isEnabled()


def test_a_choice_that_the_blocks_exclude_says_why(panel: ArchitecturePanel) -> None:
    stride, shortcut = (panel.findChild(SegmentedControl, name) for name in ("stride_on", "shortcut"))
    assert "as in torchvision" in stride.button("3x3").toolTip()
    panel.show_architecture(preset("resnet34"))
    assert not stride.isEnabled()
    assert stride.value() == ""
    assert stride.button("3x3").toolTip() == "A basic block halves the size with its first convolution"
    panel.show_architecture(preset("article50"))
    assert not stride.isEnabled()
    assert stride.value() == "3x3"
    assert shortcut.button("A").toolTip() == "The article's code has projections only"
    panel.show_architecture(preset("resnet50"))
    assert stride.isEnabled()
    assert "zero padding" in shortcut.button("A").toolTip()


def test_numbers_of_the_blocks_are_lines_of_their_own(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    requests = requests_of(panel)
    type_into(qtbot, panel, "groups", "32")
    type_into(qtbot, panel, "width_per_group", "4")
    assert requests[-1] == replace(preset("resnet50"), block=Bottleneck(groups=32, width_per_group=4))
    type_into(qtbot, panel, "width", "8")
    assert "must be at least 8 where the width is 8" in problem(panel, "width_per_group")
    type_into(qtbot, panel, "se", "16")
    type_into(qtbot, panel, "dilated", "4")
    assert "must be at most 3" in problem(panel, "dilated")


def test_a_number_that_the_blocks_exclude_says_why(panel: ArchitecturePanel) -> None:
    groups, widen = (panel.findChild(QLineEdit, name) for name in ("groups", "widen"))
    assert (groups.text(), groups.isEnabled(), widen.text(), widen.isEnabled()) == ("1", True, "", False)
    assert widen.toolTip() == "Bottlenecks are widened by the width per group"
    panel.show_architecture(preset("resnet34"))
    assert (groups.text(), groups.isEnabled(), widen.text(), widen.isEnabled()) == ("", False, "1", True)
    assert groups.toolTip() == "A basic block's convolutions have no groups"
    assert "Wide-ResNet" in widen.toolTip()


def test_the_stem_is_chosen_from_a_list(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    requests = requests_of(panel)
    stem = panel.findChild(QComboBox, "stem")
    stem.setFocus()
    qtbot.keyClick(stem, Qt.Key.Key_End)
    assert requests == [replace(preset("resnet50"), stem="deep-tiered")]
    panel.show_architecture(preset("vgg19"))
    assert (stem.currentIndex(), stem.isEnabled()) == (-1, False)


def test_every_family_can_be_chosen_in_the_form(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    requests = requests_of(panel)
    for family in FAMILIES:
        choose_variant(qtbot, panel, family.variant)
        qtbot.mouseClick(panel.findChild(SegmentedControl, "block").button(family.block), Qt.MouseButton.LeftButton)
        assert isinstance(requests[-1].block, family)


def test_pre_activation_keeps_depth_and_stride(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    requests = requests_of(panel)
    panel.show_architecture(preset("resnet50-v1.5"))
    choose_variant(qtbot, panel, "preact")
    assert requests == [replace(preset("preresnet50"), block=PreActivationBottleneck("3x3"))]
    assert panel.findChild(QComboBox, "depth").currentText() == "50"
    assert panel.findChild(SegmentedControl, "stride_on").isEnabled()


def test_arrow_keys_change_a_choice(qtbot: QtBot, panel: ArchitecturePanel) -> None:
    requests = requests_of(panel)
    shortcut = panel.findChild(SegmentedControl, "shortcut")
    qtbot.keyClick(shortcut, Qt.Key.Key_Right)
    assert requests == [replace(preset("resnet50"), shortcut="C")]


def test_a_baseline_has_no_empty_rows_and_a_resnet_has_them_all_again(panel: ArchitecturePanel) -> None:
    panel.show()
    panel.show_architecture(preset("vgg19"))
    visible = {name for name in LABELS if panel.findChild(QWidget, name).isVisible()}
    assert visible == {"image", "classes"}
    panel.show_architecture(preset("resnet18"))
    assert all(panel.findChild(QWidget, name).isVisible() for name in LABELS)
