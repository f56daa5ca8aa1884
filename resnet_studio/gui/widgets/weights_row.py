"""Which weights the network runs with, and how to take others."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QGridLayout, QLabel, QPushButton, QSizePolicy, QWidget

from resnet_studio.gui.theme import GRID
from resnet_studio.inference.values import WeightsInfo

OPENABLE = "Weights (*.pth *.pt *.safetensors);;All files (*)"


class WeightsRow(QWidget):
    """Emits `weights_wished` with a file's path, or with nothing for random weights."""

    weights_wished = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        caption = QLabel("Weights")
        caption.setProperty("quiet", True)
        self._source = QLabel("random, seed 0", objectName="weightsSource")
        self._source.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._source.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._notes = QLabel(wordWrap=True, visible=False, objectName="weightsNotes")
        self._notes.setProperty("warning", True)
        random = QPushButton("Random", objectName="randomWeights")
        random.setToolTip("Run with random weights, seed 0")
        random.clicked.connect(lambda: self.weights_wished.emit(""))
        open_file = QPushButton("Open file…", objectName="openWeights")
        open_file.setToolTip("A .pth or .safetensors file with a state_dict whose names are torchvision's")
        open_file.clicked.connect(self._ask_for_file)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(GRID)
        for column, widget in enumerate((caption, self._source, random, open_file)):
            grid.addWidget(widget, 0, column)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self._notes, 1, 0, 1, 4)

    def show_weights(self, weights: WeightsInfo) -> None:
        """Show where the weights come from and what is to be known about them."""
        self._source.setText(weights.source)
        self._source.setToolTip(f"SHA-256 {weights.sha256}" if weights.sha256 else weights.source)
        self._notes.setText("\n".join(weights.notes))
        self._notes.setVisible(bool(weights.notes))

    def _ask_for_file(self) -> None:
        dialog = QFileDialog(self, "Open weights", "", OPENABLE, objectName="openWeightsDialog")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self.weights_wished)
        dialog.open()
