"""The Scatter page of Compare: networks as points, one quantity against another."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from resnet_studio.gui.common.helpers import empty_label

EMPTY = "Add networks on the Table page to plot them here."


class ScatterView(QWidget):
    """Shows what to do first."""

    def __init__(self) -> None:
        super().__init__()
        QVBoxLayout(self).addWidget(empty_label("scatterEmpty", EMPTY))
