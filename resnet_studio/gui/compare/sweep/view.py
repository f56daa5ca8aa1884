"""The Sweep page of Compare: many variants of one architecture, and those that are best within a budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from resnet_studio.analysis.budget import COSTS, cost_text
from resnet_studio.analysis.scaling import published_notes
from resnet_studio.analysis.sweep import SCALE, Candidate
from resnet_studio.analysis.sweep_rows import impossible_reasons, summary
from resnet_studio.analysis.units import FlopUnit
from resnet_studio.formatting import counted
from resnet_studio.gui.common.helpers import empty_label, set_names, set_style_property
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.common.labels import ElidedLabel
from resnet_studio.gui.common.layouts import FlowLayout
from resnet_studio.gui.common.table_export import TableExportButton, model_text
from resnet_studio.gui.compare.sweep.form import SweepForm
from resnet_studio.gui.compare.sweep.model import Shown, SweepModel, SweepTable
from resnet_studio.gui.compare.sweep.table import CandidateTable
from resnet_studio.gui.theme import GRID

EMPTY = (
    "Type the values of one or more fields to see every combination of them: depths such as 18, 34, 50, widths such as "
    "32..96:16. A budget then shows which networks are best within it."
)
NOTHING_FITS = "No network is within the budget. Allow more, or vary other fields."
NO_FIELDS = "A network of a Python file has no fields to vary. Choose a preset or a baseline on the left."
EXAMPLE = {"depth": "18, 34, 50", "width": "32..96:16", "image": "160, 192, 224", "max_macs": "1G"}
EXAMPLE_OF_BASELINE = {"image": "160, 192, 224", "max_macs": "10G"}
SHOWN = {"front": "Front", "fitting": "In budget", "all": "All"}
SHOWN_TIPS = {
    "front": "The networks that no other within the budget beats, the best first",
    "fitting": "Every network within the budget",
    "all": "Every network; what exceeds the budget is red",
}
BEST = 3
"""How many of the front are measured or trained if nothing is selected."""
MOST_AT_ONCE = 12
"""Networks that can be measured or trained with one click."""
LINES = 6
"""Of the text under the table; it scrolls."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is known of predicted times on the current device."""

    known: bool
    """Whether times can be predicted."""
    words: str = ""
    """Where they are from, and how far they are off; empty until that is worked out."""


class SweepView(QWidget):
    """Shows a form and the candidates, and emits what is requested of them."""

    textsChanged = Signal(object)
    """What is typed in the form, by key."""
    architectureSelected = Signal(object)
    layersRequested = Signal()
    """To measure the layers from which times are predicted."""
    measurementsRequested = Signal(object)
    """To measure these architectures."""
    trainingRequested = Signal(object)
    """To train these architectures."""
    scatterRequested = Signal(object)
    """To show these architectures as a scatter plot."""
    saveRequested = Signal(object, object)
    """The path of the table's file, and the function that writes it."""

    def __init__(self) -> None:
        super().__init__()
        self._table_data: SweepTable | None = None
        self._prediction = Prediction(known=False)
        self._measuring = False
        self.form = SweepForm()
        self.form.textsChanged.connect(self.textsChanged)
        self._model = SweepModel()
        self.table = CandidateTable(self._model)
        self.table.architectureSelected.connect(self.architectureSelected)
        self.table.selectionChangedByUser.connect(self._show_selection)
        self._summary = ElidedLabel()
        set_names(self._summary, "sweepSummary", "Summary")
        self._notes = set_names(QPlainTextEdit(readOnly=True), "sweepNotes", "Explanation of the selected networks")
        self._notes.setFixedHeight(LINES * self._notes.fontMetrics().lineSpacing() + 2 * GRID)
        self._pages = QStackedWidget()
        for page in (self._make_empty(), self.table, empty_label("sweepNothing", NOTHING_FITS)):
            self._pages.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.form)
        layout.addWidget(self._summary)
        layout.addLayout(self._make_tools())
        layout.addWidget(self._pages, 1)
        layout.addWidget(self._notes)
        self.show_table(None)

    def show_texts(self, texts: Mapping[str, str]) -> None:
        """Fill the form in."""
        self.form.show_texts(texts)

    def show_problems(self, problems: Mapping[str, str]) -> None:
        """Say what is wrong with the form; the candidates stay those from before, dimmed."""
        self.form.show_problems(problems)
        field, reason = next(iter(problems.items()), ("", ""))
        if problems:
            name = FIELD_NAMES.get(field, field.replace("_", " ").capitalize())
            self._say(f"{name}: {reason}", problem=True)
        elif self._table_data:
            self._say(*self._counts(self._table_data))
        self.table.setEnabled(not problems)

    def show_busy(self) -> None:
        """The candidates are being worked out anew."""
        self._say("Tabling the networks…")

    def show_table(self, table: SweepTable | None) -> None:
        """Show these candidates; None if nothing is varied."""
        selected = self.table.selected() if self._table_data else ()
        self._table_data = table
        self._model.show_table(table)
        self.table.setEnabled(True)
        self._say(*self._counts(table) if table else ("",))
        self._choose_page()
        self.table.select(selected)
        self._show_selection()

    def show_prediction(self, prediction: Prediction) -> None:
        """Say how well times are predicted, or offer to measure what is needed for it."""
        self._prediction = prediction
        self._show_notes()

    def show_measuring(self, measuring: bool) -> None:
        """Show that something is being measured. The focus must not go on to the next button, which trains."""
        if measuring and (self._measure.hasFocus() or self._layers.hasFocus()):
            self.table.setFocus()
        self._measuring = measuring
        self._show_selection()

    def set_unit(self, unit: FlopUnit) -> None:
        """Set the unit in which FLOPs are typed."""
        self.form.set_unit(unit)

    def _make_empty(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.addStretch(1)
        self._empty = empty_label("sweepEmpty", EMPTY)
        column.addWidget(self._empty)
        example = set_names(QPushButton("Fill in an example"), "sweepExample", "", "Vary depth, width and image")
        self._example = example
        example.clicked.connect(self._on_example)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(example)
        row.addStretch(1)
        column.addLayout(row)
        column.addStretch(1)
        return page

    def _make_tools(self) -> FlowLayout:
        self._shown = SegmentedControl(SHOWN, "sweepShown", "Networks", SHOWN_TIPS, stretches=False)
        self._shown.valueSelected.connect(self._on_shown)
        self._layers = set_names(
            QPushButton("Measure layers"), "sweepLayers", "",
            "Measure the layers of some small networks on this device, from which the time of any network is\n"
            "predicted. It takes a minute or two, and can be canceled in the status bar",
        )  # fmt: skip
        self._layers.clicked.connect(self.layersRequested)
        self._measure = set_names(
            QPushButton(), "sweepMeasure", "", "Measure the time of these networks on this device"
        )
        self._measure.clicked.connect(lambda: self.measurementsRequested.emit(self._chosen()))
        self._scatter = set_names(
            QPushButton("Plot"), "sweepScatter", "", "Show the networks of the table as a scatter plot"
        )
        self._scatter.clicked.connect(lambda: self.scatterRequested.emit(self._listed()))
        self._train = set_names(QPushButton(), "sweepTrain", "", TRAIN_TIP)
        self._train.clicked.connect(lambda: self.trainingRequested.emit(self._chosen()))
        tools = FlowLayout()
        export = TableExportButton("exportSweep", "Export the table", "sweep", {"Sweep": self._text})
        export.saveRequested.connect(self.saveRequested)
        for widget in (self._shown, self._measure, self._train, self._scatter, self._layers, export):
            tools.addWidget(widget)
        return tools

    def _text(self, how: str) -> str:
        """The networks of the table as text, with the remarks on them; empty if there are none."""
        notes = self._notes.toPlainText().splitlines()
        return model_text(self._model, "Sweep", how, self._summary.accessibleDescription(), *notes)

    def _on_example(self) -> None:
        example = EXAMPLE if "depth" in self.form.fields else EXAMPLE_OF_BASELINE
        self.form.show_texts(example)
        self.textsChanged.emit(self.form.texts())

    def _on_shown(self, shown: str) -> None:
        selected = self.table.selected()
        self._model.show_only(cast("Shown", shown))
        self._choose_page()
        self.table.select(selected)
        self._show_selection()

    def _choose_page(self) -> None:
        varies = bool(self.form.fields)
        self._empty.setText(EMPTY if varies else NO_FIELDS)
        self._example.setVisible(varies)
        page = 0 if self._table_data is None else 1 if self._model.rowCount() else 2
        self._pages.setCurrentIndex(page)

    def _counts(self, table: SweepTable) -> tuple[str, str]:
        """How many networks there are, and the same in fewer words."""
        result, impossible = table.result, len(table.result.impossible)
        more = f" · {counted(impossible, 'combination')} impossible" if impossible else ""
        few = f"{len(result.candidates):,} networks, {result.fitting:,} in budget, {len(result.front):,} on the front"
        return f"{summary(result)}{more}", f"{few} · {impossible:,} impossible" if impossible else few

    def _say(self, text: str, *shorter: str, problem: bool = False) -> None:
        self._summary.set_text(text, "", *shorter)
        set_style_property(self._summary, problem=problem, quiet=not problem)

    def _chosen(self) -> tuple[object, ...]:
        """The selected networks, or the best of the front."""
        return tuple(candidate.architecture for candidate in self._selected_or_best())

    def _selected_or_best(self) -> tuple[Candidate, ...]:
        if selected := self.table.selected():
            return selected
        if self._table_data is None:
            return ()
        result = self._table_data.result
        return tuple(result.candidates[at] for at in result.front[:BEST])

    def _listed(self) -> tuple[object, ...]:
        return tuple(self._model.candidate(row).architecture for row in range(self._model.rowCount()))

    def _show_selection(self) -> None:
        """Say on the buttons what they do, and explain what is selected."""
        selected, count = self.table.selected(), len(self._selected_or_best())
        these = f"{count} selected" if selected else "the best" if count == 1 else f"the best {count or BEST}"
        usable = 0 < count <= MOST_AT_ONCE and not self._measuring
        self._measure.setText("Measuring…" if self._measuring else f"Measure {these}")
        self._measure.setEnabled(usable)
        self._layers.setEnabled(not self._measuring)
        self._train.setText(f"Train {these}")
        self._train.setEnabled(0 < count <= MOST_AT_ONCE)
        self._scatter.setEnabled(self._model.rowCount() > 0)
        self._show_notes()

    def _show_notes(self) -> None:
        self._notes.setPlainText("\n".join(self._lines()))

    def _lines(self) -> list[str]:
        """What was rounded of the selected networks, what exceeds the budget, and what the numbers mean."""
        if self._table_data is None:
            return []
        result = self._table_data.result
        found = [line for candidate in self.table.selected()[:MOST_AT_ONCE] for line in self._explained(candidate)]
        found.append(result.meaning)
        if any(candidate.figures.seconds is not None for candidate in result.candidates[:1]):
            found.append(f"Predicted times: {self._prediction.words or 'working out how far they are off…'}")
        elif not self._prediction.known:
            found.append("Times are predicted once layers are measured on this device (Measure layers).")
        found += published_notes(result.sweep.variations.get(SCALE, ()))
        return [*found, *(f"Impossible: {reason}" for reason in impossible_reasons(result))]

    def _explained(self, candidate: Candidate) -> list[str]:
        assert self._table_data
        budget, lines = self._table_data.result.budget, [rounding.words for rounding in candidate.roundings]
        for cost in candidate.exceeded:
            value = getattr(candidate.figures, cost)
            over = f"{budget.part(candidate.figures, cost):.2f}" if value is not None else "an unknown part of"
            lines.append(f"{COSTS[cost]} {cost_text(cost, value)}: {over} × the budget")
        return [f"{candidate.title}: {'; '.join(lines) or 'nothing was rounded'}."]


FIELD_NAMES = {
    "max_macs": "FLOPs", "max_parameters": "Parameters", "max_memory": "Memory", "max_ms": "ms per image",
    "batch": "Batch", "scale": "φ",
}  # fmt: skip
TRAIN_TIP = (
    "Train these networks with the recipe of Training's page New run.\n"
    "A single one is opened there; of several a run each is started"
)
