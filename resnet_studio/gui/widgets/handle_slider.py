"""One handle: its name, a slider and its value; a double-click takes it back."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QLabel, QSlider

from resnet_studio.gui.widgets.named import named

STEPS = 200
VALUE = QSize(52, 20)


class HandleSlider(QObject):
    """Emits `moved` with the value, and whether the hand is still on it. Its widgets are laid out by who holds it."""

    moved = Signal(float, bool)

    def __init__(
        self, name: str, title: str, tip: str, low: float, high: float, usual: float, written: Callable[[float], str],
        parent: QObject,
    ) -> None:  # fmt: skip
        """The slider's middle is the usual value, wherever it lies between `low` and `high`, unless it is an end."""
        super().__init__(parent)
        self._low, self._high, self._usual, self._written = low, high, usual, written
        self.label = QLabel(title)
        self.label.setProperty("quiet", True)
        self.slider = named(QSlider(Qt.Orientation.Horizontal), f"{name}Handle", title, f"{tip}; double-click resets")
        self.slider.setRange(0, STEPS)
        self.slider.setPageStep(STEPS // 10)
        self.slider.setMinimumWidth(24)
        self.slider.valueChanged.connect(self._take)
        self.slider.sliderReleased.connect(lambda: self.moved.emit(self._value(), False))
        self.slider.installEventFilter(self)
        self.value = named(QLabel(), f"{name}Value", title)
        self.value.setFixedSize(VALUE)  # of a fixed size, so that nothing is laid out anew when it changes
        self.value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.show_value(usual)

    def show_value(self, value: float) -> None:
        """Show a value, without emitting."""
        if not (self.slider.isSliderDown() and value == self._value()):
            with QSignalBlocker(self.slider):
                self.slider.setValue(self._place(value))
        if self.value.text() != self._written(value):
            self.value.setText(self._written(value))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  (Qt's name)
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseButtonDblClick:
            self.moved.emit(self._usual, False)
            return True
        return super().eventFilter(watched, event)

    def _take(self) -> None:
        self.moved.emit(self._value(), self.slider.isSliderDown())

    def _value(self) -> float:
        """The value of the slider's place; each half of the way has a scale of its own."""
        share, middle = self.slider.value() / STEPS, self._middle()
        if share >= middle:
            return self._usual + (self._high - self._usual) * ((share - middle) / (1 - middle)) if middle < 1 else 0
        return self._low + (self._usual - self._low) * (share / middle)

    def _place(self, value: float) -> int:
        middle = self._middle()
        if value >= self._usual:
            share = middle + (1 - middle) * (value - self._usual) / (self._high - self._usual)
        else:
            share = middle * (value - self._low) / (self._usual - self._low)
        return round(STEPS * share)

    def _middle(self) -> float:
        return 0.0 if self._usual == self._low else 0.5
