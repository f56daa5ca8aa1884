"""A search field that says which of how many matches is shown."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QToolButton

from resnet_studio.gui.common.helpers import set_names, set_style_property
from resnet_studio.gui.theme import GRID

CLEAR_WIDTH = 3 * GRID
"""Pixels of the button that clears the text."""
NO_MATCH = "no match"
TIP = "Enter: next match · Shift+Enter: previous · Esc: clear (Ctrl+F)"


class SearchField(QLineEdit):
    """Emits `searched` at every change of its text, and `stepRequested` on Enter; Esc clears it."""

    searched = Signal(str)
    stepRequested = Signal(int)
    """1 for the next match, −1 for the one before."""

    def __init__(self, object_name: str, placeholder: str, tip: str) -> None:
        """`tip` says what is searched."""
        super().__init__(placeholderText=placeholder, clearButtonEnabled=True)
        set_names(self, object_name, placeholder, f"{tip}\n{TIP}")
        for clear in self.findChildren(QToolButton):
            set_names(clear, "clearSearch", "Clear the search", "Clear the search (Esc)")
        self.setAcceptDrops(False)  # the window takes dropped files
        self._found = set_names(QLabel(self), "searchMatches", "Matches")
        self._found.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._found.setProperty("quiet", True)
        self._found.hide()
        self.textChanged.connect(self._on_text_changed)

    def show_matches(self, current: int, total: int) -> None:
        """Show that there are so many matches and the `current`th of them, counted from 1, is shown; 0 if none is."""
        searching = bool(self.text().strip())
        found = f"{current:,} of {total:,}" if current else f"{total:,} found" if total else NO_MATCH
        self._found.setText(found if searching else "")
        set_style_property(self._found, problem=searching and not total, quiet=not searching or total > 0)
        self.setAccessibleDescription(self._found.text())
        self._place()

    def start(self) -> None:
        """Focus the field, and select its text so that typing replaces it."""
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.selectAll()

    def event(self, event: QEvent) -> bool:
        """Take Esc while there is something to clear; otherwise the window cancels what is running."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Escape
            and self.text()
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.stepRequested.emit(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def _on_text_changed(self, text: str) -> None:
        if not text:
            self.show_matches(0, 0)
        self.searched.emit(text)

    def _place(self) -> None:
        """Put the matches at the right end, in front of the button that clears the text."""
        self._found.setVisible(bool(self._found.text()))
        self._found.adjustSize()
        width = self._found.width()
        self.setTextMargins(0, 0, width + GRID if self._found.text() else 0, 0)
        self._found.move(self.width() - CLEAR_WIDTH - GRID - width, (self.height() - self._found.height()) // 2)
