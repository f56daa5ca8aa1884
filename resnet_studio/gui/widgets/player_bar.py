"""Play, pause and speed of the images as a stream."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from resnet_studio.gui.theme import GRID
from resnet_studio.gui.widgets.choice import Choice
from resnet_studio.gui.widgets.named import named

SPEEDS = {
    "0.5": "1 in 2 s",
    "1": "1 a second",
    "2": "2 a second",
    "5": "5 a second",
    "10": "10 a second",
    "0": "full speed",
}
USUAL = "2"


class PlayerBar(QWidget):
    """Emits `toggled`, and `rate_wished` with images a second; 0 for as many as come."""

    toggled = Signal()
    rate_wished = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self._button = named(QPushButton("Play"), "playImages", "Play the images", "")
        self._button.clicked.connect(self.toggled)
        self._speed = Choice(
            SPEEDS, "playSpeed", "Speed", "Images a second; at full speed each look is followed by the next"
        )
        self._speed.show_value(USUAL)
        self._speed.chosen.connect(lambda rate: self.rate_wished.emit(float(rate)))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(self._button)
        row.addWidget(self._speed, 1)
        self.show_playing(True)
        self._button.setMinimumWidth(self._button.sizeHint().width())  # nothing moves where "Play" takes its place
        self.show_playing(False)

    def show_playing(self, playing: bool) -> None:
        """Show whether the stream runs."""
        self._button.setText("Pause" if playing else "Play")
        self._button.setAccessibleName("Pause the images" if playing else "Play the images")
        self._button.setToolTip(
            "Stay at this image (Space)" if playing else "Go through the images from here on (Space)"
        )

    def allow(self, allowed: bool) -> None:
        """Whether there is something to play."""
        self._button.setEnabled(allowed)
        self._speed.setEnabled(allowed)
