"""What a button says to a click: at once, in its own place, and only for as long as it is true."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QAbstractButton

HELD = 1000
"""Milliseconds in which a second click is taken for a slip."""
SHOWN = 1500
"""Milliseconds that "Copied" stays."""


def make_room(button: QAbstractButton, *texts: str) -> None:
    """Make a button as wide as the widest of what it will say, so that nothing beside it moves."""
    usual = button.text()
    widths = []
    for text in (usual, *texts):
        button.setText(text)
        widths.append(button.sizeHint().width())
    button.setText(usual)
    button.setMinimumWidth(max(widths))


def answer(button: QAbstractButton, text: str) -> None:
    """Say on a button for a moment what was done, as "Copied"."""
    if not button.property("usual"):
        button.setProperty("usual", button.text())
    button.setText(text)
    QTimer.singleShot(SHOWN, button, lambda: _say_usual(button))


def _say_usual(button: QAbstractButton) -> None:
    if usual := button.property("usual"):
        button.setText(usual)
        button.setProperty("usual", None)


def hold(button: QAbstractButton) -> None:
    """Take no second click for a moment, where it would take back what the first has just begun."""
    button.setEnabled(False)
    QTimer.singleShot(HELD, button, lambda: button.setEnabled(True))


@contextmanager
def busy(button: QAbstractButton, text: str) -> Iterator[None]:
    """Say on a button what is under way, while a block does it on the window's own thread."""
    usual = button.text()
    button.setText(text)
    button.setEnabled(False)
    button.repaint()
    try:
        yield
    finally:
        button.setText(usual)
        button.setEnabled(True)
