"""Rows of a form: a label, its control, and under it what is wrong with its value."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from resnet_studio.gui.common.helpers import dress, named
from resnet_studio.gui.theme import GRID

HEIGHT = 28


class FormRows(QFormLayout):
    """Keeps the rows by the names of their fields."""

    def __init__(self, labels: int) -> None:
        """`labels` is the least width of the column of labels."""
        super().__init__(horizontalSpacing=GRID, verticalSpacing=GRID - 2)
        self.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._width = labels
        self._held: dict[str, QWidget] = {}
        self._problems: dict[str, QLabel] = {}
        self._lines: dict[str, QLineEdit] = {}

    def add(self, field: str, label: str, control: QWidget, line: QLineEdit | None = None) -> None:
        """A row at the end; `line` is what turns red over a wrong value, where it is not the control itself."""
        problem = named(QLabel(wordWrap=True), f"{field}Problem", f"What is wrong with {label}")
        problem.hide()
        problem.setProperty("problem", True)
        self._problems[field] = problem
        if found := line or (control if isinstance(control, QLineEdit) else None):
            self._lines[field] = found
        self._held[field] = held = QWidget()
        column = QVBoxLayout(held)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(control)
        column.addWidget(problem)
        text = QLabel(label)
        text.setBuddy(control)
        text.setMinimumSize(self._width, HEIGHT)
        text.setProperty("quiet", True)
        text.setAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignTop)
        self.addRow(text, held)

    def fields(self) -> tuple[str, ...]:
        return tuple(self._held)

    def problem(self, field: str) -> str:
        """What is said to be wrong with a field; nothing if it is right."""
        return self._problems[field].text()

    def show_problem(self, field: str, problem: str) -> None:
        """Say what is wrong under a field's control; an empty text takes it back."""
        label = self._problems[field]
        if label.text() == problem:
            return
        label.setText(problem)
        label.setVisible(bool(problem))
        if line := self._lines.get(field):
            dress(line, wrong=bool(problem))

    def show_row(self, field: str, shown: bool) -> None:
        """Show a whole row, or take it out of sight."""
        self.setRowVisible(self._held[field], shown)

    def shows(self, field: str) -> bool:
        return self.isRowVisible(self._held[field])
