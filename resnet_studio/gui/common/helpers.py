"""Small helpers to set up widgets: names, style properties, a vertical box, a separator, a cell's alignment."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from resnet_studio.gui.common.labels import as_plain_text
from resnet_studio.gui.theme import GRID

W = TypeVar("W", bound=QWidget)


def set_names(widget: W, object_name: str = "", accessible_name: str = "", tooltip: str = "") -> W:
    """Give a widget its object name, its accessible name and its tooltip, and return it.

    A label becomes plain text, unless it was made for HTML.
    """
    widget.setObjectName(object_name)
    widget.setAccessibleName(accessible_name)
    widget.setToolTip(tooltip)
    if isinstance(widget, QLabel) and widget.textFormat() == Qt.TextFormat.AutoText:
        as_plain_text(widget)
    return widget


def empty_label(object_name: str, text: str = "") -> QLabel:
    """What an empty page shows in its middle: what to do next."""
    label = set_names(QLabel(text, wordWrap=True), object_name, "What to do next")
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)  # it may say what went wrong
    label.setProperty("quiet", True)
    return label


def vbox(*widgets: tuple[QWidget, int], margin: int = 2 * GRID) -> QWidget:
    """A widget that stacks these vertically, each with its stretch factor."""
    box = QWidget()
    layout = QVBoxLayout(box)
    layout.setContentsMargins(margin, GRID, margin, GRID)
    layout.setSpacing(GRID)
    for widget, stretch in widgets:
        layout.addWidget(widget, stretch)
    return box


def separator() -> QFrame:
    """A horizontal line one pixel high, in the theme's color of rules."""
    line = QFrame()
    line.setFixedHeight(1)
    line.setProperty("rule", True)
    return line


def set_style_property(widget: QWidget, **properties: bool) -> None:
    """Set a widget's dynamic properties, such as `quiet` or `good`, and reapply the style sheet."""
    for name, value in properties.items():
        widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def cell_alignment(*, right: bool, top: bool = False) -> Qt.AlignmentFlag:
    """Alignment of a table's cell: numbers are on the right."""
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    return side | (Qt.AlignmentFlag.AlignTop if top else Qt.AlignmentFlag.AlignVCenter)
