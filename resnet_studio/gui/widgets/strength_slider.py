"""How strongly colours are laid over a picture."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QWidget

from resnet_studio.gui.theme import GRID
from resnet_studio.gui.widgets.named import named

USUAL = 60


class StrengthSlider(QWidget):
    """Emits the share, 0 … 1."""

    moved = Signal(float)

    def __init__(self, name: str) -> None:
        super().__init__()
        tip = "How strongly the colours cover the network's input"
        self._slider = named(QSlider(Qt.Orientation.Horizontal), name, "Strength", tip)
        self._slider.setRange(0, 100)
        self._slider.setMinimumWidth(24)
        words, self._value = QLabel("strength"), named(QLabel(), f"{name}Value", "Strength")
        words.setProperty("quiet", True)
        words.setBuddy(self._slider)
        self._value.setMinimumWidth(self._value.fontMetrics().horizontalAdvance("100 %"))
        self._value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        for widget in (words, self._slider, self._value):
            row.addWidget(widget)
        self._slider.valueChanged.connect(self._take)
        self._slider.setValue(USUAL)

    def share(self) -> float:
        return self._slider.value() / 100

    def _take(self, percent: int) -> None:
        self._value.setText(f"{percent} %")
        self.moved.emit(percent / 100)
