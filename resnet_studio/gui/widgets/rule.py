"""A thin line between two parts of the window."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame


def rule() -> QFrame:
    """A horizontal line one pixel high, in the theme's colour of rules."""
    line = QFrame()
    line.setFixedHeight(1)
    line.setProperty("rule", True)
    return line
