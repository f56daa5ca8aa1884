"""Ctrl+Z in a line of text that belongs to the window's own undo."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QWidget

UNDO = (QKeySequence.StandardKey.Undo, QKeySequence.StandardKey.Redo)


class LineUndo(QObject):
    """Leaves undo and redo to the window's shortcuts, except while `own` says that the line is to undo its text.

    A line of text claims both keys for itself, also when it has nothing to undo. `line` is what has the focus:
    an editable combo box hands keys to its line without asking that line's filters.
    """

    def __init__(self, line: QWidget, own: Callable[[], bool]) -> None:
        super().__init__(line)
        self._own = own
        line.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  (Qt's name)
        if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent) or self._own():
            return super().eventFilter(watched, event)
        claimed = any(event.matches(key) for key in UNDO)
        if claimed:
            event.ignore()
        return claimed
