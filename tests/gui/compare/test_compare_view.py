"""The Compare workspace on the screen: aligned columns, marked differences, adding, removing, moving."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QMouseEvent
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from resnet_studio.analysis.comparison import compare
from resnet_studio.analysis.comparison_rows import ComparisonEntry, Shown
from resnet_studio.analysis.table import plan_table
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.compare.model import ENTRY_ROLE, CompareModel
from resnet_studio.gui.compare.view import CompareView
from resnet_studio.gui.network_table.headers import DETAIL_ROLE, NAME_ROLE
from resnet_studio.gui.network_table.table import NetworkTable
from resnet_studio.networks.architecture import Architecture, to_json
from resnet_studio.networks.presets import PRESETS, preset

Wish = tuple[Architecture | None, ...]
PROJECTION = 64 * 128 * 28**2
"""Multiply-adds of the projection into conv3_x; those into conv4_x and conv5_x cost the same."""


class Hand:
    """Answers a view's wishes as the window does, with the plan's tables."""

    def __init__(self, view: CompareView, held: str) -> None:
        self.view, self.wishes = view, list[Wish]()
        self.take(preset(held))
        view.compared_wished.connect(self.answer)

    def take(self, architecture: Architecture) -> None:
        self.held = architecture
        self.view.show_in_hand(architecture)
        if self.wishes:
            self.show(self.wishes[-1])

    def answer(self, wish: Wish) -> None:
        self.wishes.append(wish)
        self.show(wish)

    def show(self, wish: Wish) -> None:
        self.view.show_comparison(compare([plan_table(self.held if one is None else one) for one in wish]))


@pytest.fixture
def hand(qtbot: QtBot) -> Hand:
    """A view in which the ResNet-34 in hand stands beside its plain twin."""
    view = CompareView()
    qtbot.addWidget(view)
    view.resize(1120, 800)
    view.show()
    hand = Hand(view, "resnet34")
    hand.answer((None, preset("plain34")))
    return hand


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


def add(qtbot: QtBot, view: CompareView, typed: str) -> None:
    """Type into the search and take the first name that it finds."""
    line = view.findChild(QComboBox, "compareSearch").lineEdit()
    line.setFocus()
    qtbot.keyClicks(line, typed)
    qtbot.keyClick(line.completer().popup(), Qt.Key.Key_Down)
    qtbot.keyClick(line.completer().popup(), Qt.Key.Key_Return)


def click_column(qtbot: QtBot, view: CompareView, column: int) -> None:
    shown = table(view)
    place = QPoint(shown.columnViewportPosition(column) + 20, shown.rowViewportPosition(3) + 4)
    qtbot.mouseClick(shown.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_stages_are_aligned_under_the_whole(hand: Hand) -> None:
    found = labels(hand.view)
    assert [label for name, label in found if name == "total"] == ["depth", "parameters", "FLOPs", "activations"]
    assert list(dict.fromkeys(name for name, _ in found)) == [
        "total", "conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "fc"
    ]  # fmt: skip
    assert [label for name, label in found if name == "conv3_x"] == [
        "output", "blocks", "parameters", "FLOPs", "activations"
    ]  # fmt: skip


def test_differences_to_the_first_are_marked_in_numbers_and_per_cent(hand: Hand) -> None:
    first, plain = entries(hand.view, "total", "FLOPs")
    resnet34 = 3_663_761_408
    assert (first.value, first.differs, first.delta, first.share) == ("3.66 G", False, "", "")
    assert (plain.differs, plain.share) == (True, f"−{100 * 3 * PROJECTION / resnet34:.1f} %")
    assert plain.delta == f"−{3 * PROJECTION / 1e6:.1f} M"
    assert plain.tip.splitlines() == [
        f"{resnet34 - 3 * PROJECTION:,} multiply-adds in conv + fc", f"−{3 * PROJECTION:,} against {resnet34:,}"
    ]  # fmt: skip
    conv3 = entries(hand.view, "conv3_x", "FLOPs")[1].tip
    twin = 28**2 * 9 * (64 * 128 + 7 * 128 * 128)
    assert conv3 == f"{twin:,} multiply-adds in conv + fc\n−{PROJECTION:,} against {twin + PROJECTION:,}"


def test_what_is_equal_is_not_marked(hand: Hand) -> None:
    for label in ("output", "blocks", "parameters", "FLOPs"):
        assert not entries(hand.view, "conv2_x", label)[1].differs
    assert entries(hand.view, "total", "depth")[1].words == "34"


def test_whole_numbers_and_sizes_differ_too(hand: Hand) -> None:
    hand.answer((preset("resnet50"), preset("resnet152"), preset("resnet20-cifar")))
    assert [entry.words for entry in entries(hand.view, "conv4_x", "blocks")] == ["6", "36 ≠ +30", "3 ≠ −3"]
    assert [entry.words for entry in entries(hand.view, "total", "depth")] == ["50", "152 ≠ +102", "20 ≠ −30"]
    assert [entry.words for entry in entries(hand.view, "conv2_x", "output")] == [
        "256×56×56", "256×56×56", "16×32×32 ≠"
    ]  # fmt: skip
    missing = entries(hand.view, "conv5_x", "parameters")[2]
    assert (missing.value, missing.share) == ("–", f"−{100} %")


def test_stages_sum_to_the_whole(hand: Hand) -> None:
    hand.answer(tuple(PRESETS[name] for name in ("resnet101", "vgg19", "article34", "alexnet")))
    for label in ("parameters", "FLOPs", "activations"):
        whole = [entry.number for entry in entries(hand.view, "total", label)]
        stages = [entries(hand.view, name, other) for name, other in labels(hand.view) if other == label][1:]
        assert [sum(entry.number for entry in column) for column in zip(*stages, strict=True)] == whole


@pytest.mark.parametrize(
    ("shown", "label", "unit"),
    [("parameters", "parameters", "M"), ("macs", "FLOPs", "G"), ("activation_bytes", "activations", "MB")],
)
def test_one_cost_alone_has_bars(qtbot: QtBot, hand: Hand, shown: str, label: str, unit: str) -> None:
    show_only(qtbot, hand.view, shown)
    assert labels(hand.view) == [("total", label), *((name, "") for name in dict(labels(hand.view)[1:]))]
    assert all(entry.value.endswith(unit) for entry in entries(hand.view, "total", label))
    bars = {name: entries(hand.view, name, "")[0] for name in ("conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x")}
    longest = max(bars.values(), key=lambda entry: entry.number)
    assert longest.bar == 1
    assert bars["conv1"].bar == pytest.approx(bars["conv1"].number / longest.number)
    hand.view.grab()


def test_blocks_alone_are_those_of_table_1(qtbot: QtBot, hand: Hand) -> None:
    hand.answer((preset("resnet34"), preset("plain34"), preset("resnet50-v1.5")))
    show_only(qtbot, hand.view, "blocks")
    cells = entries(hand.view, "conv3_x", "28×28")
    assert [entry.words for entry in cells] == [
        "4 × [3×3, 128; 3×3, 128]", "4 × [3×3, 128; 3×3, 128] ≠", "4 × [1×1, 128; 3×3, 128; 1×1, 512] ≠"
    ]  # fmt: skip
    assert [entry.blocks and entry.blocks.below for entry in cells] == [
        ("1 projection",), ("no shortcuts",), ("stride on the 3×3, 1 projection", "→ 512×28×28")
    ]  # fmt: skip
    first = entries(hand.view, "conv2_x", "56×56")[0]
    assert first.blocks
    assert first.blocks.below == ("identity shortcuts",)
    hand.view.grab()


def test_a_preset_is_added_by_its_name(qtbot: QtBot, hand: Hand) -> None:
    add(qtbot, hand.view, "v1.5")
    assert hand.wishes[-1] == (None, preset("plain34"), preset("resnet50-v1.5"))
    assert names(hand.view) == ["resnet34", "plain34", "resnet50-v1.5"]
    qtbot.waitUntil(lambda: not hand.view.findChild(QComboBox, "compareSearch").currentText())
    add(qtbot, hand.view, "plain34")
    assert len(hand.wishes) == 2, "what is there already is chosen, not doubled"
    assert table(hand.view).current() == 1


def test_a_name_that_is_no_presets_is_answered(qtbot: QtBot, hand: Hand) -> None:
    line = hand.view.findChild(QComboBox, "compareSearch").lineEdit()
    qtbot.keyClicks(line, "resnet51")
    line.completer().popup().hide()
    qtbot.keyClick(line, Qt.Key.Key_Return)
    hint = hand.view.findChild(QLabel, "compareHint")
    assert hint.text().startswith("no preset is called 'resnet51': did you mean ")
    line.clear()
    qtbot.keyClicks(line, "vgg19")
    line.completer().popup().hide()
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert names(hand.view) == ["resnet34", "plain34", "vgg19"]
    assert not hint.isVisible()


def test_the_one_in_hand_follows(qtbot: QtBot, hand: Hand) -> None:
    assert parts(hand.view) == ["in hand, reference", ""]
    button = hand.view.findChild(QPushButton, "addInHand")
    assert not button.isEnabled()
    hand.take(preset("resnet18"))
    assert names(hand.view) == ["resnet18", "plain34"]
    assert parts(hand.view) == ["in hand, reference", ""]
    hand.answer((preset("plain34"), preset("vgg19")))
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert hand.wishes[-1] == (preset("plain34"), preset("vgg19"), None)
    assert parts(hand.view) == ["reference", "", "in hand"]


def test_the_one_in_hand_is_compared_with_what_it_was(qtbot: QtBot, hand: Hand) -> None:
    add(qtbot, hand.view, "resnet34")
    assert hand.wishes[-1] == (None, preset("plain34"), preset("resnet34"))
    hand.take(replace(preset("resnet34"), shortcut="C"))
    assert parts(hand.view) == ["in hand, reference", "", ""]
    assert entries(hand.view, "total", "parameters")[2].differs


def test_a_restored_comparison_finds_the_one_in_hand(qtbot: QtBot) -> None:
    view = CompareView()
    qtbot.addWidget(view)
    view.show_in_hand(preset("resnet50"))
    view.show_comparison(compare([plan_table(preset("plain34")), plan_table(preset("resnet50"))]))
    assert parts(view) == ["reference", "in hand"]
    view.show_in_hand(preset("resnet18"))
    view.show_comparison(compare([plan_table(preset("plain34")), plan_table(preset("resnet18"))]))
    assert parts(view) == ["reference", "in hand"]


def test_columns_are_removed_by_their_cross_and_by_delete(qtbot: QtBot, hand: Hand) -> None:
    hand.answer((None, preset("plain34"), preset("vgg19")))
    header = table(hand.view).horizontalHeader()
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=header.cross(1).center())
    assert hand.wishes[-1] == (None, preset("vgg19"))
    click_column(qtbot, hand.view, 0)
    qtbot.keyClick(table(hand.view), Qt.Key.Key_Delete)
    assert hand.wishes[-1] == (preset("vgg19"),)
    hint = hand.view.findChild(QLabel, "compareHint")
    assert hint.isVisible()
    assert hint.text().startswith("Two networks or more can be compared.")
    count = len(hand.wishes)
    click_column(qtbot, hand.view, 0)
    qtbot.keyClick(table(hand.view), Qt.Key.Key_Delete)
    assert len(hand.wishes) == count, "the last one stays"


def test_a_cross_that_was_left_before_the_release_removes_nothing(qtbot: QtBot, hand: Hand) -> None:
    header = table(hand.view).horizontalHeader()
    qtbot.mousePress(header.viewport(), Qt.MouseButton.LeftButton, pos=header.cross(1).center())
    qtbot.mouseRelease(header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(30, 30))
    assert len(names(hand.view)) == 2


def test_the_chosen_one_changes_places_with_the_reference(qtbot: QtBot, hand: Hand) -> None:
    hand.answer((None, preset("plain34"), preset("vgg19")))
    click_column(qtbot, hand.view, 2)
    swap = hand.view.findChild(QPushButton, "swap")
    qtbot.mouseClick(swap, Qt.MouseButton.LeftButton)
    assert hand.wishes[-1] == (preset("vgg19"), preset("plain34"), None)
    assert table(hand.view).current() == 0, "the choice goes with its network"
    qtbot.mouseClick(swap, Qt.MouseButton.LeftButton)
    assert hand.wishes[-1] == (preset("plain34"), preset("vgg19"), None)


def test_alt_and_an_arrow_move_a_column(qtbot: QtBot, hand: Hand) -> None:
    hand.answer((None, preset("plain34"), preset("vgg19")))
    click_column(qtbot, hand.view, 2)
    for _ in range(3):
        qtbot.keyClick(table(hand.view), Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert names(hand.view) == ["vgg19", "resnet34", "plain34"]
    qtbot.keyClick(table(hand.view), Qt.Key.Key_Right)
    assert table(hand.view).current() == 1


def test_a_column_is_dragged_by_its_header(hand: Hand) -> None:
    hand.answer((None, preset("plain34"), preset("vgg19")))
    header = table(hand.view).horizontalHeader()
    start = header.sectionViewportPosition(2) + 40
    drag(header.viewport(), [start, start - 60, 200, 20, 10])
    assert hand.wishes[-1] == (preset("vgg19"), None, preset("plain34"))
    assert names(hand.view) == ["vgg19", "resnet34", "plain34"]
    assert [header.visualIndex(column) for column in range(3)] == [0, 1, 2]


def drag(widget: object, places: list[int]) -> None:
    """Press at the first place, move over the others with the button held, and release at the last."""
    kinds = [QMouseEvent.Type.MouseButtonPress, *[QMouseEvent.Type.MouseMove] * (len(places) - 1)]
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    for kind, x in [*zip(kinds, places, strict=True), (QMouseEvent.Type.MouseButtonRelease, places[-1])]:
        held = Qt.MouseButton.NoButton if kind == QMouseEvent.Type.MouseButtonRelease else left
        place = QPointF(x, 12)
        QApplication.sendEvent(widget, QMouseEvent(kind, place, widget.mapToGlobal(place), left, held, none))


def test_a_column_is_taken_in_hand(qtbot: QtBot, hand: Hand) -> None:
    click_column(qtbot, hand.view, 1)
    with qtbot.waitSignal(hand.view.architecture_chosen) as chosen:
        qtbot.keyClick(table(hand.view), Qt.Key.Key_Return)
    assert chosen.args == [preset("plain34")]


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


def test_architecture_files_are_dropped(hand: Hand, tmp_path: Path) -> None:
    own = replace(preset("resnet18"), width=32)
    file = tmp_path / "schmal #1 é.json"
    file.write_text(json.dumps(to_json(own)), encoding="utf-8")
    assert drop(hand.view, file)
    assert hand.wishes[-1] == (None, preset("plain34"), own)
    assert not drop(hand.view, file.with_suffix(".png")), "images are for the window"
    assert not drop(hand.view, file, file.with_suffix(".png"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ('{"width": 0}', "width: must be from 1"),
        ("\xff", "not text"),
        (" " * 1_200_000, "Choose a smaller file"),
    ],
)
def test_a_bad_file_is_named_and_changes_nothing(hand: Hand, tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text, encoding="latin-1")
    drop(hand.view, file)
    hint = hand.view.findChild(QLabel, "compareHint")
    assert hint.text().startswith("bad.json")
    assert said in hint.text()
    assert hint.isVisible()
    assert names(hand.view) == ["resnet34", "plain34"]


def test_nothing_to_compare_says_what_to_do(qtbot: QtBot) -> None:
    view = CompareView()
    qtbot.addWidget(view)
    view.show()
    assert view.findChild(QLabel, "compareHint").text().startswith("Two networks or more can be compared.")
    assert not table(view).isVisible()
    assert not view.findChild(QPushButton, "swap").isEnabled()
    hand = Hand(view, "resnet50")
    qtbot.mouseClick(view.findChild(QPushButton, "addInHand"), Qt.MouseButton.LeftButton)
    add(qtbot, view, "alexnet")
    assert hand.wishes == [(None,), (None, preset("alexnet"))]
    assert not view.findChild(QLabel, "compareHint").isVisible()


def test_narrow_columns_scroll_and_stay_readable(qtbot: QtBot, hand: Hand) -> None:
    hand.answer(tuple(PRESETS[name] for name in ("resnet18", "resnet34", "resnet50", "resnet101", "vgg19")))
    hand.view.resize(780, 600)
    shown = table(hand.view)
    qtbot.waitUntil(lambda: shown.horizontalScrollBar().maximum() > 0)
    assert min(shown.columnWidth(column) for column in range(5)) >= 150
    click_column(qtbot, hand.view, 0)
    qtbot.keyClick(shown, Qt.Key.Key_End)
    assert shown.horizontalScrollBar().value() == shown.horizontalScrollBar().maximum()
    hand.view.grab()


def test_model_keeps_qts_rules() -> None:
    model = CompareModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    shown: Shown
    for chosen in (("resnet50",), ("resnet18", "resnet1202-cifar"), tuple(PRESETS), ("vgg19", "alexnet")):
        model.show_comparison(compare([plan_table(preset(name)) for name in chosen]), 0)
        for shown in ("blocks", "macs", "all"):
            model.show_only(shown)
            assert model.columnCount() == len(chosen)
    assert tester.model() is model
