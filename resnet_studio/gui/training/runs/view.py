"""The Runs tab: a table of all runs, and under it the curves of the checked ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from resnet_studio.gui.common.helpers import empty_label, set_names
from resnet_studio.gui.common.message_bar import NoticeLine
from resnet_studio.gui.common.table_export import TableExportButton, model_text
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.training.run_state import RunState
from resnet_studio.gui.training.runs.actions import RunActions
from resnet_studio.gui.training.runs.curves_panel import CurvesPanel
from resnet_studio.gui.training.runs.model import RunModel
from resnet_studio.gui.training.runs.table import RunTable

TICK = 500
"""Milliseconds between updates of the remaining times while a run has pending requests."""
EMPTY = "No runs yet. Start one in New run, or drop a run folder here to see its curves."


class RunsView(QWidget):
    """Shows runs, and emits requests for them; folders are `Path`s."""

    runsSelected = Signal(object)
    """The selected runs' folders, a tuple."""
    renameRequested = Signal(object, str)
    colorRequested = Signal(object, str)
    """Folders, and a color name of the palette or an empty string. The requests below carry folders too."""
    stopRequested = Signal(object)
    stopNowRequested = Signal(object)
    pauseRequested = Signal(object)
    unpauseRequested = Signal(object)
    resumeRequested = Signal(object)
    openFolderRequested = Signal(object)
    """One folder, to be opened in the file manager."""
    deleteRequested = Signal(object)
    undoRequested = Signal()
    saveRequested = Signal(object, object)
    """The path of the table's file, and the function that writes it."""
    csvRequested = Signal(object, object)
    """A path and `CurveTable`s."""

    def __init__(self) -> None:
        super().__init__()
        self._model = RunModel()
        self._table = RunTable(self._model)
        self._actions = RunActions(self._table.menu)
        self._filter = set_names(QLineEdit(), "runFilter", "Filter runs", "Show only runs that contain these words")
        self._filter.setPlaceholderText("Filter runs")
        self._filter.setClearButtonEnabled(True)
        self._filter.setMaximumWidth(260)
        runs = {"Runs": lambda how: model_text(self._table.model(), "Runs", how)}
        self._export = TableExportButton("exportRuns", "Export the table", "runs", runs)
        self._export.saveRequested.connect(self.saveRequested)
        self.panel = CurvesPanel()
        self._notice = NoticeLine()
        self._pages = QStackedWidget()
        self._tick_timer = QTimer(self, interval=TICK)
        self._tick_timer.timeout.connect(self._on_tick)
        self._lay_out()
        self._connect()

    def show_runs(self, runs: Sequence[RunState]) -> None:
        """Show these runs, given oldest first. The selection is kept; Qt selects nothing in place of removed runs."""
        before = self.selected_folders()
        self._model.show_runs(runs)
        if set(self.selected_folders()) - set(before):
            self._table.select_runs(before)
        self._tools.setVisible(bool(runs))
        self._pages.setCurrentIndex(1 if runs else 0)
        self._show_curves()

    def show_run(self, run: RunState) -> None:
        """Update a run's row; its curves are updated by the panel."""
        self._model.show_run(run)
        if run in self._table.selected_runs():
            self._update_actions()
        if run.pending:
            self._tick_timer.start()

    def selected_folders(self) -> tuple[Path, ...]:
        """The folders of the selected runs."""
        return tuple(run.folder for run in self._table.selected_runs())

    def select_runs(self, folders: Sequence[Path]) -> None:
        """Select these runs."""
        self._table.select_runs(folders)

    def show_message(self, text: str, undo: bool = False) -> None:
        """Show what was done, with an Undo button if it can be undone."""
        self._notice.show_message(text, undo=undo)

    def show_problem(self, text: str) -> None:
        """Show what could not be done."""
        self._notice.show_message(text, problem=True)

    def start_search(self) -> None:
        """Focus the filter."""
        self._filter.setFocus()
        self._filter.selectAll()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._table.viewport().update()

    def _lay_out(self) -> None:
        self._tools = QWidget()
        tools = QHBoxLayout(self._tools)
        tools.setContentsMargins(0, 0, 0, 0)
        tools.setSpacing(GRID)
        tools.addWidget(self._filter, 1)
        tools.addStretch()
        tools.addWidget(self._actions)
        tools.addWidget(self._export)
        upper = QWidget()
        above = QVBoxLayout(upper)
        above.setContentsMargins(0, 0, 0, GRID)
        above.addWidget(self._table, 1)
        lower = QWidget()
        below = QVBoxLayout(lower)
        below.setContentsMargins(0, GRID, 0, 0)
        below.addWidget(self.panel)
        split = set_names(QSplitter(Qt.Orientation.Vertical), "runSplit", "Runs and their curves")
        split.setChildrenCollapsible(False)
        split.addWidget(upper)
        split.addWidget(lower)
        split.setStretchFactor(0, 1)
        split.setStretchFactor(1, 2)
        split.setSizes([240, 480])
        self._pages.addWidget(empty_label("runsEmpty", EMPTY))
        self._pages.addWidget(split)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        column.setSpacing(GRID)
        column.addWidget(self._tools)
        column.addWidget(self._notice)
        column.addWidget(self._pages, 1)

    def _connect(self) -> None:
        self._filter.textChanged.connect(self._table.set_filter)
        self._table.selectedRunsChanged.connect(self._on_selection_changed)
        self._table.deleteRequested.connect(lambda: self._on_action("delete"))
        self._model.renameRequested.connect(self.renameRequested)
        self._model.shownChanged.connect(self._show_curves)
        self._actions.actionRequested.connect(self._on_action)
        self._actions.colorRequested.connect(lambda color: self.colorRequested.emit(self.selected_folders(), color))
        self.panel.runSelected.connect(lambda folder: self._table.select_runs([folder]))
        self.panel.csvRequested.connect(self.csvRequested)
        self.panel.message.connect(self.show_message)
        self.panel.failed.connect(self.show_problem)
        self._notice.undoRequested.connect(self.undoRequested)

    def _on_selection_changed(self) -> None:
        self._show_curves()
        self.runsSelected.emit(self.selected_folders())

    def _show_curves(self) -> None:
        self.panel.show_runs(self._model.shown(), self._table.selected_runs())
        self._update_actions()

    def _update_actions(self) -> None:
        self._actions.show_selected(self._table.selected_runs(), self._model.shown())

    def _on_tick(self) -> None:
        """Update the remaining times of pending runs."""
        pending = [run for run in self._model.runs() if run.pending]
        for run in pending:
            self._model.show_run(run)
        self._update_actions()
        if not pending:
            self._tick_timer.stop()

    def _on_action(self, what: str) -> None:
        """Perform one of `ACTIONS` on the selected runs."""
        folders = self.selected_folders()
        signals = {
            "stop": self.stopRequested, "stop_now": self.stopNowRequested, "pause": self.pauseRequested,
            "go_on": self.unpauseRequested, "resume": self.resumeRequested, "delete": self.deleteRequested,
        }  # fmt: skip
        if what in signals:
            signals[what].emit(folders)
        elif what == "open_folder":
            self.openFolderRequested.emit(folders[0])
        elif what == "rename":
            self._table.edit_name()
        else:
            self._change_shown(what, folders)

    def _change_shown(self, what: str, folders: Sequence[Path]) -> None:
        every = [run.folder for run in self._model.runs()]
        if what == "show_only":
            self._model.set_shown(every, shown=False)
        self._model.set_shown(every if what == "show_all" else folders, shown=what != "hide")
