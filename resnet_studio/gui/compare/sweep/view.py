"""The Sweep page of Compare: many variants of one architecture, and those that fit a budget."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from resnet_studio.gui.common.helpers import empty_label

EMPTY = "Choose an architecture on the left to vary it here."


class SweepView(QWidget):
    """Shows what to do first."""

    def __init__(self) -> None:
        super().__init__()
        QVBoxLayout(self).addWidget(empty_label("compareSweepEmpty", EMPTY))
