"""Feedback for clicks on the button itself: short texts, and a guard against double clicks."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QAbstractButton

DISABLED_TIME = 1000
"""Milliseconds in which a second click is ignored."""
SHOWN_TIME = 1500
"""Milliseconds that "Copied" stays."""


def reserve_width(button: QAbstractButton, *texts: str) -> None:
    """Make a button as wide as the widest of its texts, so that its neighbors do not move."""
    usual = button.text()
    widths = []
    for text in (usual, *texts):
        button.setText(text)
        widths.append(button.sizeHint().width())
    button.setText(usual)
    button.setMinimumWidth(max(widths))


def show_briefly(button: QAbstractButton, text: str) -> None:
    """Show a text such as "Copied" on a button for a moment."""
    if not button.property("usual"):
        button.setProperty("usual", button.text())
    button.setText(text)
    QTimer.singleShot(SHOWN_TIME, button, lambda: _restore_text(button))


def _restore_text(button: QAbstractButton) -> None:
    if usual := button.property("usual"):
        button.setText(usual)
        button.setProperty("usual", None)


def disable_briefly(button: QAbstractButton) -> None:
    """Disable a button for a moment if a second click would cancel what the first has started."""
    button.setEnabled(False)
    QTimer.singleShot(DISABLED_TIME, button, lambda: button.setEnabled(True))
