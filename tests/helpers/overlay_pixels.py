"""Where a heat map over an image shows a pixel."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect

from resnet_studio.gui.activations.attribution.overlay import OverlayView


def pixel_center(overlay: OverlayView, row: int, column: int) -> QPoint:
    """The center of an input pixel in the widget's coordinates."""
    return overlay._on_screen(QRect(column, row, 1, 1)).center().toPoint()
