"""The device list's entry that tests a device, and the dialog that shows what the test finds."""

from __future__ import annotations

import pickle

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QComboBox, QPushButton, QTableWidget, QWidget
from pytestqt.qtbot import QtBot

from fake_engine import FakeEngine
from resnet_studio.gui.common.labels import ElidedLabel
from resnet_studio.gui.common.status_bar import TEST_ENTRY, StatusBar
from resnet_studio.gui.selftest import SelftestDialog, open_selftest
from resnet_studio.inference.errors import DeviceError
from resnet_studio.inference.values import Device
from resnet_studio.progress import Progress
from resnet_studio.selftest.checklist import planned
from resnet_studio.selftest.report import Check, Report, at_least, at_most

GOOD = at_most("ResNet-50, folded", 2e-6, 1e-4, detail="relative difference")
BAD = at_least("run against a bare loop", 0.5, 0.97, "×", detail="50 of 100", advice="Close other programs")
CARD = "NVIDIA A100"


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


@pytest.fixture
def dialog(engine: FakeEngine, window: QWidget) -> SelftestDialog:
    return open_selftest(engine, Device("cuda:0", CARD), window)


def click(qtbot: QtBot, dialog: SelftestDialog, name: str) -> None:
    button = dialog.findChild(QPushButton, name)
    assert button is not None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def status(dialog: SelftestDialog) -> str:
    label = dialog.findChild(ElidedLabel, "selftestStatus")
    assert label is not None
    return label.accessibleDescription()  # not elided


def lines(dialog: SelftestDialog) -> list[list[str]]:
    table = dialog.findChild(QTableWidget)
    assert table is not None
    return [
        [table.item(row, column).text() for column in range(table.columnCount())] for row in range(table.rowCount())
    ]


def rows(dialog: SelftestDialog) -> list[list[str]]:
    """The results."""
    return [line for line in lines(dialog) if any(line[2:])]


def coming(dialog: SelftestDialog) -> list[tuple[str, ...]]:
    """The checks that are still to come, below the results."""
    return [tuple(line[:2]) for line in lines(dialog)[len(rows(dialog)) :]]


def test_the_device_list_ends_with_the_test_of_the_current_device(qtbot: QtBot) -> None:
    status_bar = StatusBar()
    qtbot.addWidget(status_bar)
    status_bar.show()
    card = Device("cuda:0", CARD)
    half = Device("cuda:0 half", f"{CARD}, half precision")
    status_bar.set_devices([Device("cpu", "CPU"), card, half], half.name)
    choice = status_bar.findChild(QComboBox)
    assert choice is not None
    assert choice.itemText(choice.count() - 1) == TEST_ENTRY
    selected: list[str] = []
    status_bar.deviceSelected.connect(selected.append)
    with qtbot.waitSignal(status_bar.testRequested) as tested:
        qtbot.keyClick(choice, Qt.Key.Key_End)
    assert tested.args == [card]
    assert choice.currentText() == f"{CARD}, half precision"
    qtbot.keyClick(choice, Qt.Key.Key_Home)
    with qtbot.waitSignal(status_bar.testRequested) as tested:
        qtbot.keyClick(choice, Qt.Key.Key_End)
    assert tested.args == [Device("cpu", "CPU")]
    assert selected == ["cpu"]


def test_nothing_runs_before_start(qtbot: QtBot, dialog: SelftestDialog, engine: FakeEngine) -> None:
    assert engine.pending == {}
    assert dialog.windowTitle() == "Test of NVIDIA A100 (cuda:0)"
    click(qtbot, dialog, "selftestStart")
    assert engine.pending == {"selftest": ("selftest", "cuda:0", False)}


def test_the_title_names_the_processor(window: QWidget, engine: FakeEngine) -> None:
    assert open_selftest(engine, Device("cpu", "CPU"), window).windowTitle() == "Test of the CPU"


def test_the_checks_to_come_are_listed(qtbot: QtBot, dialog: SelftestDialog, engine: FakeEngine) -> None:
    assert coming(dialog) == list(planned(quick=False))
    quick = dialog.findChild(QCheckBox)
    assert quick is not None
    quick.click()
    assert coming(dialog) == list(planned(quick=True))
    assert set(planned(quick=True)) < set(planned(quick=False))
    click(qtbot, dialog, "selftestStart")
    engine.part("selftest", Progress(0, 1, "testing cuda:0"))
    engine.part("selftest", GOOD)
    engine.part("selftest", Progress(2, 14, "testing cuda:0: predictions"))
    assert len(rows(dialog)) == 1
    assert coming(dialog) == list(planned(quick=True)[2:])  # the check that runs is the first
    engine.fail("selftest", DeviceError("cuda:0 is not available on this machine"))
    assert coming(dialog) == []


def test_a_quick_test_is_requested(qtbot: QtBot, dialog: SelftestDialog, engine: FakeEngine) -> None:
    quick = dialog.findChild(QCheckBox)
    assert quick is not None
    quick.click()
    click(qtbot, dialog, "selftestStart")
    assert engine.pending == {"selftest": ("selftest", "cuda:0", True)}


def test_each_result_is_a_line_and_the_summary_is_the_end(
    qtbot: QtBot, dialog: SelftestDialog, engine: FakeEngine
) -> None:
    for number in range(2):  # the second test starts with an empty table
        click(qtbot, dialog, "selftestStart")
        engine.part("selftest", Progress(2, 19, "testing cuda:0: predictions"))
        assert status(dialog) == "testing cuda:0: predictions (3 of 19)"
        engine.part("selftest", GOOD)
        engine.part("selftest", BAD)
        if number:  # the engine dies, and its successor begins again
            engine.part("selftest", Progress(0, 19, "testing cuda:0: versions and precisions"))
            assert rows(dialog) == []
            engine.part("selftest", GOOD)
            engine.part("selftest", BAD)
        assert [row[1:] for row in rows(dialog)] == [
            ["ResNet-50, folded", "passed", "2e−6", "≤ 0.0001", "relative difference"],
            ["run against a bare loop", "failed", "0.5 ×", "≥ 0.97", "50 of 100; Close other programs"],
        ]  # fmt: skip
        engine.answer("selftest", Report("cuda:0", CARD, False, {}, (GOOD, BAD), 61.0))
        assert status(dialog) == f"cuda:0 ({CARD}): 1 passed, 1 failed, 0 skipped, 0 noted in 61 s"
    click(qtbot, dialog, "selftestCopy")
    copied = QGuiApplication.clipboard().text().splitlines()
    assert copied[0].split() == ["group", "check", "verdict", "measured", "bound", "remark"]
    assert copied[-1] == status(dialog)
    assert len(copied) == 6


def test_an_error_ends_the_test_and_it_can_be_started_again(
    qtbot: QtBot, dialog: SelftestDialog, engine: FakeEngine
) -> None:
    click(qtbot, dialog, "selftestStart")
    start = dialog.findChild(QPushButton, "selftestStart")
    assert start is not None
    assert not start.isEnabled()
    engine.fail("selftest", DeviceError("cuda:0 is not available on this machine"))
    assert status(dialog) == "cuda:0 is not available on this machine"
    assert start.isEnabled()


def test_closing_cancels_the_test(qtbot: QtBot, dialog: SelftestDialog, engine: FakeEngine) -> None:
    click(qtbot, dialog, "selftestStart")
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert engine.pending == {}
    assert not dialog.isVisible()


def test_the_results_are_sent_between_processes() -> None:
    found = Check("a", "noted", 1.0)
    assert pickle.loads(pickle.dumps(Report("cpu", "CPU", True, {}, (found,), 1.0))).checks == (found,)
