"""Views at the width of the smallest window, and the texts in them that can't be read."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from painted import cut_texts, painted

WORKSPACE, PAGE, COLUMN, PANEL = 752, 319, 205, 256
"""Widths in pixels of a workspace, a page of Activations, its right column and the architecture panel in the smallest
window (`main_window.MIN_SIZE`)."""
NAMES = {
    "imageStrip", "runTable", "runLegend", "runningWhat", "pairedPredictions", "predictions", "layerList", "whyClass",
    "whyLayer", "sweepFlips", "experimentChoice", "probeRun", "data",
}  # fmt: skip
"""Where names of files, runs, classes and layers may be elided; the tooltip or the opened list has the full name."""


def shown(qtbot: QtBot, widget: QWidget, width: int, height: int = 640) -> QWidget:
    """Show a widget, and check that it fits into this width."""
    qtbot.addWidget(widget)
    widget.resize(width, height)
    widget.show()
    settle()
    assert widget.width() == width, f"it needs {widget.width()} pixels"
    return widget


def settle() -> None:
    for _ in range(3):  # a layout may trigger another one: wrapped lines, a scroll bar
        QApplication.processEvents()


def cut(widget: QWidget) -> list[str]:
    """The texts that can't be read, except for names of files and runs."""
    settle()
    return [line for line in cut_texts(widget) if not any(f"{name}/" in line and "elided" in line for name in NAMES)]


def everything(widget: QWidget) -> list[str]:
    """All visible texts."""
    return [text.text for part in (widget, *widget.findChildren(QWidget)) if part.isVisible() for text in painted(part)]
