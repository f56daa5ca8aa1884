"""Two numbers between which a scale lies."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QWidget

from resnet_studio.analysis.units import MINUS
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.widgets.named import named

WIDTH = 8 * GRID
GREATEST = 3e38
"""Values are float32; this is false for what is no number, too."""


class LimitsFields(QWidget):
    """Emits `limits_wished` with the numbers that were typed, the lower first; the wrong way round they are marked."""

    limits_wished = Signal(float, float)

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[float, float] = (0.0, 1.0)
        low = named(QLineEdit(), "lowLimit", "Value of the first colour", "Value of the first colour; Enter takes it")
        high = named(QLineEdit(), "highLimit", "Value of the last colour", "Value of the last colour; Enter takes it")
        self._fields = low, high
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID // 2)
        for widget in (low, QLabel("…"), high):
            row.addWidget(widget)
        for field in self._fields:
            field.setFixedWidth(WIDTH)
            field.editingFinished.connect(self._take)

    def show_limits(self, low: float, high: float) -> None:
        """Show numbers as short as four digits say them; the exact ones stay until others are typed."""
        self._shown = low, high
        for field, value in zip(self._fields, self._shown, strict=True):
            field.setText(_written(value))
            field.setProperty("exact", value)
            _mark(field, wrong=False)

    def _take(self) -> None:
        typed = [_read(field) for field in self._fields]
        known = [value for value in typed if value is not None]
        right = len(known) == 2 and known[0] < known[1]
        for field, value in zip(self._fields, typed, strict=True):
            _mark(field, wrong=value is None or (len(known) == 2 and not right))
        if right and tuple(known) != self._shown:
            self.show_limits(*known)
            self.limits_wished.emit(*known)


def _written(value: float) -> str:
    return f"{value:.4g}".replace("-", MINUS)


def _read(field: QLineEdit) -> float | None:
    """What is typed, or the exact number where its short form was left as it is."""
    exact: float = field.property("exact")
    if field.text() == _written(exact):
        return exact
    try:
        value = float(field.text().replace(MINUS, "-").replace(",", "."))
    except ValueError:
        return None
    return value if abs(value) <= GREATEST else None


def _mark(field: QLineEdit, *, wrong: bool) -> None:
    if field.property("wrong") != wrong:
        field.setProperty("wrong", wrong)
        field.style().unpolish(field)
        field.style().polish(field)
