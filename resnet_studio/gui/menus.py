"""The menus: every command of the window with its shortcut, in one table each."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from resnet_studio.gui import theme

Command = tuple[str, str, Callable[[], object]]
"""What the menu shows, its shortcut, what it does; an empty label is a line between groups."""
HIDDEN_SHORTCUTS = (
    ("↑ ↓ ← →", "walk layers, images and channels; in a table, open and close"),
    ("*", "in a table: open all that is below the chosen line"),
    ("Tab", "go to the next control"),
    ("double-click", "Verify, Compare: take a column's architecture in hand; maps, pictures, sliders: reset"),
    ("Ctrl+V", "in Activations: take an image from the clipboard"),
    ("P", "in the maps: pin the chosen channel"),
    ("Space", "in the images: play; in the maps of a run: play"),
)


def fill(window: QMainWindow, title: str, commands: tuple[Command, ...]) -> dict[str, QAction]:
    """Add a menu to the window; returns its actions by their labels."""
    menu = window.menuBar().addMenu(title)
    actions = {}
    for label, shortcut, act in commands:
        if not label:
            menu.addSeparator()
            continue
        action = menu.addAction(label)
        if shortcut:
            action.setShortcuts([QKeySequence(one) for one in shortcut.split(" or ")])
        action.triggered.connect(lambda _=False, act=act: act())
        actions[label] = action
    return actions


def add_choice(menu: QMenu, values: tuple[str, ...], chosen: str, take: Callable[[str], object]) -> None:
    """Add a group of which one is marked."""
    group = QActionGroup(menu)
    for value in values:
        action = group.addAction(value.capitalize())
        action.setCheckable(True)
        action.setChecked(value == chosen)
        action.triggered.connect(lambda _=False, value=value: take(value))
        menu.addAction(action)


def shortcuts(window: QMainWindow) -> str:
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
    keep = "style='white-space: nowrap'"
    lines = "".join(f"<tr><td {keep}><b>{keys}</b></td><td {keep}>&nbsp; {what}</td></tr>" for keys, what in rows)
    return f"<p style='color: {theme.current().muted}'>{title}</p><table cellpadding='2'>{lines}</table>"
