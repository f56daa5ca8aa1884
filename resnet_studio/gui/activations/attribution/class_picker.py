"""Which class is asked about: the most probable, one of the five most probable, or any other by number or name."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCompleter, QHBoxLayout, QLabel, QLineEdit, QWidget

from resnet_studio.formatting import percent
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.inputs import ComboBox
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.values import ForwardResult, Prediction

MOST, OTHER = "most", "other"
WIDTH, FIELD = 29 * GRID, 16 * GRID
TIP = "The class to explain: the most probable follows the image"
OTHER_TIP = "A class by its number (from 0) or its name; Enter takes it"


class ClassPicker(QWidget):
    """Emits `chosen` when the user takes another class; None is the most probable, whatever it is."""

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._labels: tuple[str, ...] = ()
        self._target: int | None = None
        self._list = ComboBox({MOST: "most probable"}, "whyClass", "Class", TIP)
        self._field = named(QLineEdit(placeholderText="number or name"), "whyOtherClass", "Other class", OTHER_TIP)
        self._field.hide()
        self._list.chosen.connect(self._choose)
        self._field.returnPressed.connect(self._take)
        label = QLabel("class")
        label.setProperty("quiet", True)
        label.setBuddy(self._list)
        self._list.setMinimumWidth(WIDTH)
        self._field.setFixedWidth(FIELD)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(label)
        row.addWidget(self._list, 1)
        row.addWidget(self._field)

    def target(self) -> int | None:
        """The class; None for the most probable."""
        return self._target

    def show_look(self, look: ForwardResult) -> None:
        """Offer the look's most probable classes; the chosen one stays where its network has it."""
        if self._labels != look.weights.labels:
            self._labels = look.weights.labels
            self._complete()
            if self._target is not None and self._target >= len(self._labels):
                self._target = None
        self._show(look.predictions or ())

    def _show(self, predictions: Sequence[Prediction]) -> None:
        first = f"most probable ({predictions[0].label})" if predictions else "most probable"
        values = {MOST: first}
        values |= {str(one.number): f"{one.label} · {percent(one.probability, 2)}" for one in predictions}
        if self._target is not None and str(self._target) not in values:
            values[str(self._target)] = self._labels[self._target]
        values[OTHER] = "other…"
        shown = [(self._list.itemData(row), self._list.itemText(row)) for row in range(self._list.count())]
        if shown != list(values.items()):  # an open list stays open
            self._list.show_values(values)
        if self._field.isHidden():
            self._list.show_value(MOST if self._target is None else str(self._target))

    def _choose(self, value: str) -> None:
        self._field.setVisible(value == OTHER)
        if value == OTHER:
            self._field.clear()
            self._mark(wrong=False)
            self._field.setFocus()
        else:
            self._target = None if value == MOST else int(value)
            self.chosen.emit(self._target)

    def _take(self) -> None:
        number = class_number(self._field.text(), self._labels)
        self._mark(wrong=number is None)
        if number is None:
            return
        self._target = number
        self._field.hide()
        if self._list.findData(str(number)) < 0:
            values = {self._list.itemData(row): self._list.itemText(row) for row in range(self._list.count())}
            others = values.pop(OTHER)
            self._list.show_values(values | {str(number): self._labels[number], OTHER: others})
        self._list.show_value(str(number))
        self._list.setFocus()
        self.chosen.emit(number)

    def _complete(self) -> None:
        completer = QCompleter(sorted(set(self._labels)), self._field)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._field.setCompleter(completer)

    def _mark(self, *, wrong: bool) -> None:
        self._field.setProperty("wrong", wrong)
        self._field.style().unpolish(self._field)
        self._field.style().polish(self._field)


def class_number(typed: str, labels: Sequence[str]) -> int | None:
    """A class by what was typed: its name first, as digits are names too, then its number."""
    typed = typed.strip()
    names = [label.casefold() for label in labels]
    if typed.casefold() in names:
        return names.index(typed.casefold())
    return int(typed) if typed.isdecimal() and int(typed) < len(labels) else None
