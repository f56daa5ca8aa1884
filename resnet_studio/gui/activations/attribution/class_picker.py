"""Selects the class to explain: the most probable, one of the five most probable, or any other by index or name."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCompleter, QHBoxLayout, QLabel, QLineEdit, QWidget

from resnet_studio.formatting import about_percent
from resnet_studio.gui.common.helpers import set_names, set_style_property
from resnet_studio.gui.common.inputs import ComboBox
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.values import ForwardResult, Prediction

MOST_PROBABLE, OTHER = "most", "other"
LIST_WIDTH, FIELD_WIDTH = 29 * GRID, 16 * GRID
TIP = "The class to explain; “most probable” follows the image"
OTHER_TIP = "Class index (from 0) or name; press Enter to apply"


class ClassPicker(QWidget):
    """Emits `classSelected` when the user selects another class; None is the most probable one of each image."""

    classSelected = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._labels: tuple[str, ...] = ()
        self._target: int | None = None
        self._list = ComboBox({MOST_PROBABLE: "most probable"}, "whyClass", "Class", TIP)
        self._field = set_names(QLineEdit(placeholderText="index or name"), "whyOtherClass", "Other class", OTHER_TIP)
        self._field.hide()
        self._list.valueSelected.connect(self._on_value_selected)
        self._field.returnPressed.connect(self._on_class_entered)
        label = QLabel("class")
        label.setProperty("quiet", True)
        label.setBuddy(self._list)
        self._list.setMinimumWidth(LIST_WIDTH)
        self._field.setFixedWidth(FIELD_WIDTH)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(label)
        row.addWidget(self._list, 1)
        row.addWidget(self._field)

    def target(self) -> int | None:
        """The class; None for the most probable."""
        return self._target

    def show_result(self, result: ForwardResult) -> None:
        """Offer the result's most probable classes; the selected one stays if the network has it."""
        if self._labels != result.weights.labels:
            self._labels = result.weights.labels
            self._set_completer()
            if self._target is not None and self._target >= len(self._labels):
                self._target = None
        self._show(result.predictions or ())

    def _show(self, predictions: Sequence[Prediction]) -> None:
        most_probable = f"most probable ({predictions[0].label})" if predictions else "most probable"
        values = {MOST_PROBABLE: most_probable}
        values |= {str(p.number): f"{p.label} · {about_percent(p.probability)}" for p in predictions}
        if self._target is not None and str(self._target) not in values:
            values[str(self._target)] = self._labels[self._target]
        values[OTHER] = "other…"
        shown = [(self._list.itemData(row), self._list.itemText(row)) for row in range(self._list.count())]
        if shown != list(values.items()):  # setting equal values would close an open list
            self._list.set_values(values)
        if self._field.isHidden():
            self._list.set_value(MOST_PROBABLE if self._target is None else str(self._target))

    def _on_value_selected(self, value: str) -> None:
        self._field.setVisible(value == OTHER)
        if value == OTHER:
            self._field.clear()
            self._set_wrong(wrong=False)
            self._field.setFocus()
        else:
            self._target = None if value == MOST_PROBABLE else int(value)
            self.classSelected.emit(self._target)

    def _on_class_entered(self) -> None:
        number = class_number(self._field.text(), self._labels)
        self._set_wrong(wrong=number is None)
        if number is None:
            return
        self._target = number
        self._field.hide()
        if self._list.findData(str(number)) < 0:
            values = {self._list.itemData(row): self._list.itemText(row) for row in range(self._list.count())}
            others = values.pop(OTHER)
            self._list.set_values(values | {str(number): self._labels[number], OTHER: others})
        self._list.set_value(str(number))
        self._list.setFocus()
        self.classSelected.emit(number)

    def _set_completer(self) -> None:
        completer = QCompleter(sorted(set(self._labels)), self._field)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._field.setCompleter(completer)

    def _set_wrong(self, *, wrong: bool) -> None:
        set_style_property(self._field, wrong=wrong)


def class_number(text: str, labels: Sequence[str]) -> int | None:
    """The index of a class by name or index; names come first, as digits are names too. None if there is none."""
    text = text.strip()
    names = [label.casefold() for label in labels]
    if text.casefold() in names:
        return names.index(text.casefold())
    return int(text) if text.isdecimal() and int(text) < len(labels) else None
