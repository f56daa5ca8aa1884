"""Warnings about weights, with a button for the network that they were probably made for."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.values import WeightsInfo
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.plain import plain

MAX_NOTE_LENGTH = 1000
"""Maximum characters of a note or a warning."""
MOVE_STRIDE = "Move stride to the {}"
STRIDE_TIP = (
    "Most published weights, such as torchvision's, expect the stride in the bottleneck's 3×3 convolution; "
    "those of Detectron2 and Keras in the first 1×1"
)


class WeightsCaveats(QWidget):
    """Hidden if there is nothing to warn of. The names of its parts end in `suffix`."""

    architectureRequested = Signal(object)
    """The architecture that the weights were probably made for."""

    def __init__(self, suffix: str = "") -> None:
        super().__init__()
        self._text = set_names(QLabel(wordWrap=True), f"weightsDoubts{suffix}", "Warnings about the weights")
        self._text.setProperty("warning", True)
        title = MOVE_STRIDE.format("3×3")
        self._move_stride = set_names(QPushButton(title), f"moveStride{suffix}", title, STRIDE_TIP)
        self._move_stride.clicked.connect(lambda: self.architectureRequested.emit(self._likely_architecture))
        self._likely_architecture: Architecture | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        column.addWidget(self._text)
        column.addWidget(self._move_stride, alignment=Qt.AlignmentFlag.AlignLeft)
        self.show_weights(None)

    def show_weights(self, weights: WeightsInfo | None) -> None:
        """Show the warnings about these weights; None for none."""
        caveats = weights.caveats if weights else ()
        self._likely_architecture = weights.likely_architecture if weights else None
        self._text.setText(as_one_line(caveats))
        self._text.setVisible(bool(caveats))
        if isinstance(self._likely_architecture, Residual):
            place = str(self._likely_architecture.values()["stride_on"]).replace("x", "×")
            self._move_stride.setText(MOVE_STRIDE.format(place))
            self._move_stride.setAccessibleName(self._move_stride.text())
        self._move_stride.setVisible(self._likely_architecture is not None)
        self.setVisible(bool(caveats or self._likely_architecture))


def as_one_line(sentences: tuple[str, ...]) -> str:
    """Notes or warnings, one after the other."""
    return " · ".join(plain(sentence, MAX_NOTE_LENGTH) for sentence in sentences)
