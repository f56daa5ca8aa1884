"""The Compare workspace on the screen: aligned columns, marked differences, adding, removing, moving."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QMouseEvent
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from architectures import OWN_PRESETS
from resnet_studio.analysis.comparison import compare
from resnet_studio.analysis.comparison_entries import ComparisonEntry
from resnet_studio.analysis.comparison_rows import Shown
from resnet_studio.analysis.measurement import Measurement, MeasurementSpec, Timing
from resnet_studio.analysis.results import NetworkResults
from resnet_studio.analysis.table import plan_table
from resnet_studio.gui import theme
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.compare.delegate import difference_color, tint
from resnet_studio.gui.compare.model import ENTRY_ROLE, CompareModel
from resnet_studio.gui.compare.view import CompareView
from resnet_studio.gui.network_table.headers import DETAIL_ROLE, NAME_ROLE
from resnet_studio.gui.network_table.table import NetworkTable
from resnet_studio.gui.theme import ThemeName
from resnet_studio.networks.architecture import Architecture, to_json
from resnet_studio.networks.presets import PRESETS, preset
from themed import themed

Request = tuple[Architecture | None, ...]
PROJECTION = 64 * 128 * 28**2
"""Multiply-adds of the projection into conv3_x; those into conv4_x and conv5_x cost the same."""


class CompareHarness:
    """Answers a view's requests as the window does, with tables of the plan."""

    def __init__(self, view: CompareView, current: str) -> None:
        self.view, self.requests = view, list[Request]()
        self.set_current(preset(current))
        view.comparisonRequested.connect(self.answer)

    def set_current(self, architecture: Architecture) -> None:
        self.current = architecture
        self.view.set_current_architecture(architecture)
        if self.requests:
            self.show(self.requests[-1])

    def answer(self, request: Request) -> None:
        self.requests.append(request)
        self.show(request)

    def show(self, request: Request) -> None:
        self.view.show_comparison(compare([plan_table(self.current if one is None else one) for one in request]))


@pytest.fixture
def harness(qtbot: QtBot) -> CompareHarness:
    """A view that compares the current ResNet-34 with its plain counterpart."""
    view = CompareView()
    qtbot.addWidget(view)
    view.resize(1120, 800)
    view.show()
    harness = CompareHarness(view, "resnet34")
    harness.answer((None, preset("plain34")))
    return harness


def table(view: CompareView) -> NetworkTable:
    found = view.findChild(NetworkTable, "compareTable")
    assert isinstance(found, NetworkTable)
    return found


def names(view: CompareView) -> list[str]:
    model = table(view).model()
    return [model.headerData(column, Qt.Orientation.Horizontal) for column in range(model.columnCount())]


def parts(view: CompareView) -> list[str]:
    model = table(view).model()
    role = Qt.ItemDataRole.UserRole
    return [model.headerData(column, Qt.Orientation.Horizontal, role) for column in range(model.columnCount())]


def labels(view: CompareView) -> list[tuple[str, str]]:
    model = table(view).model()
    return [
        tuple(model.headerData(row, Qt.Orientation.Vertical, role) for role in (NAME_ROLE, DETAIL_ROLE))
        for row in range(model.rowCount())
    ]


def entries(view: CompareView, name: str, label: str) -> list[ComparisonEntry]:
    model, row = table(view).model(), labels(view).index((name, label))
    return [model.index(row, column).data(ENTRY_ROLE) for column in range(model.columnCount())]


def show_only(qtbot: QtBot, view: CompareView, shown: str) -> None:
    button = view.findChild(SegmentedControl, "compareWhat").button(shown)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def fold(view: CompareView) -> QToolButton:
    """The line that stands for the equal rows."""
    found = view.findChild(QToolButton, "compareFold")
    assert isinstance(found, QToolButton)
    return found


def unfold(qtbot: QtBot, view: CompareView) -> None:
    qtbot.mouseClick(fold(view), Qt.MouseButton.LeftButton)


def select(qtbot: QtBot, view: CompareView, control: str, value: str) -> None:
    button = view.findChild(SegmentedControl, control).button(value)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def sentence(view: CompareView) -> str:
    return view.findChild(QLabel, "compareSentence").text()


def add(qtbot: QtBot, view: CompareView, typed: str) -> None:
    """Type into the search and select the first name that it finds."""
    line = view.findChild(QComboBox, "compareSearch").lineEdit()
    line.setFocus()
    qtbot.keyClicks(line, typed)
    qtbot.keyClick(line.completer().popup(), Qt.Key.Key_Down)
    qtbot.keyClick(line.completer().popup(), Qt.Key.Key_Return)


def click_column(qtbot: QtBot, view: CompareView, column: int) -> None:
    shown = table(view)
    place = QPoint(shown.columnViewportPosition(column) + 20, shown.rowViewportPosition(3) + 4)
    qtbot.mouseClick(shown.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_stages_are_aligned_under_the_whole(harness: CompareHarness) -> None:
    harness.answer((preset("resnet34"), preset("resnet50"), preset("vgg19")))
    found = labels(harness.view)
    assert [label for name, label in found if name == "total"][:8] == [
        "depth", "parameters", "FLOPs", "activations", "receptive field", "FLOPs per byte", "memory, inference",
        "memory, training",
    ]  # fmt: skip
    assert list(dict.fromkeys(name for name, _ in found if name)) == [
        "total", "conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "fc"
    ]  # fmt: skip
    assert [label for name, label in found if name == "conv3_x"] == [
        "output", "blocks", "parameters", "FLOPs", "activations"
    ]  # fmt: skip


def test_differences_from_the_first_are_marked_with_percentages(harness: CompareHarness) -> None:
    first, plain = entries(harness.view, "total", "FLOPs")
    resnet34 = 3_663_761_408
    assert (first.value, first.differs, first.delta, first.share) == ("3.66 G", False, "", "")
    assert (plain.differs, plain.share) == (True, f"−{100 * 3 * PROJECTION / resnet34:.1f} %")
    assert plain.delta == f"−{3 * PROJECTION / 1e6:.1f} M"
    assert plain.tip.splitlines() == [
        f"{resnet34 - 3 * PROJECTION:,} multiply-adds in conv + fc", f"−{3 * PROJECTION:,} vs. {resnet34:,}"
    ]  # fmt: skip
    conv3 = entries(harness.view, "conv3_x", "FLOPs")[1].tip
    plain_conv3 = 28**2 * 9 * (64 * 128 + 7 * 128 * 128)
    assert conv3 == f"{plain_conv3:,} multiply-adds in conv + fc\n−{PROJECTION:,} vs. {plain_conv3 + PROJECTION:,}"


def test_what_is_equal_is_not_marked(qtbot: QtBot, harness: CompareHarness) -> None:
    unfold(qtbot, harness.view)
    for label in ("output", "blocks", "parameters", "FLOPs"):
        assert not entries(harness.view, "conv2_x", label)[1].differs
    assert entries(harness.view, "total", "depth")[1].words == "34"


def test_whole_numbers_and_sizes_differ_too(harness: CompareHarness) -> None:
    harness.answer((preset("resnet50"), preset("resnet152"), preset("resnet20-cifar")))
    assert [entry.words for entry in entries(harness.view, "conv4_x", "blocks")] == ["6", "36 ≠ +30", "3 ≠ −3"]
    assert [entry.words for entry in entries(harness.view, "total", "depth")] == ["50", "152 ≠ +102", "20 ≠ −30"]
    assert [entry.words for entry in entries(harness.view, "conv2_x", "output")] == [
        "256×56×56", "256×56×56", "16×32×32 ≠"
    ]  # fmt: skip
    missing = entries(harness.view, "conv5_x", "parameters")[2]
    assert (missing.value, missing.share) == ("–", f"−{100} %")


def test_stages_sum_to_the_whole(harness: CompareHarness) -> None:
    harness.answer(tuple(PRESETS[name] for name in ("resnet101", "vgg19", "article34", "alexnet")))
    for label in ("parameters", "FLOPs", "activations"):
        whole = [entry.number for entry in entries(harness.view, "total", label)]
        stages = [entries(harness.view, name, other) for name, other in labels(harness.view) if other == label][1:]
        assert [sum(entry.number for entry in column) for column in zip(*stages, strict=True)] == whole


@pytest.mark.parametrize(
    ("shown", "label", "unit"),
    [("parameters", "parameters", "M"), ("macs", "FLOPs", "G"), ("activation_bytes", "activations", "MB")],
)
def test_one_cost_alone_has_bars(qtbot: QtBot, harness: CompareHarness, shown: str, label: str, unit: str) -> None:
    show_only(qtbot, harness.view, shown)
    assert labels(harness.view) == [("total", label), *((name, "") for name in dict(labels(harness.view)[1:]))]
    assert all(entry.value.endswith(unit) for entry in entries(harness.view, "total", label))
    bars = {name: entries(harness.view, name, "")[0] for name in ("conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x")}
    longest = max(bars.values(), key=lambda entry: entry.number)
    assert longest.bar == 1
    assert bars["conv1"].bar == pytest.approx(bars["conv1"].number / longest.number)
    harness.view.grab()


def test_blocks_alone_are_those_of_table_1(qtbot: QtBot, harness: CompareHarness) -> None:
    harness.answer((preset("resnet34"), preset("plain34"), preset("resnet50-v1.5")))
    show_only(qtbot, harness.view, "blocks")
    cells = entries(harness.view, "conv3_x", "28×28")
    assert [entry.words for entry in cells] == [
        "4 × [3×3, 128; 3×3, 128]", "4 × [3×3, 128; 3×3, 128] ≠", "4 × [1×1, 128; 3×3, 128; 1×1, 512] ≠"
    ]  # fmt: skip
    assert [entry.blocks and entry.blocks.below for entry in cells] == [
        ("1 projection",), ("no shortcuts",), ("stride on the 3×3, 1 projection", "→ 512×28×28")
    ]  # fmt: skip
    first = entries(harness.view, "conv2_x", "56×56")[0]
    assert first.blocks
    assert first.blocks.below == ("identity shortcuts",)
    harness.view.grab()


def test_a_preset_is_added_by_its_name(qtbot: QtBot, harness: CompareHarness) -> None:
    add(qtbot, harness.view, "v1.5")
    assert harness.requests[-1] == (None, preset("plain34"), preset("resnet50-v1.5"))
    assert names(harness.view) == ["resnet34", "plain34", "resnet50-v1.5"]
    qtbot.waitUntil(lambda: not harness.view.findChild(QComboBox, "compareSearch").currentText())
    add(qtbot, harness.view, "plain34")
    assert len(harness.requests) == 2, "what is there already is selected, not doubled"
    assert table(harness.view).current_column() == 1


def test_an_unknown_name_shows_suggestions(qtbot: QtBot, harness: CompareHarness) -> None:
    line = harness.view.findChild(QComboBox, "compareSearch").lineEdit()
    qtbot.keyClicks(line, "resnet51")
    line.completer().popup().hide()
    qtbot.keyClick(line, Qt.Key.Key_Return)
    hint = harness.view.findChild(QLabel, "compareHint")
    assert hint.text().startswith("unknown preset 'resnet51': did you mean ")
    line.clear()
    qtbot.keyClicks(line, "VGG-19")
    line.completer().popup().hide()
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert names(harness.view) == ["resnet34", "plain34", "vgg19"]
    assert not hint.isVisible()
    assert not line.text()


def test_the_current_architecture_is_followed(qtbot: QtBot, harness: CompareHarness) -> None:
    assert parts(harness.view) == ["current, reference", ""]
    button = harness.view.findChild(QPushButton, "addInHand")
    assert not button.isEnabled()
    harness.set_current(preset("resnet18"))
    assert names(harness.view) == ["resnet18", "plain34"]
    assert parts(harness.view) == ["current, reference", ""]
    harness.answer((preset("plain34"), preset("vgg19")))
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert harness.requests[-1] == (preset("plain34"), preset("vgg19"), None)
    assert parts(harness.view) == ["reference", "", "current"]


def test_the_current_architecture_is_compared_with_its_earlier_state(qtbot: QtBot, harness: CompareHarness) -> None:
    add(qtbot, harness.view, "resnet34")
    assert harness.requests[-1] == (None, preset("plain34"), preset("resnet34"))
    harness.set_current(replace(preset("resnet34"), shortcut="C"))
    assert parts(harness.view) == ["current, reference", "", ""]
    assert entries(harness.view, "total", "parameters")[2].differs


def test_a_restored_comparison_finds_the_current_architecture(qtbot: QtBot) -> None:
    view = CompareView()
    qtbot.addWidget(view)
    view.set_current_architecture(preset("resnet50"))
    view.show_comparison(compare([plan_table(preset("plain34")), plan_table(preset("resnet50"))]))
    assert parts(view) == ["reference", "current"]
    view.set_current_architecture(preset("resnet18"))
    view.show_comparison(compare([plan_table(preset("plain34")), plan_table(preset("resnet18"))]))
    assert parts(view) == ["reference", "current"]


def test_columns_are_removed_by_their_cross_and_by_delete(qtbot: QtBot, harness: CompareHarness) -> None:
    harness.answer((None, preset("plain34"), preset("vgg19")))
    header = table(harness.view).horizontalHeader()
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=header.cross_rect(1).center())
    assert harness.requests[-1] == (None, preset("vgg19"))
    click_column(qtbot, harness.view, 0)
    qtbot.keyClick(table(harness.view), Qt.Key.Key_Delete)
    assert harness.requests[-1] == (preset("vgg19"),)
    hint = harness.view.findChild(QLabel, "compareHint")
    assert hint.isVisible()
    assert hint.text().startswith("Add at least two networks to compare:")
    count = len(harness.requests)
    click_column(qtbot, harness.view, 0)
    qtbot.keyClick(table(harness.view), Qt.Key.Key_Delete)
    assert len(harness.requests) == count, "the last one stays"


def test_releasing_outside_the_cross_removes_nothing(qtbot: QtBot, harness: CompareHarness) -> None:
    header = table(harness.view).horizontalHeader()
    qtbot.mousePress(header.viewport(), Qt.MouseButton.LeftButton, pos=header.cross_rect(1).center())
    qtbot.mouseRelease(header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(30, 30))
    assert len(names(harness.view)) == 2


def test_swap_exchanges_the_current_column_and_the_reference(qtbot: QtBot, harness: CompareHarness) -> None:
    harness.answer((None, preset("plain34"), preset("vgg19")))
    click_column(qtbot, harness.view, 2)
    swap = harness.view.findChild(QPushButton, "swap")
    qtbot.mouseClick(swap, Qt.MouseButton.LeftButton)
    assert harness.requests[-1] == (preset("vgg19"), preset("plain34"), None)
    assert table(harness.view).current_column() == 0, "the choice goes with its network"
    qtbot.mouseClick(swap, Qt.MouseButton.LeftButton)
    assert harness.requests[-1] == (preset("plain34"), preset("vgg19"), None)


def test_alt_and_an_arrow_move_a_column(qtbot: QtBot, harness: CompareHarness) -> None:
    harness.answer((None, preset("plain34"), preset("vgg19")))
    click_column(qtbot, harness.view, 2)
    for _ in range(3):
        qtbot.keyClick(table(harness.view), Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert names(harness.view) == ["vgg19", "resnet34", "plain34"]
    qtbot.keyClick(table(harness.view), Qt.Key.Key_Right)
    assert table(harness.view).current_column() == 1


def test_a_column_is_dragged_by_its_header(harness: CompareHarness) -> None:
    harness.answer((None, preset("plain34"), preset("vgg19")))
    header = table(harness.view).horizontalHeader()
    start = header.sectionViewportPosition(2) + 40
    drag(header.viewport(), [start, start - 60, 200, 20, 10])
    assert harness.requests[-1] == (preset("vgg19"), None, preset("plain34"))
    assert names(harness.view) == ["vgg19", "resnet34", "plain34"]
    assert [header.visualIndex(column) for column in range(3)] == [0, 1, 2]


def drag(widget: object, places: list[int]) -> None:
    """Press at the first place, move over the others with the button held, and release at the last."""
    kinds = [QMouseEvent.Type.MouseButtonPress, *[QMouseEvent.Type.MouseMove] * (len(places) - 1)]
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    for kind, x in [*zip(kinds, places, strict=True), (QMouseEvent.Type.MouseButtonRelease, places[-1])]:
        buttons = Qt.MouseButton.NoButton if kind == QMouseEvent.Type.MouseButtonRelease else left
        place = QPointF(x, 12)
        QApplication.sendEvent(widget, QMouseEvent(kind, place, widget.mapToGlobal(place), left, buttons, none))


def test_a_column_can_become_the_current_architecture(qtbot: QtBot, harness: CompareHarness) -> None:
    click_column(qtbot, harness.view, 1)
    with qtbot.waitSignal(harness.view.architectureSelected) as selected:
        qtbot.keyClick(table(harness.view), Qt.Key.Key_Return)
    assert selected.args == [preset("plain34")]


def drop(view: CompareView, *files: Path) -> bool:
    """Drag files over the view and drop them if it takes them."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entering = QDragEnterEvent(QPoint(200, 200), copy, data, left, none)
    entering.ignore()
    view.dragEnterEvent(entering)
    if entering.isAccepted():
        view.dropEvent(QDropEvent(QPointF(200, 200), copy, data, left, none))
    return bool(entering.isAccepted())


def test_architecture_files_are_dropped(harness: CompareHarness, tmp_path: Path) -> None:
    own = replace(preset("resnet18"), width=32)
    file = tmp_path / "schmal #1 é.json"
    file.write_text(json.dumps(to_json(own)), encoding="utf-8")
    assert drop(harness.view, file)
    assert harness.requests[-1] == (None, preset("plain34"), own)
    assert not drop(harness.view, file.with_suffix(".png")), "images are for the window"
    assert not drop(harness.view, file, file.with_suffix(".png"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ('{"width": 0}', "width: must be from 1"),
        ("\xff", "not text"),
        (" " * 1_200_000, "Choose a smaller file"),
    ],
)
def test_an_invalid_file_is_reported_and_changes_nothing(
    harness: CompareHarness, tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text, encoding="latin-1")
    drop(harness.view, file)
    hint = harness.view.findChild(QLabel, "compareHint")
    assert hint.text().startswith("bad.json")
    assert message in hint.text()
    assert hint.isVisible()
    assert names(harness.view) == ["resnet34", "plain34"]


def test_nothing_to_compare_shows_a_hint(qtbot: QtBot) -> None:
    view = CompareView()
    qtbot.addWidget(view)
    view.show()
    assert view.findChild(QLabel, "compareHint").text().startswith("Add at least two networks to compare:")
    assert not table(view).isVisible()
    assert not view.findChild(QPushButton, "swap").isEnabled()
    harness = CompareHarness(view, "resnet50")
    qtbot.mouseClick(view.findChild(QPushButton, "addInHand"), Qt.MouseButton.LeftButton)
    add(qtbot, view, "alexnet")
    assert harness.requests == [(None,), (None, preset("alexnet"))]
    assert not view.findChild(QLabel, "compareHint").isVisible()


def test_narrow_columns_stack_and_stay_readable(qtbot: QtBot, harness: CompareHarness) -> None:
    harness.answer(tuple(PRESETS[name] for name in ("resnet18", "resnet34", "resnet50", "resnet101", "vgg19")))
    harness.view.resize(780, 600)
    shown = table(harness.view)
    qtbot.waitUntil(lambda: shown.viewport().width() < 640)
    qtbot.waitUntil(lambda: shown.horizontalScrollBar().maximum() == 0)  # differences stand under the values instead
    harness.answer(tuple(PRESETS[name] for name in (*OWN_PRESETS[:8], "vgg19")))
    qtbot.waitUntil(lambda: shown.horizontalScrollBar().maximum() > 0)
    click_column(qtbot, harness.view, 0)
    qtbot.keyClick(shown, Qt.Key.Key_End)
    assert shown.horizontalScrollBar().value() == shown.horizontalScrollBar().maximum()
    harness.view.grab()


def test_the_model_passes_qts_tester() -> None:
    model = CompareModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    shown: Shown
    for selected in (("resnet50",), ("resnet18", "resnet1202-cifar"), OWN_PRESETS, ("vit_b_16", "googlenet")):
        model.show_comparison(compare([plan_table(preset(name)) for name in selected]), 0)
        for shown in ("blocks", "macs", "all"):
            model.show_only(shown)
            assert model.columnCount() == len(selected)
            model.set_order("difference")
            model.set_unfolded(True)
            model.set_unit("operations")
            model.set_order("stage")
            model.set_unfolded(False)
    assert tester.model() is model


def test_what_only_one_of_two_unlike_networks_has_is_no_difference(harness: CompareHarness) -> None:
    harness.answer((preset("squeezenet1_0"), preset("resnet18"), preset("squeezenet1_1")))
    first, resnet, other = entries(harness.view, "features.3", "parameters")
    assert first.number > 0
    assert (resnet.words, resnet.tip) == ("–", "This network has no features.3")
    assert other.number > 0
    _, resnet, _ = entries(harness.view, "conv3_x", "parameters")
    assert resnet.number > 0
    assert resnet.words == resnet.value
    ours, theirs = (plan_table(preset(name)).totals.parameters for name in ("resnet18", "squeezenet1_0"))
    assert f"+{ours - theirs:,}" in entries(harness.view, "total", "parameters")[1].tip


def test_names_of_parts_have_room(harness: CompareHarness) -> None:
    harness.answer((preset("squeezenet1_0"), preset("resnet18")))
    header = harness.view.findChild(NetworkTable).stage_header
    QApplication.processEvents()
    assert header.width() > sum(map(header.fontMetrics().horizontalAdvance, ["features.12", "output"]))


def test_equal_rows_are_one_line_that_unfolds_by_mouse_and_keys(qtbot: QtBot, harness: CompareHarness) -> None:
    listed = labels(harness.view)
    count = int(fold(harness.view).text().split()[0])
    assert fold(harness.view).text().strip() == f"{count} rows are equal"
    assert listed[-1] == ("", "")
    assert ("conv1", "FLOPs") not in listed
    click_column(qtbot, harness.view, 1)
    unfold(qtbot, harness.view)
    below = labels(harness.view)[len(listed) :]
    assert len(below) == count
    assert ("conv1", "FLOPs") in below
    assert all(not entry.differs for name, label in below for entry in entries(harness.view, name, label))
    assert table(harness.view).current_column() == 1, "it is still selected"
    qtbot.keyClick(fold(harness.view), Qt.Key.Key_Space)
    assert labels(harness.view) == listed


def test_the_line_stands_below_the_rows_that_differ(qtbot: QtBot, harness: CompareHarness) -> None:
    shown = table(harness.view)
    shown.verticalScrollBar().setValue(shown.verticalScrollBar().maximum())
    row = shown.model().rowCount() - 1
    assert fold(harness.view).geometry().top() == shown.rowViewportPosition(row) + 2
    assert fold(harness.view).geometry().bottom() < shown.rowViewportPosition(row) + shown.rowHeight(row)
    harness.answer((preset("resnet34"), preset("vgg19"), preset("resnet20-cifar")))
    assert not fold(harness.view).isVisible(), "no row is equal in all three"


def test_two_equal_networks_have_equal_rows_only(harness: CompareHarness) -> None:
    harness.answer((preset("resnet34"), preset("resnet34")))
    assert labels(harness.view) == [("", "")]
    assert fold(harness.view).text().strip().startswith("all ")
    assert "there is no difference" in sentence(harness.view)


def test_what_differs_most_comes_first(qtbot: QtBot, harness: CompareHarness) -> None:
    """The first two linear layers of VGG-19 have sixty times the parameters of ResNet-50's one."""
    harness.answer((preset("resnet50"), preset("vgg19")))
    by_stage = labels(harness.view)
    select(qtbot, harness.view, "compareOrder", "difference")
    assert labels(harness.view)[:2] == [("fc", "FLOPs"), ("fc", "parameters")]
    assert sorted(labels(harness.view)) == sorted(by_stage)
    select(qtbot, harness.view, "compareOrder", "stage")
    assert labels(harness.view) == by_stage


def test_the_sentence_is_that_of_the_selected_network(qtbot: QtBot, harness: CompareHarness) -> None:
    harness.answer((preset("resnet50"), preset("resnet50-v1.5"), preset("vgg19")))
    assert sentence(harness.view).startswith(
        "resnet50-v1.5 has the stride on the 3×3 instead of the first 1×1: +0.231 G"
    )
    click_column(qtbot, harness.view, 2)
    assert sentence(harness.view).startswith("vgg19, a chain of 3×3 convolutions")
    top = table(harness.view).geometry().top()
    click_column(qtbot, harness.view, 0)
    assert sentence(harness.view).startswith("resnet50-v1.5")
    assert table(harness.view).geometry().top() == top, "the table stays where it is"
    harness.view.set_unit("operations")
    assert "+0.462 G FLOPs (2 × MAC)" in sentence(harness.view)
    assert entries(harness.view, "total", "FLOPs (2 × MAC)")[0].value == f"{2 * 3.857973248:.3g} G"


def test_a_long_sentence_is_shortened_and_its_tooltip_lists_every_change(harness: CompareHarness) -> None:
    harness.answer((preset("resnet50"), preset("wrn-28-10")))
    label = harness.view.findChild(QLabel, "compareSentence")
    harness.view.resize(2400, 800)
    QApplication.processEvents()
    long = label.text()
    harness.view.resize(720, 800)
    QApplication.processEvents()
    assert len(label.text()) < len(long)
    assert "smaller changes (" in label.text()
    assert len(label.toolTip().splitlines()) == 6
    assert label.accessibleDescription() == long


def test_differences_are_tinted_by_how_far_they_go() -> None:
    def opacity(ratio: float) -> float:
        return tint(ComparisonEntry("1", ratio != 1, ratio=ratio)).alphaF()

    assert opacity(1.0) == 0
    assert opacity(1.01) < opacity(2.0) < opacity(100.0)
    assert opacity(0.5) == pytest.approx(opacity(2.0), abs=0.01)
    assert opacity(0.0) == opacity(math.inf) == pytest.approx(opacity(100.0), abs=0.01)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_more_and_less_are_told_apart_and_read_on_their_tint(name: ThemeName) -> None:
    """By WCAG's contrast of 4.5 on the strongest tint; orange is redder than blue for every kind of color vision."""
    with themed(name):
        colors = theme.current()
        for ratio in (0.01, 100.0):
            entry = ComparisonEntry("1", True, ratio=ratio)
            color, over, back = difference_color(entry), tint(entry), QColor(colors.window)
            share = over.alphaF()
            mixed = QColor.fromRgbF(
                *(share * a + (1 - share) * b for a, b in zip(over.getRgbF()[:3], back.getRgbF()[:3], strict=True))
            )
            assert contrast(color, mixed) >= 4.5
            assert contrast(QColor(colors.text), mixed) >= 4.5
        assert QColor(colors.more).red() > QColor(colors.more).blue() + 60
        assert QColor(colors.less).blue() > QColor(colors.less).red() + 60


def contrast(one: QColor, other: QColor) -> float:
    """WCAG 2's ratio of the luminances."""

    def luminance(color: QColor) -> float:
        parts = (
            value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in color.getRgbF()[:3]
        )
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_measuring_is_requested_and_canceled_by_one_button(qtbot: QtBot, harness: CompareHarness) -> None:
    asked: list[str] = []
    harness.view.measureRequested.connect(lambda: asked.append("measure"))
    harness.view.cancelRequested.connect(lambda: asked.append("cancel"))
    button = harness.view.findChild(QPushButton, "compareMeasure")
    width = button.width()
    assert button.text() == "Measure time"
    assert "2 networks" in button.toolTip()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    harness.view.show_measuring(2)
    assert button.text() == "Cancel (2 left)"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    harness.view.show_measuring(0)
    assert asked == ["measure", "cancel"]
    timing = Timing(0.1, 0.09, 0.11, 20)
    times = {
        network: NetworkResults(Measurement(MeasurementSpec(network), timing, {}, "a CPU", 2, {}, 0.0))
        for network in (preset("resnet34"), preset("plain34"))
    }
    harness.view.show_comparison(compare([plan_table(network) for network in times], times))
    assert button.text() == "Measure again"
    unfold(qtbot, harness.view)
    assert [entry.value for entry in entries(harness.view, "total", "time per image")] == ["100 ms", "100 ms"]
    assert button.width() == width, "its neighbors don't move"
