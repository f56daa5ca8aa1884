"""The settings of the next degradation experiment, in one row, and the button that runs it."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from resnet_studio.formatting import duration
from resnet_studio.gui.common.helpers import set_names, set_style_property
from resnet_studio.gui.common.inputs import EditCommitter
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.training.setup.data_picker import DataPicker
from resnet_studio.training.degradation.experiment import Experiment
from resnet_studio.training.recipes import RECIPES

PER_LAYER = 0.012
"""Seconds per epoch and layer on the digits, measured on two cores."""
FIELDS = {
    "depths": ("Depths", "20, 56", 72, "Number of layers: 6n + 2 for small images; 18, 34 for large images"),
    "epochs": ("Epochs", "10", 44, "Passes over the training images; longer runs show how far the networks recover"),
    "seeds": (
        "Seeds",
        "0",
        64,
        "Several seeds, such as 0–4 or 0, 1, 7, plot medians and ranges.\n"
        "All networks with the same seed see the images in the same order",
    ),
}


WRONG = {"depths": "depths", "epochs": "length", "seeds": "seed"}
"""How an error about a field's value begins."""
NARROW, MOST = 860, 1000


class ExperimentForm(QWidget):
    """Emits a valid `Experiment`; errors are shown under the row."""

    experimentRequested = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._data_name = "digits"
        self._data = DataPicker()
        self._data.setFixedWidth(176)
        self._data.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._data.dataRequested.connect(self.show_data)
        self._lines = {field: self._make_line(field) for field in FIELDS}
        self._run = set_names(QPushButton("Run experiment"), "runDegradation", "", "Train all networks in turn")
        self._run.setProperty("primary", True)
        self._run.setMinimumWidth(self._run.sizeHint().width())
        self._run.clicked.connect(self._on_run_clicked)
        self._problem_text, self._starting = "", False
        self._length = set_names(QLabel(), "experimentLength", "Estimated cost")
        self._length.setProperty("quiet", True)
        self._length.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._problem = set_names(QLabel(wordWrap=True), "experimentProblem", "Invalid settings")
        self._problem.setProperty("problem", True)
        self._problem.hide()
        self._lay_out()
        self.show_data("digits")

    def show_data(self, data: str) -> None:
        """Set the data set: its name, or a folder's path."""
        self._data_name = data
        self._data.show_data(data)
        self._update()

    def show_starting(self, *, starting: bool) -> None:
        """Show on the button that an experiment is starting, and disable it meanwhile."""
        self._starting = starting
        self._run.setText("Starting…" if starting else "Run experiment")
        self._run.setEnabled(not (starting or self._problem_text))

    def experiment(self) -> Experiment:
        """The experiment with the current settings. Raises `ValueError` for invalid ones."""
        depths, epochs, seeds = (_numbers(field, line.text()) for field, line in self._lines.items())
        if len(epochs) > 1 or epochs[0] < 1:
            raise ValueError("epochs: must be one integer, at least 1")
        defaults = RECIPES["digits-degradation"]
        recipe = replace(defaults, data=self._data_name, length=epochs[0], warmup=min(defaults.warmup, epochs[0] - 1))
        return Experiment(recipe, depths, seeds)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._length.setVisible(self.width() >= NARROW)

    def _make_line(self, field: str) -> QLineEdit:
        label, text, width, tip = FIELDS[field]
        line = set_names(QLineEdit(text), f"{field}Choice", label, tip)
        line.setFixedWidth(width)
        EditCommitter(line).committed.connect(lambda _: self._update())
        line.returnPressed.connect(self._on_run_clicked)
        return line

    def _lay_out(self) -> None:
        row = QGridLayout()
        row.setHorizontalSpacing(GRID)
        row.setVerticalSpacing(GRID // 4)
        fields = (("Data", self._data), *((FIELDS[field][0], line) for field, line in self._lines.items()))
        for column_index, (text, control) in enumerate(fields):
            label = QLabel(text)
            label.setBuddy(control)
            label.setProperty("quiet", True)
            row.addWidget(label, 0, column_index)
            row.addWidget(control, 1, column_index)
        row.addWidget(self._run, 1, len(fields))
        row.addWidget(self._length, 1, len(fields) + 1)
        row.setColumnStretch(len(fields) + 1, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        column.addLayout(row)
        column.addWidget(self._problem)

    def _update(self) -> None:
        """Show the number of runs and the duration, or what is wrong."""
        try:
            experiment = self.experiment()
        except ValueError as error:
            self._show_problem(str(error))
            return
        self._show_problem("")
        runs = len(experiment.runs)
        layers = sum(part.network.depth for part in experiment.runs)
        about = duration(PER_LAYER * layers * experiment.recipe.length)
        self._length.setText(f"{runs} runs, about {about}" if self._data_name == "digits" else f"{runs} runs")

    def _show_problem(self, problem: str) -> None:
        self._problem_text = problem
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem))
        self._run.setEnabled(not (problem or self._starting))
        if problem:
            self._length.clear()
        for field, line in self._lines.items():
            set_style_property(line, wrong=problem.startswith((field, WRONG[field])))

    def _on_run_clicked(self) -> None:
        self._update()
        if self._run.isEnabled():
            self.experimentRequested.emit(self.experiment())


def _numbers(field: str, text: str) -> tuple[int, ...]:
    """Parse "20, 56" or "0–4"."""
    numbers: list[int] = []
    try:
        for part in text.replace("–", "-").split(","):
            first, _, last = part.strip().partition("-")
            span = range(int(first), int(last or first) + 1)
            if len(span) + len(numbers) > MOST or not span:
                raise ValueError(f"{field}: enter 1 to {MOST:,} numbers")
            numbers += span
    except ValueError as error:
        if str(error).startswith(field):
            raise
        raise ValueError(f"{field}: must be integers, got {text!r}") from None
    return tuple(numbers)
