"""The runs as an item model: texts, tooltips and sort keys of each cell, and the check box in front of the name."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor

from resnet_studio.analysis import units
from resnet_studio.formatting import duration, percent
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import cell_alignment
from resnet_studio.gui.common.labels import tooltip
from resnet_studio.gui.plots.styles import swatch
from resnet_studio.gui.training.run_state import RunState, run_color
from resnet_studio.networks.presets import title
from resnet_studio.plain import plain
from resnet_studio.training.datasets import DATASETS, data_title

LAST = math.inf
"""The sort key of a missing value: after all others."""


class RunColumn(IntEnum):
    NAME = 0
    ARCHITECTURE = 1
    DATA = 2
    PARAMETERS = 3
    FLOPS = 4
    BEST = 5
    STATE = 6
    DURATION = 7


def cell_text(run: RunState, column: RunColumn) -> str:
    """The text of a cell."""
    curves, cost = run.curves, run.cost
    match column:
        case RunColumn.NAME:
            return run.name
        case RunColumn.ARCHITECTURE:
            return title(run.architecture) if run.architecture else units.DASH
        case RunColumn.DATA:
            data = run.manifest.recipe.data if run.manifest else units.DASH
            return Path(data).name or data
        case RunColumn.PARAMETERS:
            return units.short(cost.parameters) if cost else units.DASH
        case RunColumn.FLOPS:
            return units.short(cost.macs) if cost else units.DASH
        case RunColumn.BEST:
            return percent(curves.best.error) if curves.best else units.DASH
        case RunColumn.STATE:
            return state_text(run)
    return duration(curves.seconds) if curves.steps else units.DASH


def state_text(run: RunState) -> str:
    """The state of a run: "running, 43 %, 2:10 left"."""
    curves = run.curves
    if run.problem:
        return "newer version" if run.newer else "damaged"
    if run.pending:
        return f"{run.pending}…{step_left_text(run)}"
    if not run.loaded and not curves.steps:
        return "loading…"
    if curves.state == "starting" and curves.activity:
        return curves.activity
    share = f"{100 * run.progress:.0f} %"
    if curves.state == "running":
        return ", ".join(("running", share, *([f"{duration(curves.remaining)} left"] if curves.steps else ())))
    if curves.state == "paused" or (curves.state in ("stopped", "failed", "killed") and curves.steps):
        return f"{curves.state} at {share}"
    return curves.state


def step_left_text(*stopping: RunState) -> str:
    """Remaining time of the longest of these runs' current steps, to append to "stopping…"; empty if unknown."""
    times = [run.step_left for run in stopping if run.pending == "stopping" and not math.isnan(run.step_left)]
    return seconds_left_text(max(times, default=math.nan))


def seconds_left_text(seconds: float) -> str:
    """ " 12 s", " 2:10"; empty if less than a second or NaN."""
    if not seconds >= 1:
        return ""
    return f" {seconds:.0f} s" if seconds < 60 else f" {duration(seconds)}"


def cell_tooltip(run: RunState, column: RunColumn) -> str:
    """The tooltip of a cell: the exact value, or details that don't fit."""
    curves, cost, recipe = run.curves, run.cost, run.manifest.recipe if run.manifest else None
    match column:
        case RunColumn.NAME:
            return str(run.folder)
        case RunColumn.ARCHITECTURE if curves.prepared and curves.prepared.changes:
            return f"adapted to the data: {', '.join(curves.prepared.changes)}"
        case RunColumn.DATA if recipe:
            return data_title(recipe.data) if recipe.data in DATASETS else recipe.data
        case RunColumn.PARAMETERS if cost:
            return f"{units.exact(cost.parameters)} parameters"
        case RunColumn.FLOPS if cost:
            return f"{units.exact(cost.macs)} multiply-adds"
        case RunColumn.BEST if curves.best:
            wrong, images = round(curves.best.error * curves.best.images), curves.best.images
            return f"{wrong:,} of {images:,} test images misclassified after step {curves.best.step:,}"
        case RunColumn.STATE:
            return "\n".join(filter(None, (run.problem or curves.reason or state_text(run), *curves.notes[-3:])))
        case RunColumn.DURATION:
            began = _date(run.created)
            return f"{curves.seconds:,.1f} s of training" + (f"; started {began}" if began else "")
    return cell_text(run, column)


def _date(seconds: float) -> str:
    """A time as local date and time; empty if unknown or out of range."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else ""
    except (ValueError, OverflowError, OSError):
        return ""


def sort_key(run: RunState, column: RunColumn) -> float | str:
    """The sort key of a cell."""
    match column:
        case RunColumn.PARAMETERS:
            return run.cost.parameters if run.cost else LAST
        case RunColumn.FLOPS:
            return run.cost.macs if run.cost else LAST
        case RunColumn.BEST:
            return run.curves.best.error if run.curves.best else LAST
        case RunColumn.DURATION:
            return run.curves.seconds if run.curves.steps else LAST
    return cell_text(run, column).casefold()


def progress_text(run: RunState) -> str:
    """A run's name, and below it its progress: "step 430 of 1,100, 0:43 elapsed, 1:07 left"."""
    curves = run.curves
    if not curves.steps:
        return f"{run.name}\n{curves.activity or curves.state}"
    of = f" of {curves.prepared.steps:,}" if curves.prepared else ""
    left = f", {duration(curves.remaining)} left" if run.live else f", {curves.state}"
    return f"{run.name}\nstep {curves.steps:,}{of}, {duration(curves.seconds)} elapsed{left}"


Index = QModelIndex | QPersistentModelIndex
SORT_ROLE = Qt.ItemDataRole.UserRole
RUN_ROLE = Qt.ItemDataRole.UserRole + 1


HEADINGS = ("run", "architecture", "data", "parameters", "FLOPs", "best error", "state", "time")
TIPS = (
    "Check a run to plot its curves; double-click or press F2 to rename it",
    "The network as configured, before it was adapted to the data",
    "Training data",
    "Parameters of the network adapted to the data",
    "Multiply-adds of convolutions and linear layers for one image, in the network adapted to the data",
    "Lowest test error after any epoch",
    "Current state of the run, or how it ended",
    "Training time so far, excluding evaluation, saving and pauses",
)
RIGHT = {RunColumn.PARAMETERS, RunColumn.FLOPS, RunColumn.BEST, RunColumn.DURATION}

LONGEST_CELL = 1000
"""Maximum number of characters of a cell."""


class RunModel(QAbstractTableModel):
    """One row per run, newest first. Also holds which runs are hidden; an edited name emits `renameRequested`."""

    renameRequested = Signal(object, str)
    shownChanged = Signal()
    """The set of checked runs has changed."""

    def __init__(self) -> None:
        super().__init__()
        self._runs: tuple[RunState, ...] = ()
        self._hidden: set[Path] = set()

    def show_runs(self, runs: Sequence[RunState]) -> None:
        """Show these runs, given oldest first. Hidden ones stay hidden."""
        newest_first = tuple(reversed(runs))
        for row in reversed(range(len(self._runs))):
            if self._runs[row] not in newest_first:
                self.beginRemoveRows(QModelIndex(), row, row)
                self._runs = (*self._runs[:row], *self._runs[row + 1 :])
                self.endRemoveRows()
        for row, run in enumerate(newest_first):
            if run not in self._runs:
                self.beginInsertRows(QModelIndex(), row, row)
                self._runs = (*self._runs[:row], run, *self._runs[row:])
                self.endInsertRows()
        self._emit_changed(0, len(newest_first) - 1)

    def show_run(self, run: RunState) -> None:
        """Update the row of a run."""
        if run in self._runs:
            row = self._runs.index(run)
            self._emit_changed(row, row)

    def run(self, index: Index) -> RunState:
        """The run of a row."""
        return self._runs[index.row()]

    def runs(self) -> tuple[RunState, ...]:
        """All runs, from top to bottom."""
        return self._runs

    def shown(self) -> tuple[RunState, ...]:
        """The checked runs, oldest first."""
        return tuple(run for run in reversed(self._runs) if run.folder not in self._hidden)

    def set_shown(self, folders: Iterable[Path], *, shown: bool) -> None:
        """Check or uncheck these runs."""
        self._hidden = self._hidden - set(folders) if shown else self._hidden | set(folders)
        self._emit_changed(0, len(self._runs) - 1)
        self.shownChanged.emit()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._runs)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(RunColumn)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation == Qt.Orientation.Vertical or section >= len(RunColumn):
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return HEADINGS[section]
            case Qt.ItemDataRole.ToolTipRole:
                return TIPS[section]
            case Qt.ItemDataRole.TextAlignmentRole:
                return cell_alignment(right=section in RIGHT)
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        base = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
        if index.isValid() and index.column() == RunColumn.NAME:
            return base | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEditable
        return base if index.isValid() else Qt.ItemFlag.NoItemFlags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        run, column = self.run(index), RunColumn(index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return plain(cell_text(run, column), LONGEST_CELL)
            case Qt.ItemDataRole.ToolTipRole:
                return tooltip(cell_tooltip(run, column))
            case Qt.ItemDataRole.TextAlignmentRole:
                return cell_alignment(right=column in RIGHT)
            case Qt.ItemDataRole.ForegroundRole:
                return _color(run, column)
        if role == SORT_ROLE:
            return sort_key(run, column)
        if role == RUN_ROLE:
            return run
        return self._name_data(run, role) if column == RunColumn.NAME else None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if not index.isValid() or index.column() != RunColumn.NAME:
            return False
        run = self.run(index)
        if role == Qt.ItemDataRole.CheckStateRole:
            self.set_shown([run.folder], shown=Qt.CheckState(value) == Qt.CheckState.Checked)
            return True
        if role == Qt.ItemDataRole.EditRole and value != run.name:
            self.renameRequested.emit(run.folder, str(value))
            return True
        return False

    def _name_data(self, run: RunState, role: int) -> Any:
        match role:
            case Qt.ItemDataRole.EditRole:
                return run.name
            case Qt.ItemDataRole.DecorationRole:
                return swatch(run_color(run), dashed=run.plain)
            case Qt.ItemDataRole.CheckStateRole:
                return Qt.CheckState.Unchecked if run.folder in self._hidden else Qt.CheckState.Checked
        return None

    def _emit_changed(self, first: int, last: int) -> None:
        if last >= first:
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(RunColumn) - 1))


def _color(run: RunState, column: RunColumn) -> QColor | None:
    colors = theme.current()
    if column == RunColumn.STATE and run.problem:
        return QColor(colors.warning if run.newer else colors.bad)
    if column == RunColumn.STATE:
        by_state = {"failed": colors.bad, "killed": colors.bad, "running": colors.accent, "paused": colors.warning}
        return QColor(by_state.get(run.curves.state, colors.muted))
    return QColor(colors.muted) if cell_text(run, column) == units.DASH else None
