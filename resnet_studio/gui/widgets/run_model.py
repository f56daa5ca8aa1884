"""The runs as an item model: one a row, the newest first, each with a tick that shows it in the plots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor

from resnet_studio.analysis import units
from resnet_studio.gui import theme
from resnet_studio.gui.followed import FollowedRun
from resnet_studio.gui.plain_text import tooltip
from resnet_studio.gui.widgets.run_cells import Column, sort_key, text, tip
from resnet_studio.gui.widgets.run_colours import run_colour, swatch
from resnet_studio.plain import plain

Index = QModelIndex | QPersistentModelIndex
SORT_ROLE = Qt.ItemDataRole.UserRole
RUN_ROLE = Qt.ItemDataRole.UserRole + 1


HEADINGS = ("run", "architecture", "data", "parameters", "FLOPs", "best error", "state", "time")
TIPS = (
    "Tick a run to draw its curves; double-click or F2 renames it",
    "The network as it was chosen, before it was fitted to the data",
    "What it is trained on",
    "Parameters of the network as it is fitted to the data",
    "Multiply-adds of convolutions and linear layers for one image, as the network is fitted to the data",
    "Lowest share of the test set that was classified wrongly after an epoch",
    "What the run is doing, or how it ended",
    "Training time so far; measuring, saving and pauses are not part of it",
)
RIGHT = {Column.PARAMETERS, Column.FLOPS, Column.BEST, Column.DURATION}

LONGEST_CELL = 1000
"""Characters of a cell."""


class RunModel(QAbstractTableModel):
    """Holds which runs are hidden; names are edited in place, which is a wish as any other."""

    rename_wished = Signal(object, str)
    shown_changed = Signal()
    """Other runs are ticked than before."""

    def __init__(self) -> None:
        super().__init__()
        self._runs: tuple[FollowedRun, ...] = ()
        self._hidden: set[Path] = set()

    def show_runs(self, runs: Sequence[FollowedRun]) -> None:
        """Show these, given oldest first. What was hidden stays so."""
        wanted = tuple(reversed(runs))
        for row in reversed(range(len(self._runs))):
            if self._runs[row] not in wanted:
                self.beginRemoveRows(QModelIndex(), row, row)
                self._runs = (*self._runs[:row], *self._runs[row + 1 :])
                self.endRemoveRows()
        for row, run in enumerate(wanted):
            if run not in self._runs:
                self.beginInsertRows(QModelIndex(), row, row)
                self._runs = (*self._runs[:row], run, *self._runs[row:])
                self.endInsertRows()
        self._tell(0, len(wanted) - 1)

    def show_run(self, run: FollowedRun) -> None:
        """Show what has become of a run."""
        if run in self._runs:
            row = self._runs.index(run)
            self._tell(row, row)

    def run(self, index: Index) -> FollowedRun:
        """The run of a row."""
        return self._runs[index.row()]

    def runs(self) -> tuple[FollowedRun, ...]:
        """All runs, from top to bottom."""
        return self._runs

    def shown(self) -> tuple[FollowedRun, ...]:
        """The runs that are ticked, oldest first."""
        return tuple(run for run in reversed(self._runs) if run.folder not in self._hidden)

    def show_only(self, folders: Iterable[Path], *, wanted: bool) -> None:
        """Tick these runs or take their ticks away."""
        self._hidden = self._hidden - set(folders) if wanted else self._hidden | set(folders)
        self._tell(0, len(self._runs) - 1)
        self.shown_changed.emit()

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802  (Qt's names)
        return 0 if parent is not None and parent.isValid() else len(self._runs)

    def columnCount(self, parent: Index | None = None) -> int:  # noqa: N802
        return 0 if parent is not None and parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        if orientation == Qt.Orientation.Vertical or section >= len(Column):
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return HEADINGS[section]
            case Qt.ItemDataRole.ToolTipRole:
                return TIPS[section]
            case Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(section)
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        base = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
        if index.isValid() and index.column() == Column.NAME:
            return base | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEditable
        return base if index.isValid() else Qt.ItemFlag.NoItemFlags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        run, column = self.run(index), Column(index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return plain(text(run, column), LONGEST_CELL)
            case Qt.ItemDataRole.ToolTipRole:
                return tooltip(tip(run, column))
            case Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(column)
            case Qt.ItemDataRole.ForegroundRole:
                return _colour(run, column)
        if role == SORT_ROLE:
            return sort_key(run, column)
        if role == RUN_ROLE:
            return run
        return self._of_name(run, role) if column == Column.NAME else None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: N802
        if not index.isValid() or index.column() != Column.NAME:
            return False
        run = self.run(index)
        if role == Qt.ItemDataRole.CheckStateRole:
            self.show_only([run.folder], wanted=Qt.CheckState(value) == Qt.CheckState.Checked)
            return True
        if role == Qt.ItemDataRole.EditRole and value != run.name:
            self.rename_wished.emit(run.folder, str(value))
            return True
        return False

    def _of_name(self, run: FollowedRun, role: int) -> Any:
        match role:
            case Qt.ItemDataRole.EditRole:
                return run.name
            case Qt.ItemDataRole.DecorationRole:
                return swatch(run_colour(run), dashed=run.plain)
            case Qt.ItemDataRole.CheckStateRole:
                return Qt.CheckState.Unchecked if run.folder in self._hidden else Qt.CheckState.Checked
        return None

    def _tell(self, first: int, last: int) -> None:
        if last >= first:
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(Column) - 1))


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in RIGHT else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


def _colour(run: FollowedRun, column: Column) -> QColor | None:
    colours = theme.current()
    if column == Column.STATE and run.problem:
        return QColor(colours.warning if run.newer else colours.bad)
    if column == Column.STATE:
        by_state = {"failed": colours.bad, "killed": colours.bad, "running": colours.accent, "paused": colours.warning}
        return QColor(by_state.get(run.curves.state, colours.muted))
    return QColor(colours.muted) if text(run, column) == units.DASH else None
