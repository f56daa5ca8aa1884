"""The table of runs: sortable by any column, filtered by words, with multiple selection."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QMenu, QTableView

from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.training.run_state import RunState
from resnet_studio.gui.training.runs.model import RUN_ROLE, SORT_ROLE, Index, RunColumn, RunModel, cell_text

ROW = 26
WIDTHS = {
    RunColumn.NAME: (124, 264), RunColumn.ARCHITECTURE: (96, 192), RunColumn.DATA: (56, 112),
    RunColumn.PARAMETERS: (88, 96), RunColumn.FLOPS: (72, 88),
    RunColumn.BEST: (84, 96), RunColumn.STATE: (92, 208), RunColumn.DURATION: (60, 80),
}  # fmt: skip
"""Pixels of each column in a narrow and in a wide window; the state column takes the rest."""
FULL_WIDTH = (RunColumn.PARAMETERS, RunColumn.FLOPS, RunColumn.BEST, RunColumn.STATE, RunColumn.DURATION)
"""Columns that are never narrower than their visible contents; the table scrolls if they don't fit."""


class RunFilter(QSortFilterProxyModel):
    """Accepts runs whose row contains every word."""

    def __init__(self, model: RunModel) -> None:
        super().__init__()
        self._words: list[str] = []
        self.setSortRole(SORT_ROLE)
        self.setSourceModel(model)

    def set_words(self, words: str) -> None:
        """Accept only runs whose row contains these words."""
        self.beginFilterChange()
        self._words = words.casefold().split()
        self.endFilterChange()

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:
        run = self.sourceModel().index(row, 0, parent).data(RUN_ROLE)
        row_text = " ".join(cell_text(run, column) for column in RunColumn).casefold()
        return all(word in row_text for word in self._words)


class RunTable(QTableView):
    """Space toggles the selected runs, F2 renames, Delete emits `deleteRequested`. The owner fills the menu."""

    selectedRunsChanged = Signal()
    deleteRequested = Signal()

    def __init__(self, model: RunModel) -> None:
        super().__init__()
        set_names(self, "runTable", "Runs")
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
        header.setResizeContentsPrecision(0)  # size hints of columns come from the visible rows
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setSortIndicatorClearable(True)
        self.setSortingEnabled(True)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        for changed in (self._filter.dataChanged, self._filter.modelReset, self._filter.layoutChanged,
                        self._filter.rowsInserted, self.verticalScrollBar().valueChanged):  # fmt: skip
            changed.connect(self.scheduleDelayedItemsLayout)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._open_menu)
        self.selectionModel().selectionChanged.connect(lambda *_: self.selectedRunsChanged.emit())

    def set_filter(self, words: str) -> None:
        """Show only runs whose row contains these words."""
        self._filter.set_words(words)

    def selected_runs(self) -> tuple[RunState, ...]:
        """The selected runs, from top to bottom."""
        rows = sorted(self.selectionModel().selectedRows(), key=QModelIndex.row)
        return tuple(row.data(RUN_ROLE) for row in rows)

    def select_runs(self, folders: Sequence[Path]) -> None:
        """Select these runs and no others; the first becomes the current one."""
        rows = [self._filter.index(row, 0) for row in range(self._filter.rowCount())]
        wanted = [row for row in rows if row.data(RUN_ROLE).folder in folders]
        self.clearSelection()
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        for row in wanted:
            self.selectionModel().select(row, flags)
        if wanted:
            self.selectionModel().setCurrentIndex(wanted[0], QItemSelectionModel.SelectionFlag.NoUpdate)
            self.scrollTo(wanted[0])

    def edit_name(self) -> None:
        """Open the editor of the selected run's name."""
        if rows := self.selectionModel().selectedRows(RunColumn.NAME):
            self.setFocus()
            self.edit(rows[0])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        selected = self.selected_runs()
        if event.key() == Qt.Key.Key_Space and selected:
            shown = selected[0] not in self._model.shown()
            self._model.set_shown([run.folder for run in selected], shown=shown)
        elif event.key() == Qt.Key.Key_F2:
            self.edit_name()
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and selected:
            self.deleteRequested.emit()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()

    def doItemsLayout(self) -> None:
        """Fit the columns, once for all changes since the last layout."""
        super().doItemsLayout()
        self._fit_columns()

    def _fit_columns(self) -> None:
        """Distribute the width over the columns, with at least what the visible rows need for `FULL_WIDTH` columns."""
        narrow, wide = (sum(widths[at] for widths in WIDTHS.values()) for at in (0, 1))
        available = self.viewport().width()
        fraction = min(max((available - narrow) / (wide - narrow), 0.0), 1.0)
        widths = {column: round(least + fraction * (most - least)) for column, (least, most) in WIDTHS.items()}
        for column in FULL_WIDTH:
            widths[column] = max(widths[column], self.sizeHintForColumn(column))
        widths[RunColumn.STATE] += max(0, available - sum(widths.values()))
        for column, width in widths.items():
            if self.columnWidth(column) != width:
                self.setColumnWidth(column, width)

    def _open_menu(self, position: QPoint) -> None:
        if self.indexAt(position).isValid():
            self.menu.popup(self.viewport().mapToGlobal(position))
