"""The table of runs: sorted by any column, filtered by words, several chosen at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QMenu, QTableView

from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.training.run_state import RunState
from resnet_studio.gui.training.runs.model import RUN_ROLE, SORT_ROLE, Index, RunColumn, RunModel, text

ROW = 26
WIDTHS = {
    RunColumn.NAME: (124, 264), RunColumn.ARCHITECTURE: (96, 192), RunColumn.DATA: (56, 112),
    RunColumn.PARAMETERS: (88, 96), RunColumn.FLOPS: (72, 88),
    RunColumn.BEST: (84, 96), RunColumn.STATE: (92, 208), RunColumn.DURATION: (60, 80),
}  # fmt: skip
"""Pixels of each column in a narrow and in a wide window; the state takes what is left."""
WHOLE = (RunColumn.PARAMETERS, RunColumn.FLOPS, RunColumn.BEST, RunColumn.STATE, RunColumn.DURATION)
"""Columns of numbers, which are as wide as those on the screen need them; what is too much scrolls."""


class RunFilter(QSortFilterProxyModel):
    """Passes runs that have every word somewhere in their row."""

    def __init__(self, model: RunModel) -> None:
        super().__init__()
        self._words: list[str] = []
        self.setSortRole(SORT_ROLE)
        self.setSourceModel(model)

    def show_words(self, words: str) -> None:
        """Pass only runs that have these words."""
        self.beginFilterChange()
        self._words = words.casefold().split()
        self.endFilterChange()

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:  # noqa: N802  (Qt's name)
        run = self.sourceModel().index(row, 0, parent).data(RUN_ROLE)
        said = " ".join(text(run, column) for column in RunColumn).casefold()
        return all(word in said for word in self._words)


class RunTable(QTableView):
    """Space ticks all chosen runs, F2 renames, Delete wishes them away; the menu is filled by whoever has it."""

    chosen_changed = Signal()
    deletion_wished = Signal()

    def __init__(self, model: RunModel) -> None:
        super().__init__()
        named(self, "runTable", "Runs")
        self._model, self._filter = model, RunFilter(model)
        self.menu = QMenu(self)
        self.setModel(self._filter)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.DoubleClicked | triggers.EditKeyPressed)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setSortIndicatorClearable(True)
        self.setSortingEnabled(True)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        for changed in (self._filter.dataChanged, self._filter.modelReset, self._filter.layoutChanged,
                        self._filter.rowsInserted, self.verticalScrollBar().valueChanged):  # fmt: skip
            changed.connect(self._share_out)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._open_menu)
        self.selectionModel().selectionChanged.connect(lambda *_: self.chosen_changed.emit())

    def show_words(self, words: str) -> None:
        """Show only runs that have these words in their row."""
        self._filter.show_words(words)

    def chosen(self) -> tuple[RunState, ...]:
        """The runs that are chosen, from top to bottom."""
        rows = sorted(self.selectionModel().selectedRows(), key=QModelIndex.row)
        return tuple(row.data(RUN_ROLE) for row in rows)

    def choose(self, folders: Sequence[Path]) -> None:
        """Choose these runs and no others; the first becomes the current one."""
        rows = [self._filter.index(row, 0) for row in range(self._filter.rowCount())]
        wanted = [row for row in rows if row.data(RUN_ROLE).folder in folders]
        self.clearSelection()
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        for row in wanted:
            self.selectionModel().select(row, flags)
        if wanted:
            self.selectionModel().setCurrentIndex(wanted[0], QItemSelectionModel.SelectionFlag.NoUpdate)
            self.scrollTo(wanted[0])

    def rename(self) -> None:
        """Open the editor of the chosen run's name."""
        if rows := self.selectionModel().selectedRows(RunColumn.NAME):
            self.setFocus()
            self.edit(rows[0])

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  (Qt's names)
        chosen = self.chosen()
        if event.key() == Qt.Key.Key_Space and chosen:
            wanted = chosen[0] not in self._model.shown()
            self._model.show_only([run.folder for run in chosen], wanted=wanted)
        elif event.key() == Qt.Key.Key_F2:
            self.rename()
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and chosen:
            self.deletion_wished.emit()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._share_out()

    def _share_out(self, *_: object) -> None:
        """Give the columns what the window has, and those of numbers no less than the runs on the screen need."""
        narrow, wide = (sum(widths[at] for widths in WIDTHS.values()) for at in (0, 1))
        room = self.viewport().width()
        part = min(max((room - narrow) / (wide - narrow), 0.0), 1.0)
        widths = {column: round(least + part * (most - least)) for column, (least, most) in WIDTHS.items()}
        for column in WHOLE:
            widths[column] = max(widths[column], self.sizeHintForColumn(column))
        widths[RunColumn.STATE] += max(0, room - sum(widths.values()))
        for column, width in widths.items():
            if self.columnWidth(column) != width:
                self.setColumnWidth(column, width)

    def _open_menu(self, place: QPoint) -> None:
        if self.indexAt(place).isValid():
            self.menu.popup(self.viewport().mapToGlobal(place))
