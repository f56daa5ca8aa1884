"""The Compare workspace in the window: its pages by keys, and what it copies as a command line."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from fake_engine import FakeEngine
from resnet_studio.cli.main import main
from resnet_studio.gui import main_window
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.compare.workspace import SCATTER, SWEEP, TABLE, CompareWorkspace
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.networks.presets import preset
from workspace_numbers import COMPARE, LAYERS

PAGE_KEY = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
EDITED = replace(preset("resnet50"), classes=10)


@pytest.fixture
def window(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MainWindow]:
    """A window without an engine that compares the edited ResNet-50 with two others."""
    monkeypatch.setattr(main_window, "EngineClient", lambda _jobs: FakeEngine())
    compared = [preset("resnet50"), None, preset("vgg19")]
    window = MainWindow(SessionState(architecture=EDITED, compared=compared, workspace=COMPARE), runs=tmp_path)
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    yield window
    window.close()


def page(window: MainWindow) -> int:
    tabs = window.findChild(CompareWorkspace).tabs
    assert tabs
    return tabs.currentIndex()


def command(qtbot: QtBot, window: MainWindow) -> list[str]:
    """What Ctrl+Shift+C copies, without the program's name."""
    qtbot.keyClick(window, Qt.Key.Key_C, PAGE_KEY)
    return shlex.split(QGuiApplication.clipboard().text())[1:]


def test_keys_open_the_pages_from_every_workspace(qtbot: QtBot, window: MainWindow) -> None:
    for number, key in ((SCATTER, Qt.Key.Key_2), (SWEEP, Qt.Key.Key_3), (TABLE, Qt.Key.Key_1)):
        window.workspaces.setCurrentIndex(LAYERS)
        qtbot.keyClick(window, key, PAGE_KEY)
        assert (window.workspaces.currentIndex(), page(window)) == (COMPARE, number)
        assert window.session_state().compare_page == number


def test_a_page_that_is_not_visible_compares_nothing(qtbot: QtBot, window: MainWindow) -> None:
    seen: list[object] = []
    window.findChild(CompareWorkspace).controller.comparisonChanged.connect(seen.append)
    qtbot.keyClick(window, Qt.Key.Key_3, PAGE_KEY)
    window.controller.session.set_architecture(preset("resnet18"))
    qtbot.waitUntil(lambda: not window.controller.updating)
    assert seen == []
    qtbot.keyClick(window, Qt.Key.Key_1, PAGE_KEY)
    assert len(seen) == 1


def test_the_sentence_follows_an_edit_and_the_unit(window: MainWindow) -> None:
    label = window.findChild(QLabel, "compareSentence")
    assert label.text().startswith("resnet50, 10 classes has 10 classes instead of 1,000: −2.03 M FLOPs, −2.03 M param")
    window.controller.session.set_architecture(replace(EDITED, classes=1000, image=64))
    assert "has a 64×64 image instead of 224×224" in label.text()
    window.controller.session.set_flop_unit("operations")
    assert "FLOPs (2 × MAC)" in label.text()


def test_the_command_line_prints_the_same_comparison(
    qtbot: QtBot, window: MainWindow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(qtbot, window) == ["compare", "resnet50", "resnet50 classes=10", "vgg19"]
    order = window.findChild(SegmentedControl, "compareOrder").button("difference")
    qtbot.mouseClick(order, Qt.MouseButton.LeftButton)
    window.controller.session.set_flop_unit("operations")
    line = command(qtbot, window)
    assert line[4:] == ["--sort", "difference", "--unit", "operations"]
    assert main(line) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(window.findChild(QLabel, "compareSentence").text())
    assert window.findChild(QToolButton, "compareFold").text().strip() in printed


def test_measuring_begins_with_the_button_and_ends_with_it(qtbot: QtBot, window: MainWindow) -> None:
    button = window.findChild(QPushButton, "compareMeasure")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert button.text() == "Cancel (3 left)"
    engine = window.engine
    assert isinstance(engine, FakeEngine)
    ((_, specs),) = engine.requests_of("measure")
    assert [spec.architecture for spec in specs] == [preset("resnet50"), EDITED, preset("vgg19")]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert "measure" not in engine.pending
    assert button.text() == "Measure time"
