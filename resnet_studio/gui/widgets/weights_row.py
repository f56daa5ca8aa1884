"""Which weights the network runs with, and how to take others."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFileDialog, QGridLayout, QLabel, QPushButton, QSizePolicy, QWidget

from resnet_studio.gui.theme import GRID
from resnet_studio.gui.widgets.named import named
from resnet_studio.inference.values import WeightsInfo

OPENABLE = "Weights (*.pth *.pt *.safetensors);;All files (*)"


class WeightsRow(QWidget):
    """Emits `weights_wished` with a file's path, or with nothing for random weights."""

    weights_wished = Signal(str)
    digits_wished = Signal()
    """The network that the program has trained itself, with its weights."""

    def __init__(self) -> None:
        super().__init__()
        caption = QLabel("Weights")
        caption.setProperty("quiet", True)
        self._name = "random, seed 0"
        self._source = named(QLabel(self._name), "weightsSource", "Weights")
        self._source.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._source.setMinimumWidth(8 * GRID)
        self._notes = named(QLabel(wordWrap=True), "weightsNotes", "Notes on the weights")
        self._notes.setProperty("warning", True)
        self._notes.hide()
        tip = "Run with random weights, seed 0"
        random = named(QPushButton("Random"), "randomWeights", "Random weights", tip)
        random.clicked.connect(lambda: self.weights_wished.emit(""))
        tip = "Take ResNet-20 in hand as this program trained it on handwritten digits"
        digits = named(QPushButton("Digits network"), "digitsNetwork", "The trained digits network", tip)
        digits.clicked.connect(self.digits_wished)
        tip = "A .pth or .safetensors file with a state_dict whose names are torchvision's"
        open_file = named(QPushButton("Open file…"), "openWeights", "Open weights", tip)
        open_file.clicked.connect(self._ask_for_file)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(GRID)
        for column, widget in enumerate((caption, self._source, random, digits, open_file)):
            grid.addWidget(widget, 0, column)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self._notes, 1, 0, 1, 5)

    def show_weights(self, weights: WeightsInfo) -> None:
        """Show where the weights come from and what is to be known about them."""
        self._name = weights.source
        self._elide()
        self._source.setToolTip(f"SHA-256 {weights.sha256}" if weights.sha256 else weights.source)
        self._notes.setText("\n".join(weights.notes))
        self._notes.setVisible(bool(weights.notes))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  (Qt's name)
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        """A long name loses its middle: its beginning and its ending tell files apart."""
        room = self._source.contentsRect().width()
        self._source.setText(self._source.fontMetrics().elidedText(self._name, Qt.TextElideMode.ElideMiddle, room))

    def _ask_for_file(self) -> None:
        dialog = named(QFileDialog(self, "Open weights", "", OPENABLE), "openWeightsDialog", "Open weights")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self.weights_wished)
        dialog.open()
