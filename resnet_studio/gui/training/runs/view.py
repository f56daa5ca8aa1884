"""The Runs page of the Training workspace: every run in a table, and under it the curves of those that are ticked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.message_bar import NoticeLine
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.training.run_state import RunState
from resnet_studio.gui.training.runs.actions import RunActions
from resnet_studio.gui.training.runs.curves_panel import CurvesPanel
from resnet_studio.gui.training.runs.model import RunModel
from resnet_studio.gui.training.runs.table import RunTable

TICK = 500
"""Milliseconds between two looks at the clock while a run has been asked to do something."""
EMPTY = "No runs yet. Set one up under New run, or drop a run's folder here to see its curves."


class RunsView(QWidget):
    """Shows runs, and emits what the user wants done with them; folders are `Path`s."""

    chosen_changed = Signal(object)
    """The chosen runs' folders, a tuple."""
    rename_wished = Signal(object, str)
    colour_wished = Signal(object, str)
    """Folders, and a colour of the palette or nothing; all wishes below are for folders too."""
    stop_wished = Signal(object)
    stop_now_wished = Signal(object)
    pause_wished = Signal(object)
    go_on_wished = Signal(object)
    resume_wished = Signal(object)
    folder_wished = Signal(object)
    """One folder, to be opened on the desktop."""
    deletion_wished = Signal(object)
    undo_wished = Signal()
    csv_wished = Signal(object, object)
    """A path and `CurveTable`s."""

    def __init__(self) -> None:
        super().__init__()
        self._model = RunModel()
        self._table = RunTable(self._model)
        self._actions = RunActions(self._table.menu)
        self._filter = named(QLineEdit(), "runFilter", "Filter the runs", "Words that a run's row has to have")
        self._filter.setPlaceholderText("Filter runs")
        self._filter.setClearButtonEnabled(True)
        self._filter.setMaximumWidth(260)
        self.panel = CurvesPanel()
        self._news = NoticeLine()
        self._pages = QStackedWidget()
        self._ticking = QTimer(self, interval=TICK)
        self._ticking.timeout.connect(self._tick)
        self._lay_out()
        self._connect()

    def show_runs(self, runs: Sequence[RunState]) -> None:
        """Show these runs, given oldest first. What was chosen stays so, and Qt chooses nothing in its place."""
        before = self._folders()
        self._model.show_runs(runs)
        if set(self._folders()) - set(before):
            self._table.choose(before)
        self._tools.setVisible(bool(runs))
        self._pages.setCurrentIndex(1 if runs else 0)
        self._show_curves()

    def show_run(self, run: RunState) -> None:
        """Show what has become of a run."""
        self._model.show_run(run)
        self.panel.show_growth(run)
        if run in self._table.chosen():
            self._show_applicable()
        if run.pending:
            self._ticking.start()

    def choose(self, folders: Sequence[Path]) -> None:
        """Choose runs, as one that has just been started."""
        self._table.choose(folders)

    def show_told(self, text: str, undo: bool = False) -> None:
        """Say what was done, with a way back where there is one."""
        self._news.tell(text, undo=undo)

    def show_problem(self, text: str) -> None:
        """Say what could not be done."""
        self._news.tell(text, problem=True)

    def start_search(self) -> None:
        """Put the cursor where runs can be filtered."""
        self._filter.setFocus()
        self._filter.selectAll()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  (Qt's name)
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
        upper = QWidget()
        above = QVBoxLayout(upper)
        above.setContentsMargins(0, 0, 0, GRID)
        above.addWidget(self._table, 1)
        lower = QWidget()
        below = QVBoxLayout(lower)
        below.setContentsMargins(0, GRID, 0, 0)
        below.addWidget(self.panel)
        split = named(QSplitter(Qt.Orientation.Vertical), "runSplit", "Runs and their curves")
        split.setChildrenCollapsible(False)
        split.addWidget(upper)
        split.addWidget(lower)
        split.setStretchFactor(0, 1)
        split.setStretchFactor(1, 2)
        split.setSizes([240, 480])
        empty = named(QLabel(EMPTY, wordWrap=True), "runsEmpty", "What to do next")
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        empty.setProperty("quiet", True)
        self._pages.addWidget(empty)
        self._pages.addWidget(split)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        column.setSpacing(GRID)
        column.addWidget(self._tools)
        column.addWidget(self._news)
        column.addWidget(self._pages, 1)

    def _connect(self) -> None:
        self._filter.textChanged.connect(self._table.show_words)
        self._table.chosen_changed.connect(self._take_choice)
        self._table.deletion_wished.connect(lambda: self._do("delete"))
        self._model.rename_wished.connect(self.rename_wished)
        self._model.shown_changed.connect(self._show_curves)
        self._actions.wished.connect(self._do)
        self._actions.colour_wished.connect(lambda colour: self.colour_wished.emit(self._folders(), colour))
        self.panel.run_chosen.connect(lambda folder: self._table.choose([folder]))
        self.panel.csv_wished.connect(self.csv_wished)
        self.panel.told.connect(self.show_told)
        self.panel.failed.connect(self.show_problem)
        self._news.undo_wished.connect(self.undo_wished)

    def _folders(self) -> tuple[Path, ...]:
        return tuple(run.folder for run in self._table.chosen())

    def _take_choice(self) -> None:
        self._show_curves()
        self.chosen_changed.emit(self._folders())

    def _show_curves(self) -> None:
        self.panel.show_runs(self._model.shown(), self._table.chosen())
        self._show_applicable()

    def _show_applicable(self) -> None:
        self._actions.show_chosen(self._table.chosen(), self._model.shown())

    def _tick(self) -> None:
        """Estimates of how long a step still takes go on by themselves."""
        pending = [run for run in self._model.runs() if run.pending]
        for run in pending:
            self._model.show_run(run)
        self._show_applicable()
        if not pending:
            self._ticking.stop()

    def _do(self, what: str) -> None:
        """One of the actions on the chosen runs."""
        folders = self._folders()
        wishes = {
            "stop": self.stop_wished, "stop_now": self.stop_now_wished, "pause": self.pause_wished,
            "go_on": self.go_on_wished, "resume": self.resume_wished, "delete": self.deletion_wished,
        }  # fmt: skip
        if what in wishes:
            wishes[what].emit(folders)
        elif what == "open_folder":
            self.folder_wished.emit(folders[0])
        elif what == "rename":
            self._table.rename()
        else:
            self._show_only(what, folders)

    def _show_only(self, what: str, folders: Sequence[Path]) -> None:
        every = [run.folder for run in self._model.runs()]
        if what == "show_only":
            self._model.show_only(every, wanted=False)
        self._model.show_only(every if what == "show_all" else folders, wanted=what != "hide")
