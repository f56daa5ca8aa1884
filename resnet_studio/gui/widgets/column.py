"""Widgets below one another."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from resnet_studio.gui.theme import GRID


def column(*parts: tuple[QWidget, int], margin: int = 2 * GRID) -> QWidget:
    """A widget with these in it, each with its share of the height."""
    held = QWidget()
    layout = QVBoxLayout(held)
    layout.setContentsMargins(margin, GRID, margin, GRID)
    layout.setSpacing(GRID)
    for widget, share in parts:
        layout.addWidget(widget, share)
    return held
