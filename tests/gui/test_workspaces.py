"""A workspace is one entry of the window's list; everything that the window offers of it comes from there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLineEdit, QMenu, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from fake_engine import FakeEngine
from resnet_studio.gui import main_window
from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.common.actions import add_action
from resnet_studio.gui.common.workspace import Workspace
from resnet_studio.gui.lazy_tabs import LazyTabWidget
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.gui.workspaces import WORKSPACES
from workspace_numbers import ACTIVATIONS, COMPARE, FIGURE, LAYERS, TRAINING, VERIFY

CONTROL = Qt.KeyboardModifier.ControlModifier


class NotesWorkspace(Workspace):
    """Another workspace, which records what the window asks of it."""

    title = "Notes"
    pages = ("Blocks", "Layers")
    page_shortcut = "Alt+Shift+"

    def __init__(self, app: AppController, parent: QObject | None = None) -> None:
        super().__init__(app, parent)
        self.calls: list[object] = []

    def make(self) -> QWidget:
        self.search = QLineEdit()
        widget = QWidget()
        self.tabs = LazyTabWidget([(page, QWidget) for page in self.pages], "notesPages", self.title)
        column = QVBoxLayout(widget)
        column.addWidget(self.search)
        column.addWidget(self.tabs)
        return widget

    def set_current(self, current: bool) -> None:
        super().set_current(current)
        self.calls.append(current)

    def rerun(self) -> None:
        self.calls.append("rerun")

    def start_search(self) -> bool:
        self.search.setFocus()
        return True

    def add_actions(self, menu: QMenu) -> None:
        add_action(menu, "Redraw", self.currentRequested.emit)

    def close(self) -> None:
        self.calls.append("close")


@pytest.fixture
def window(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    """A window with another workspace and no engine."""
    monkeypatch.setattr(main_window, "EngineClient", lambda _jobs: FakeEngine())
    monkeypatch.setattr(main_window, "WORKSPACES", (*WORKSPACES, NotesWorkspace))
    window = MainWindow(SessionState())
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    yield window
    window.close()


def menu(window: MainWindow, title: str) -> list[QAction]:
    top = next(action for action in window.menuBar().actions() if action.text() == title)
    actions: list[QAction] = top.menu().actions()
    return actions


def test_another_workspace_is_one_line_in_the_list(qtbot: QtBot, window: MainWindow) -> None:
    tabs = window.workspaces
    assert (tabs.count(), tabs.tabText(6), tabs.tabToolTip(6)) == (7, "Notes", "Notes (Ctrl+7)")
    assert [action.text() for action in window.menuBar().actions()] == [
        "&File", "&Edit", "&View", "&Activations", "&Compare", "&Training", "&Notes", "&Help"
    ]  # fmt: skip
    assert [action.text() for action in menu(window, "&View")[:8]] == [
        *(kind.title for kind in WORKSPACES),
        "Notes",
        "",
    ]
    assert [action.text() for action in menu(window, "&Notes")] == ["Blocks", "Layers", "", "Redraw"]
    assert menu(window, "&Notes")[2].isSeparator()
    qtbot.keyClick(window, Qt.Key.Key_7, CONTROL)
    notes = window.findChild(NotesWorkspace)
    assert (tabs.currentIndex(), window.session_state().workspace) == (6, 6)
    qtbot.keyClick(window, Qt.Key.Key_F5)
    qtbot.keyClick(window, Qt.Key.Key_F, CONTROL)
    assert notes.search.hasFocus()
    qtbot.keyClick(window, Qt.Key.Key_1, CONTROL)
    window.close()
    assert notes.calls == [True, "rerun", False, "close"]


def test_a_page_opens_with_its_workspace(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ShiftModifier)
    notes = window.findChild(NotesWorkspace)
    assert (window.workspaces.currentIndex(), notes.tabs and notes.tabs.currentIndex()) == (6, 1)
    window.workspaces.setCurrentIndex(LAYERS)
    menu(window, "&Notes")[3].trigger()  # it asks to become the current one
    assert window.workspaces.currentIndex() == 6


def test_a_session_with_the_number_of_no_workspace_opens_the_first(qtbot: QtBot) -> None:
    window = MainWindow(SessionState(workspace=9))
    qtbot.addWidget(window)
    window.show()
    assert window.workspaces.currentIndex() == LAYERS
    assert window.findChild(QLineEdit, "findLayer").isVisible()
    window.close()


@pytest.mark.parametrize(
    ("number", "search"), [(LAYERS, "findLayer"), (VERIFY, "findLayer"), (ACTIVATIONS, "findMaps"),
                           (COMPARE, "findLayer"), (TRAINING, "findLayer"), (FIGURE, "figureSearch")],
)  # fmt: skip
def test_find_searches_the_current_workspace_or_the_layers(
    qtbot: QtBot, window: MainWindow, number: int, search: str
) -> None:
    window.workspaces.setCurrentIndex(number)
    qtbot.keyClick(window, Qt.Key.Key_F, CONTROL)
    assert window.focusWidget().objectName() == search
    assert window.workspaces.currentIndex() == (number if number in (ACTIVATIONS, FIGURE) else LAYERS)
