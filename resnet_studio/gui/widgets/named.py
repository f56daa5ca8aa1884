"""A widget's names: for scripts and style sheets, for screen readers, and for who hovers over it."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from resnet_studio.gui.plain_text import plain_label

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
