"""A choice of a few words side by side."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from resnet_studio.gui.widgets.named import named


class Segmented(QWidget):
    """Shows all values of a choice and emits `chosen` when the user takes another; arrow keys walk it."""

    chosen = Signal(str)

    def __init__(self, values: Mapping[str, str], name: str, tips: Mapping[str, str] | None = None) -> None:
        """`values` maps what is emitted to what is shown; `name` is what a screen reader calls the choice."""
        super().__init__()
        self._values = tuple(values)
        self._buttons = QButtonGroup(self)
        self.setAccessibleName(name)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for number, (value, label) in enumerate(values.items()):
            button = named(QToolButton(), "", f"{name}: {label}", (tips or {}).get(value, ""))
            button.setText(label)
            button.setCheckable(True)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.setProperty("segment", "first" if number == 0 else "last" if number == len(values) - 1 else "middle")
            self._buttons.addButton(button, number)
            row.addWidget(button)
        self.setFocusProxy(self._buttons.button(0))
        self._buttons.idClicked.connect(lambda number: self.chosen.emit(self._values[number]))

    def value(self) -> str:
        """The value shown as chosen; empty after `show_none`."""
        number = self._buttons.checkedId()
        return self._values[number] if number >= 0 else ""

    def show_value(self, value: str) -> None:
        """Show a value as chosen, without emitting."""
        self._buttons.button(self._values.index(value)).setChecked(True)

    def show_none(self) -> None:
        """Show no value as chosen, where there is nothing to choose."""
        self._buttons.setExclusive(False)
        for button in self._buttons.buttons():
            button.setChecked(False)
        self._buttons.setExclusive(True)

    def button(self, value: str) -> QToolButton:
        """The button of one value, to disable or to press."""
        found: QToolButton = self._buttons.button(self._values.index(value))  # type: ignore[assignment]
        return found

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  (Qt's name)
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        number = min(max(self._buttons.checkedId() + step, 0), len(self._values) - 1)
        self._buttons.button(number).setFocus()
        self._buttons.button(number).click()
