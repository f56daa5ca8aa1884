"""The Degradation tab: the article's figure, gradient norms stage by stage, errors and the verdict."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.causes import os_reason
from resnet_studio.gui.common.button_feedback import reserve_width, show_briefly
from resnet_studio.gui.common.figure_export import ExportButton
from resnet_studio.gui.common.helpers import empty_label, separator, set_names
from resnet_studio.gui.common.inputs import ComboBox, SegmentedControl
from resnet_studio.gui.common.labels import tooltip
from resnet_studio.gui.common.message_bar import NoticeLine
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.training.degradation.figure import ExperimentFigure
from resnet_studio.gui.training.degradation.form import ExperimentForm
from resnet_studio.gui.training.degradation.table import ErrorTable
from resnet_studio.gui.training.experiment_state import ExperimentState
from resnet_studio.gui.training.runs.actions import OFFER_AFTER, loss_text
from resnet_studio.gui.training.runs.model import seconds_left_text
from resnet_studio.plain import printable
from resnet_studio.training.degradation.experiment import Experiment
from resnet_studio.training.degradation.verdict import Verdict, judge
from resnet_studio.training.runs.curves import Axis
from resnet_studio.training.runs.run_folder import STOP_NOW

EMPTY = (
    "Trains plain networks with 20 and 56 layers and their residual counterparts on the same images in the same order. "
    "If the deeper plain network ends with a higher error even on its own training images, that is the degradation "
    "problem that residual networks were designed to solve.\n\n"
    "On the digits, this takes about half a minute on two cores and needs no download. Click Run experiment."
)
SIDE, CHOICE, WIDE = (248, 336), (136, 216), 960
"""Pixels: minimum and maximum width of the side with errors and verdict, and of the list of experiments; width of the
view from which the progress bar is shown."""
MOST_DAMAGED = 3
"""How many messages about damaged experiments are shown; the tooltip has all."""
AXES = {"step": "Step", "epoch": "Epoch"}
AXIS_TIPS = {"step": "Against steps (weight updates)", "epoch": "Against epochs (passes over the training set)"}


class DegradationView(QWidget):
    """Shows experiments, and emits requests to run, stop and resume them; folders are `Path`s."""

    experimentRequested = Signal(object)
    """An `Experiment`."""
    stopRequested = Signal(object)
    stopNowRequested = Signal(object)
    resumeRequested = Signal(object)
    """A folder, whose unfinished runs are to be trained."""
    experimentSelected = Signal(object)
    """The folder of the experiment that is shown now."""

    def __init__(self) -> None:
        super().__init__()
        self._experiments: dict[Path, ExperimentState] = {}
        self._stop_requested_at = -math.inf
        """When this window last requested a stop, on the monotonic clock."""
        self._selected: Path | None = None
        self._stale = False
        """Whether the selected experiment has changed while the view was hidden."""
        self._form, self._notice = ExperimentForm(), NoticeLine()
        self._figure, self._table, self._verdict = ExperimentFigure(), ErrorTable(), VerdictPanel()
        self._choice = ComboBox({}, "experimentChoice", "Experiment", "Experiment to show")
        self._choice.setMinimumWidth(CHOICE[0])
        self._choice.setMaximumWidth(CHOICE[1])
        self._progress = set_names(QLabel(wordWrap=True), "experimentProgress", "Experiment progress")
        self._bar = set_names(QProgressBar(), "experimentBar", "Fraction of the experiment that is done")
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self._bar.setFixedWidth(96)
        self._stop = set_names(QPushButton("Stop"), "stopExperiment", "", "Stop the experiment; finished runs are kept")
        self._stop_now = set_names(
            QPushButton(), "stopExperimentNow", "Stop now", "Stop immediately; the run reverts to its latest checkpoint"
        )
        self._stop_now.hide()
        self._resume = set_names(QPushButton("Resume"), "resumeExperiment", "", "Train the unfinished runs")
        self._axis = SegmentedControl(AXES, "figureAxis", "x axis", AXIS_TIPS)
        self._axis.set_value("epoch")
        self._export = ExportButton("exportFigure", "Export the figure", "Save figure and verdict, or the values", "")
        self._damaged = set_names(
            QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText), "damagedExperiments", "Damaged experiments"
        )
        self._damaged.setProperty("problem", True)
        self._damaged.hide()
        self._pages = QStackedWidget()
        self._side = QWidget()
        self._side.setMinimumWidth(SIDE[0])
        self._side.setMaximumWidth(SIDE[1])
        self._lay_out()
        self._connect()

    def show_experiments(self, experiments: Sequence[ExperimentState]) -> None:
        """Offer these, given oldest first. The selection stays, unless there is a new live experiment."""
        new = [experiment for experiment in experiments if experiment.folder not in self._experiments]
        self._experiments = {experiment.folder: experiment for experiment in experiments}
        titles = {str(folder): experiment.name for folder, experiment in reversed(self._experiments.items())}
        self._choice.set_values(titles)
        if self._selected not in self._experiments or any(experiment.live for experiment in new):
            newest = new or list(experiments)
            self._selected = newest[-1].folder if newest else None
        self._show()

    @property
    def starting(self) -> bool:
        """Whether a new experiment was started and has no events yet."""
        return any(experiment.starting and not experiment.curves for experiment in self._experiments.values())

    def next_experiment(self) -> Experiment:
        """The experiment of the form. `ValueError` for invalid settings."""
        return self._form.experiment()

    def show_experiment(self, state: ExperimentState) -> None:
        """Update an experiment; redrawn only if it is selected and the view is visible."""
        if state.folder in self._experiments:
            self._experiments[state.folder] = state
            self._stale = self._stale or state.folder == self._selected
            if self._stale and self.isVisible():
                self._show()

    def select_experiment(self, folder: Path) -> None:
        """Show this experiment, if it is known."""
        if folder in self._experiments and folder != self._selected:
            self._selected = folder
            self._show()
            self.experimentSelected.emit(folder)

    def show_data(self, data: str) -> None:
        """Set the data set of the next experiment: its name, or a folder's path."""
        self._form.show_data(data)

    def show_damaged(self, sentences: Sequence[str]) -> None:
        """Show messages about experiments that can't be read."""
        self._damaged.setText(printable("\n".join(sentences[:MOST_DAMAGED])))
        self._damaged.setToolTip(tooltip("\n".join(sentences)))
        self._damaged.setVisible(bool(sentences))

    def show_message(self, text: str) -> None:
        """Show what was done."""
        self._notice.show_message(text)

    def show_problem(self, text: str) -> None:
        """Show what could not be done."""
        self._notice.show_message(text, problem=True)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_bar()
        self._update_tools()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._show()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._figure.apply_theme()
            self._show()

    def _lay_out(self) -> None:
        empty = empty_label("degradationEmpty", EMPTY)
        empty.setContentsMargins(10 * GRID, 0, 10 * GRID, 0)
        self._pages.addWidget(empty)
        self._pages.addWidget(self._make_page())
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        column.setSpacing(GRID)
        column.addWidget(self._form)
        column.addWidget(self._damaged)
        column.addWidget(self._notice)
        column.addWidget(separator())
        column.addWidget(self._pages, 1)

    def _make_page(self) -> QWidget:
        tools = QHBoxLayout()
        tools.setSpacing(GRID)
        before: tuple[QWidget, ...] = (self._choice, self._bar, self._progress)
        after: tuple[QWidget, ...] = (self._stop_now, self._stop, self._resume, self._axis, self._export)
        for widget in before:
            tools.addWidget(widget, {self._choice: 1, self._progress: 2}.get(widget, 0))
        for widget in after:
            tools.addWidget(widget)
        side = QVBoxLayout(self._side)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(2 * GRID)
        side.addWidget(self._table)
        side.addWidget(separator())
        side.addWidget(self._verdict, 1)
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        row.addWidget(self._figure, 2)
        row.addWidget(self._side, 1)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addLayout(tools)
        column.addLayout(row, 1)
        return page

    def _connect(self) -> None:
        self._form.experimentRequested.connect(self.experimentRequested)
        self._choice.valueSelected.connect(lambda folder: self.select_experiment(Path(folder)))
        self._stop.clicked.connect(self._request_stop)
        self._stop_now.clicked.connect(self._request_stop_now)
        self._resume.clicked.connect(lambda: self.resumeRequested.emit(self._selected))
        self._axis.valueSelected.connect(self._show)
        self._export.pathSelected.connect(self.save)

    def save(self, path: Path) -> None:
        """Write figure and verdict (PNG, SVG) or the figure's values (CSV), by the path's suffix."""
        if self._selected is None:
            return
        state = self._experiments[self._selected]
        try:
            self._figure.save(path, state, judge(state.experiment, state.curves))
        except OSError as error:
            self.show_problem(f"{path} could not be written: {os_reason(error)}")
        else:
            self.show_message(f"Saved {path.name}.")

    def _request_stop(self) -> None:
        self._stop_requested_at = time.monotonic()
        self.stopRequested.emit(self._selected)
        QTimer.singleShot(round(1000 * OFFER_AFTER) + 100, self, self._show)

    def _request_stop_now(self) -> None:
        self._stop_now.setEnabled(False)
        self._stop_now.setText("Stopping now…")
        self.stopNowRequested.emit(self._selected)

    def _show_stopping(self, state: ExperimentState) -> None:
        """Show that it is stopping and how long that may take; after a while, offer Stop now."""
        self._stop.setVisible(state.live)
        self._stop.setEnabled(not state.stopping)
        self._stop.setText(f"Stopping…{seconds_left_text(state.step_left)}" if state.stopping else "Stop")
        now = state.stopping and STOP_NOW in state.requests
        part = state.current
        offered = state.stopping and part is not None and time.monotonic() - self._stop_requested_at > OFFER_AFTER
        self._stop_now.setVisible(now or offered)
        self._stop_now.setEnabled(not now)
        losing = (state.curves[part.name],) if part else ()
        self._stop_now.setText("Stopping now…" if now else f"Stop now ({loss_text(*losing)})")
        self._update_tools()

    def _show(self) -> None:
        """Show the selected experiment, or the hint of the empty page."""
        self._stale = False
        self._form.show_starting(starting=self.starting)
        self._pages.setCurrentIndex(0 if self._selected is None else 1)
        if self._selected is None:
            return
        state = self._experiments[self._selected]
        self._choice.set_value(str(state.folder))
        self._progress.setText(state.problem() if state.problem() and not state.live else state.progress())
        self._bar.setValue(round(1000 * state.share()))
        self._show_bar()
        self._show_stopping(state)
        self._resume.setVisible(not state.live and not state.complete)
        self._export.stem = state.name
        self._export.setEnabled(bool(state.curves))
        self._figure.show_experiment(state.experiment, state.curves, cast("Axis", self._axis.value()))
        self._table.show_errors(state.experiment, state.curves)
        self._verdict.show_verdict(judge(state.experiment, state.curves))

    def _update_tools(self) -> None:
        """Hide axis and export in a narrow window while Stop now is shown."""
        for widget in (self._axis, self._export):
            widget.setVisible(self.width() >= WIDE or self._stop_now.isHidden())

    def _show_bar(self) -> None:
        """Show the progress bar for an unfinished experiment, if there is space."""
        state = self._experiments.get(self._selected) if self._selected else None
        self._bar.setVisible(state is not None and not state.complete and self.width() >= WIDE)


NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


class VerdictPanel(QWidget):
    """The verdict in words and its rule, which scroll if they don't fit, and a button to copy them."""

    def __init__(self) -> None:
        super().__init__()
        self._clipboard_text = ""
        self._head = QLabel("Verdict")
        self._head.setProperty("heading", True)
        self._copy = set_names(QPushButton("Copy"), "copyVerdict", "Copy the verdict", "Copy verdict and criterion")
        reserve_width(self._copy, "Copied")
        self._copy.clicked.connect(self._copy_to_clipboard)
        self._text = set_names(QLabel(wordWrap=True), "verdict", "Verdict text")
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._rule = set_names(QLabel(wordWrap=True), "verdictRule", "Criterion for worse")
        self._rule.setProperty("quiet", True)
        self._rule.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._lay_out()

    def show_verdict(self, verdict: Verdict) -> None:
        """Show the verdict so far."""
        text = unbroken("\n\n".join(verdict.sentences))
        if self._text.text() != text:
            self._text.setText(text)
        self._rule.setText(verdict.rule)
        self._clipboard_text = "\n".join(filter(None, [*verdict.sentences, verdict.rule]))

    def _copy_to_clipboard(self) -> None:
        QApplication.clipboard().setText(self._clipboard_text)
        show_briefly(self._copy, "Copied")

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self._head, 1)
        head.addWidget(self._copy)
        words = QWidget()
        column = QVBoxLayout(words)
        column.setContentsMargins(0, 0, GRID, 0)
        column.setSpacing(GRID)
        column.addWidget(self._text)
        column.addWidget(self._rule)
        column.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(words)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addLayout(head)
        layout.addWidget(scroll, 1)


def unbroken(text: str) -> str:
    """The text with non-breaking spaces between numbers and units."""
    return text.replace(" %", f"{NO_BREAK_SPACE}%").replace(" ×", f"{NO_BREAK_SPACE}×")
