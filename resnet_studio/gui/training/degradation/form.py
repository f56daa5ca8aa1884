"""The choices of the next degradation experiment, in one row, and the button that runs it."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from resnet_studio.formatting import duration
from resnet_studio.gui.common.helpers import dress, named
from resnet_studio.gui.common.inputs import EditCommitter
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.training.setup.data_picker import DataPicker
from resnet_studio.training.degradation.experiment import Experiment
from resnet_studio.training.recipes import RECIPES

PER_LAYER = 0.012
"""Seconds that an epoch of the digits takes a layer, measured on two cores."""
FIELDS = {
    "depths": ("Depths", "20, 56", 72, "Layers of the networks: 6n + 2 for small images, 18, 34 for large ones"),
    "epochs": ("Epochs", "10", 44, "Passes over the training images; a longer run shows how far networks recover"),
    "seeds": (
        "Seeds",
        "0",
        64,
        "Several, such as 0–4 or 0, 1, 7, repeat it: medians and ranges are drawn.\n"
        "Networks of one seed see the images in the same order",
    ),
}


WRONG = {"depths": "depths", "epochs": "length", "seeds": "seed"}
"""How an error begins that is about a field's value."""
NARROW, MOST = 860, 1000


class ExperimentForm(QWidget):
    """Emits an `Experiment` that can be run; what is wrong with a choice is said under the row."""

    wished = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._data_name = "digits"
        self._data = DataPicker()
        self._data.setFixedWidth(160)
        self._data.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._data.data_wished.connect(self.show_data)
        self._lines = {field: self._make_line(field) for field in FIELDS}
        self._run = named(QPushButton("Run the experiment"), "runDegradation", "", "Train all networks one by one")
        self._run.setProperty("primary", True)
        self._run.setMinimumWidth(self._run.sizeHint().width())
        self._run.clicked.connect(self._take)
        self._problem_text, self._starting = "", False
        self._length = named(QLabel(), "experimentLength", "What it takes")
        self._length.setProperty("quiet", True)
        self._length.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._problem = named(QLabel(wordWrap=True), "experimentProblem", "What is wrong with the choices")
        self._problem.setProperty("problem", True)
        self._problem.hide()
        self._lay_out()
        self.show_data("digits")

    def show_data(self, data: str) -> None:
        """Train on these data next: the name of a set, or a folder's path."""
        self._data_name = data
        self._data.show_data(data)
        self._look()

    def show_starting(self, *, starting: bool) -> None:
        """Say on the button that an experiment is starting; another can be started once it has begun."""
        self._starting = starting
        self._run.setText("Starting…" if starting else "Run the experiment")
        self._run.setEnabled(not (starting or self._problem_text))

    def experiment(self) -> Experiment:
        """What is chosen; `ValueError` says what is wrong with it."""
        depths, epochs, seeds = (_numbers(field, line.text()) for field, line in self._lines.items())
        if len(epochs) > 1 or epochs[0] < 1:
            raise ValueError("epochs: one number from 1 on is needed")
        usual = RECIPES["digits-degradation"]
        recipe = replace(usual, data=self._data_name, length=epochs[0], warmup=min(usual.warmup, epochs[0] - 1))
        return Experiment(recipe, depths, seeds)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  (Qt's name)
        super().resizeEvent(event)
        self._length.setVisible(self.width() >= NARROW)

    def _make_line(self, field: str) -> QLineEdit:
        label, text, width, tip = FIELDS[field]
        line = named(QLineEdit(text), f"{field}Choice", label, tip)
        line.setFixedWidth(width)
        EditCommitter(line).whole.connect(lambda _: self._look())
        line.returnPressed.connect(self._take)
        return line

    def _lay_out(self) -> None:
        row = QGridLayout()
        row.setHorizontalSpacing(GRID)
        row.setVerticalSpacing(GRID // 4)
        fields = (("Data", self._data), *((FIELDS[field][0], line) for field, line in self._lines.items()))
        for place, (text, control) in enumerate(fields):
            label = QLabel(text)
            label.setBuddy(control)
            label.setProperty("quiet", True)
            row.addWidget(label, 0, place)
            row.addWidget(control, 1, place)
        row.addWidget(self._run, 1, len(fields))
        row.addWidget(self._length, 1, len(fields) + 1)
        row.setColumnStretch(len(fields) + 1, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        column.addLayout(row)
        column.addWidget(self._problem)

    def _look(self) -> None:
        """Say what the choices amount to, or what is wrong with them."""
        try:
            experiment = self.experiment()
        except ValueError as error:
            self._show_problem(str(error))
            return
        self._show_problem("")
        runs = len(experiment.parts)
        layers = sum(part.twin.depth for part in experiment.parts)
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
            dress(line, wrong=problem.startswith((field, WRONG[field])))

    def _take(self) -> None:
        self._look()
        if self._run.isEnabled():
            self.wished.emit(self.experiment())


def _numbers(field: str, text: str) -> tuple[int, ...]:
    """Read "20, 56" or "0–4"."""
    numbers: list[int] = []
    try:
        for part in text.replace("–", "-").split(","):
            first, _, last = part.strip().partition("-")
            span = range(int(first), int(last or first) + 1)
            if len(span) + len(numbers) > MOST or not span:
                raise ValueError(f"{field}: 1 to {MOST:,} numbers are needed")
            numbers += span
    except ValueError as error:
        if str(error).startswith(field):
            raise
        raise ValueError(f"{field}: whole numbers are needed, got {text!r}") from None
    return tuple(numbers)
