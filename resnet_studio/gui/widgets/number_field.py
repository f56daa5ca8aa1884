"""A number that can be typed, and whose exact value stays where its short form is left as it is."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLineEdit

from resnet_studio.analysis.units import MINUS
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.widgets.named import named

GREATEST = 3e38
"""Values are float32."""


class NumberField(QLineEdit):
    """Emits `number_typed` when Enter or another field takes a number; what is none is marked."""

    number_typed = Signal(float)

    def __init__(self, name: str, spoken: str) -> None:
        super().__init__()
        named(self, name, spoken, f"{spoken}; Enter takes it")
        self._value = 0.0
        self.setFixedWidth(12 * GRID)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.editingFinished.connect(self._take)

    def show_number(self, value: float) -> None:
        """Show a number as short as four digits say it; what somebody is typing is left alone."""
        if value != self._value or not self.text():
            self._value = value
            self.setText(_written(value))
            self.setToolTip(f"{value!r}\n{self.accessibleName()}; Enter takes another")
            self.mark(wrong=False)

    def mark(self, *, wrong: bool) -> None:
        """Mark what is typed as a number that can't be taken, or not."""
        if self.property("wrong") != wrong:
            self.setProperty("wrong", wrong)
            self.style().unpolish(self)
            self.style().polish(self)

    def _take(self) -> None:
        if self.text() == _written(self._value):
            self.mark(wrong=False)
            return
        try:
            value = float(self.text().replace(MINUS, "-").replace(",", "."))
        except ValueError:
            self.mark(wrong=True)
            return
        known = abs(value) <= GREATEST  # false for what is no number, too
        self.mark(wrong=not known)
        if known:
            self.number_typed.emit(value)


def _written(value: float) -> str:
    return f"{value:.4g}".replace("-", MINUS)
