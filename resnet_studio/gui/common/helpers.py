"""A widget's names: for scripts and style sheets, for screen readers, and for who hovers over it."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from resnet_studio.gui.common.labels import plain_label
from resnet_studio.gui.theme import GRID

W = TypeVar("W", bound=QWidget)


def named(widget: W, object_name: str = "", spoken: str = "", tip: str = "") -> W:
    """Give a widget its object name, its accessible name and its tooltip, and return it.

    A label shows its text letter for letter, unless it was made for HTML.
    """
    widget.setObjectName(object_name)
    widget.setAccessibleName(spoken)
    widget.setToolTip(tip)
    if isinstance(widget, QLabel) and widget.textFormat() == Qt.TextFormat.AutoText:
        plain_label(widget)
    return widget


def column(*parts: tuple[QWidget, int], margin: int = 2 * GRID) -> QWidget:
    """A widget with these in it, each with its share of the height."""
    held = QWidget()
    layout = QVBoxLayout(held)
    layout.setContentsMargins(margin, GRID, margin, GRID)
    layout.setSpacing(GRID)
    for widget, share in parts:
        layout.addWidget(widget, share)
    return held


def rule() -> QFrame:
    """A horizontal line one pixel high, in the theme's colour of rules."""
    line = QFrame()
    line.setFixedHeight(1)
    line.setProperty("rule", True)
    return line


def dress(widget: QWidget, **properties: bool) -> None:
    """Set a widget's properties, such as `quiet` or `good`, and let the style sheet see them."""
    for name, value in properties.items():
        widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)
