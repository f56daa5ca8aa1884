"""Rows of a form: a label, a control, and an error message under the control."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from resnet_studio.gui.common.helpers import set_names, set_style_property
from resnet_studio.gui.theme import GRID

ROW_HEIGHT = 28


class FormRows(QFormLayout):
    """A form layout whose rows are addressed by field name."""

    def __init__(self, label_width: int) -> None:
        """`label_width` is the minimum width of the labels."""
        super().__init__(horizontalSpacing=GRID, verticalSpacing=GRID - 2)
        self.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._width = label_width
        self._containers: dict[str, QWidget] = {}
        self._errors: dict[str, QLabel] = {}
        self._lines: dict[str, QLineEdit] = {}

    def add_field(self, field: str, label: str, control: QWidget, line: QLineEdit | None = None) -> None:
        """Append a row; `line` turns red on an error, if it is not the control itself."""
        error = set_names(QLabel(wordWrap=True), f"{field}Problem", f"{label} error")
        error.hide()
        error.setProperty("problem", True)
        self._errors[field] = error
        if edit := line or (control if isinstance(control, QLineEdit) else None):
            self._lines[field] = edit
        self._containers[field] = container = QWidget()
        column = QVBoxLayout(container)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(control)
        column.addWidget(error)
        text = QLabel(label)
        text.setBuddy(control)
        text.setMinimumSize(self._width, ROW_HEIGHT)
        text.setProperty("quiet", True)
        text.setAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignTop)
        self.addRow(text, container)

    def field_names(self) -> tuple[str, ...]:
        return tuple(self._containers)

    def error(self, field: str) -> str:
        """The error message of a field; empty if it is valid."""
        return self._errors[field].text()

    def set_error(self, field: str, message: str) -> None:
        """Show an error message under a field's control; an empty one clears it."""
        label = self._errors[field]
        if label.text() == message:
            return
        label.setText(message)
        label.setVisible(bool(message))
        if line := self._lines.get(field):
            set_style_property(line, wrong=bool(message))

    def set_field_visible(self, field: str, visible: bool) -> None:
        """Show or hide a whole row."""
        self.setRowVisible(self._containers[field], visible)

    def is_field_visible(self, field: str) -> bool:
        return self.isRowVisible(self._containers[field])
