"""The window's menus, and the list of its shortcuts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from PySide6.QtGui import QActionGroup, QKeySequence
from PySide6.QtWidgets import QApplication, QFileDialog, QMainWindow, QMenu, QMessageBox

import resnet_studio
from resnet_studio.analysis import units
from resnet_studio.gui import theme
from resnet_studio.gui.common.actions import add_action
from resnet_studio.gui.common.workspace import Workspace
from resnet_studio.gui.export_menu import fill_export_menu, open_architecture, open_module, save_architecture
from resnet_studio.gui.opened_files import OPENABLE_FILTER
from resnet_studio.gui.session import Session

if TYPE_CHECKING:
    from resnet_studio.gui.main_window import MainWindow

THEMES: tuple[theme.ThemeName, ...] = ("system", "light", "dark")
HIDDEN_SHORTCUTS = (
    ("↑ ↓ ← →", "move between layers, images, and channels; in a table, expand and collapse"),
    ("*", "in a table: expand everything below the selected row"),
    ("Tab", "go to the next control"),
    ("double-click", "Verify, Compare: use a column's network; maps, images, sliders: reset"),
    ("Ctrl+V", "in Activations: paste an image from the clipboard"),
    ("P", "in the feature maps: pin the selected channel"),
    ("+ − 0 1", "in the figure: zoom in and out, show all of it, 100 %"),
    ("Space", "in the image list and in a run's maps: play"),
)


def make_menus(window: MainWindow, workspaces: Sequence[Workspace]) -> None:
    """Make File, Edit, View, a menu for each workspace with pages, and Help."""
    _make_file_menu(window)
    _make_edit_menu(window)
    _make_view_menu(window, workspaces)
    for workspace in workspaces:
        if workspace.pages:
            _make_workspace_menu(window, workspace)
    menu = window.menuBar().addMenu("&Help")
    add_action(menu, "Shortcuts", partial(_show_shortcuts, window), "?", "F1")
    add_action(menu, "About", partial(_show_about, window))


def _make_file_menu(window: MainWindow) -> None:
    menu = window.menuBar().addMenu("&File")
    add_action(menu, "Open…", partial(_open_files, window), "Ctrl+O")
    add_action(menu, "Open architecture…", partial(open_architecture, window), "Ctrl+Shift+O")
    add_action(menu, "Open Python module…", partial(open_module, window))
    menu.addSeparator()
    add_action(menu, "Save architecture as…", partial(save_architecture, window), "Ctrl+Shift+S")
    fill_export_menu(menu.addMenu("Export"), window)
    menu.addSeparator()
    add_action(menu, "Quit", window.close, "Ctrl+Q")


def _make_edit_menu(window: MainWindow) -> None:
    session = window.controller.session
    menu = window.menuBar().addMenu("&Edit")
    undo = add_action(menu, "Undo", session.undo, "Ctrl+Z")
    redo = add_action(menu, "Redo", session.redo, "Ctrl+Shift+Z", "Ctrl+Y")
    session.historyChanged.connect(lambda can_undo, _: undo.setEnabled(can_undo))
    session.historyChanged.connect(lambda _, can_redo: redo.setEnabled(can_redo))
    for action in (undo, redo):
        action.setEnabled(False)
    menu.addSeparator()
    add_action(menu, "Copy as command line", window.copy_command_line, "Ctrl+Shift+C")
    menu.addSeparator()
    add_action(menu, "Find layer", window.start_search, "Ctrl+F")
    add_action(menu, "Search presets", window.panel.search, "Ctrl+P")


def _make_view_menu(window: MainWindow, workspaces: Sequence[Workspace]) -> None:
    menu = window.menuBar().addMenu("&View")
    for number, workspace in enumerate(workspaces):
        add_action(menu, workspace.title, partial(window.workspaces.setCurrentIndex, number), f"Ctrl+{number + 1}")
    menu.addSeparator()
    add_action(menu, "Run again", window.rerun, "F5")
    add_action(menu, "Cancel", window.controller.cancel, "Esc")
    menu.addSeparator()
    session = window.controller.session
    themes = QActionGroup(menu)
    for name in THEMES:
        action = add_action(menu, name.capitalize(), partial(_set_theme, session, name))
        action.setCheckable(True)
        action.setChecked(name == session.state.theme)
        themes.addAction(action)
    menu.addSeparator()
    _add_flop_units(menu, session)


def _add_flop_units(menu: QMenu, session: Session) -> None:
    """Add the units of FLOPs, of which one is checked."""
    group, actions = QActionGroup(menu), {}
    for unit, label in units.LABELS.items():
        actions[unit] = action = add_action(menu, label, partial(session.set_flop_unit, unit))
        action.setCheckable(True)
        group.addAction(action)
    actions[session.state.flop_unit].setChecked(True)
    session.flopUnitChanged.connect(lambda unit: actions[unit].setChecked(True))


def _make_workspace_menu(window: MainWindow, workspace: Workspace) -> None:
    menu = window.menuBar().addMenu(f"&{workspace.title}")
    for number, title in enumerate(workspace.pages):
        add_action(menu, title, partial(workspace.open_page, number), f"{workspace.page_shortcut}{number + 1}")
    menu.addSeparator()
    workspace.add_actions(menu)


def _open_files(window: MainWindow) -> None:
    title = "Open images, weights, an architecture, or a Python module"
    paths, _ = QFileDialog.getOpenFileNames(window, title, "", OPENABLE_FILTER)
    window.controller.open_paths(paths)


def _set_theme(session: Session, name: theme.ThemeName) -> None:
    session.update(theme=name)
    theme.apply(cast("QApplication", QApplication.instance()), name)


def _show_shortcuts(window: MainWindow) -> None:
    QMessageBox(QMessageBox.Icon.NoIcon, "Shortcuts", shortcuts_html(window), parent=window).open()


def _show_about(window: MainWindow) -> None:
    text = (
        f"<b>ResNet Studio {resnet_studio.__version__}</b><p>A workbench for residual networks "
        "(He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, arXiv 1512.03385).<p>"
        "FLOPs are multiply-adds, as counted by fvcore."
    )
    QMessageBox(QMessageBox.Icon.NoIcon, "About ResNet Studio", text, parent=window).open()


def shortcuts_html(window: QMainWindow) -> str:
    """Every shortcut of the window's menus as an HTML table."""
    groups = []
    for top in window.menuBar().actions():
        rows = []
        for action in top.menu().actions() if top.menu() else ():  # type: ignore[attr-defined]
            keys = ", ".join(key.toString(QKeySequence.SequenceFormat.NativeText) for key in action.shortcuts())
            if keys:
                rows.append((keys, action.text().rstrip("…")))
        groups.append((top.text().replace("&", ""), rows))
    half = len(groups) // 2
    columns = "".join(
        f"<td>{''.join(_table(*group) for group in part)}</td>" for part in (groups[:half], groups[half:])
    )
    everywhere = _table("Everywhere", list(HIDDEN_SHORTCUTS))
    return f"<table cellpadding='8'><tr>{columns}</tr><tr><td colspan='2'>{everywhere}</td></tr></table>"


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    style = "style='white-space: nowrap'"
    lines = "".join(f"<tr><td {style}><b>{keys}</b></td><td {style}>&nbsp; {text}</td></tr>" for keys, text in rows)
    return f"<p style='color: {theme.current().muted}'>{title}</p><table cellpadding='2'>{lines}</table>"
