"""Actions of menus."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu


def add_action(menu: QMenu, text: str, on_triggered: Callable[[], object], *shortcuts: str) -> QAction:
    """Add an action that calls a function without arguments, also if it is checkable."""
    action = menu.addAction(text)
    action.setShortcuts([QKeySequence(keys) for keys in shortcuts])
    action.triggered.connect(lambda _=False: on_triggered())
    return action
