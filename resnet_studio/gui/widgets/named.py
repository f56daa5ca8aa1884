"""A widget's names: for scripts and style sheets, for screen readers, and for who hovers over it."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtWidgets import QWidget

W = TypeVar("W", bound=QWidget)


def named(widget: W, object_name: str = "", spoken: str = "", tip: str = "") -> W:
    """Give a widget its object name, its accessible name and its tooltip, and return it."""
    widget.setObjectName(object_name)
    widget.setAccessibleName(spoken)
    widget.setToolTip(tip)
    return widget
