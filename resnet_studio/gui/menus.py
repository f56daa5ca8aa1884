"""Helpers for the window's menus, and the list of its shortcuts."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from resnet_studio.gui import theme

Command = tuple[str, str, Callable[[], object]]
"""Label, shortcut, function; an empty label is a separator."""
HIDDEN_SHORTCUTS = (
    ("↑ ↓ ← →", "move between layers, images, and channels; in a table, expand and collapse"),
    ("*", "in a table: expand everything below the selected row"),
    ("Tab", "go to the next control"),
    ("double-click", "Verify, Compare: use a column's network; maps, images, sliders: reset"),
    ("Ctrl+V", "in Activations: paste an image from the clipboard"),
    ("P", "in the feature maps: pin the selected channel"),
    ("Space", "in the image list and in a run's maps: play"),
)


def add_menu(window: QMainWindow, title: str, commands: tuple[Command, ...]) -> dict[str, QAction]:
    """Add a menu to the window; returns its actions by label."""
    menu = window.menuBar().addMenu(title)
    actions = {}
    for label, shortcut, function in commands:
        if not label:
            menu.addSeparator()
            continue
        action = menu.addAction(label)
        if shortcut:
            action.setShortcuts([QKeySequence(keys) for keys in shortcut.split(" or ")])
        action.triggered.connect(lambda _=False, function=function: function())
        actions[label] = action
    return actions


def add_radio_group(menu: QMenu, values: tuple[str, ...], current: str, on_selected: Callable[[str], object]) -> None:
    """Add a group of exclusive checkable actions."""
    group = QActionGroup(menu)
    for value in values:
        action = group.addAction(value.capitalize())
        action.setCheckable(True)
        action.setChecked(value == current)
        action.triggered.connect(lambda _=False, value=value: on_selected(value))
        menu.addAction(action)


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
