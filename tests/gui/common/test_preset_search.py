"""The search for presets: its list under headings, and its completions."""

from __future__ import annotations

from typing import cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QComboBox, QLineEdit
from pytestqt.qtbot import QtBot

from resnet_studio.gui.common.preset_search import HEADING_ROLE, preset_search
from resnet_studio.networks.presets import GROUPS, PRESETS


@pytest.fixture
def search(qtbot: QtBot) -> QComboBox:
    search = preset_search("Add a network")
    qtbot.addWidget(search)
    search.show()
    return search


def line(search: QComboBox) -> QLineEdit:
    return cast("QLineEdit", search.lineEdit())


def test_the_list_has_every_preset_under_its_groups_heading(search: QComboBox) -> None:
    rows = [search.model().index(row, 0) for row in range(search.count())]
    assert [row.data(HEADING_ROLE) or row.data() for row in rows] == [
        text for group, names in GROUPS.items() for text in (group, *names)
    ]
    selectable = [row.data() for row in rows if search.model().flags(row) & Qt.ItemFlag.ItemIsEnabled]
    assert selectable == list(PRESETS)
    QAbstractItemModelTester(search.model(), QAbstractItemModelTester.FailureReportingMode.Fatal)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("ResNeXt-50", ["resnext50_32x4d", "seresnext50_32x4d"]),
        ("wrn 28", ["wrn-28-10"]),
        ("wide resnet", ["wide_resnet50_2", "wide_resnet101_2", "wrn-40-4", "wrn-16-8", "wrn-28-10"]),
        ("1202", ["resnet1202-cifar"]),
    ],
)
def test_a_name_is_completed_in_whatever_way_it_is_written(
    qtbot: QtBot, search: QComboBox, typed: str, found: list[str]
) -> None:
    qtbot.keyClicks(line(search), typed)
    model = search.completer().completionModel()
    assert [model.index(row, 0).data() for row in range(model.rowCount())] == found
    with qtbot.waitSignal(search.textActivated) as signal:
        qtbot.keyClick(search.completer().popup(), Qt.Key.Key_Down)
        qtbot.keyClick(search.completer().popup(), Qt.Key.Key_Return)
    assert signal.args == [found[0]]
    assert search.currentText() == found[0]


def test_the_arrow_keys_pass_over_the_headings(qtbot: QtBot, search: QComboBox) -> None:
    last = GROUPS["ResNet"][-1]
    search.setCurrentIndex(search.findText(last))
    qtbot.keyClick(search, Qt.Key.Key_Down)
    assert search.currentText() == GROUPS["ResNet v1.5"][0]


def test_a_headings_words_select_nothing(qtbot: QtBot, search: QComboBox) -> None:
    qtbot.keyClicks(line(search), "Plain")
    search.completer().popup().hide()
    with qtbot.assertNotEmitted(search.textActivated):
        qtbot.keyClick(line(search), Qt.Key.Key_Return)


def test_the_lists_show_whole_names_in_a_narrow_box(qtbot: QtBot, search: QComboBox) -> None:
    search.resize(60, search.height())
    search.showPopup()
    qtbot.waitUntil(search.view().isVisible)
    assert search.view().viewport().width() >= search.view().sizeHintForColumn(0)
    search.hidePopup()
    qtbot.keyClicks(line(search), "ResNeXt-50")
    popup = search.completer().popup()
    assert popup.viewport().width() >= popup.sizeHintForColumn(0) > 60
    popup.hide()
