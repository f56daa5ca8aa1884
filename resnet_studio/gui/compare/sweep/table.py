"""The table of candidates."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from resnet_studio.analysis.sweep import Candidate
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.compare.sweep.model import CANDIDATE_ROLE, SweepModel

ROW, PADDING, ARROW = 26, 24, 10
"""Pixels: height of a row, space around a text, and for the arrow of the sorted column."""


class CandidateTable(QTableView):
    """Sortable, with multiple selection; emits `architectureSelected` on a double click and on Enter."""

    architectureSelected = Signal(object)
    selectionChangedByUser = Signal()

    def __init__(self, model: SweepModel) -> None:
        super().__init__()
        set_names(
            self, "sweepTable", "Candidates", "Double-click or press Enter to use a network; click a heading to sort"
        )
        self._model = model
        self.setModel(model)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(ROW)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setSortIndicatorClearable(True)
        self.setSortingEnabled(True)
        self.doubleClicked.connect(
            lambda index: self.architectureSelected.emit(index.data(CANDIDATE_ROLE).architecture)
        )
        self.selectionModel().selectionChanged.connect(lambda *_: self.selectionChangedByUser.emit())
        model.modelReset.connect(self._on_reset)

    def selected(self) -> tuple[Candidate, ...]:
        """The selected candidates, from top to bottom."""
        rows = sorted(self.selectionModel().selectedRows(), key=QModelIndex.row)
        return tuple(index.data(CANDIDATE_ROLE) for index in rows)

    def select(self, candidates: tuple[Candidate, ...]) -> None:
        """Select equal networks, as far as they are shown."""
        self.clearSelection()
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        for candidate in candidates:
            if (row := self._model.row_of(candidate)) >= 0:
                self.selectionModel().select(self._model.index(row, 0), flags)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.architectureSelected.emit(self.currentIndex().data(CANDIDATE_ROLE).architecture)
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit_columns()

    def fit_columns(self) -> None:
        """Give each column what its widest text needs, and share the rest; the table scrolls if that is too much.

        What is blank for all networks shown, such as what exceeds the budget on the front, has no column.
        """
        columns = range(self._model.columnCount())
        needed = {column: self._needed(column) for column in columns if not self._model.is_blank(column)}
        spare = max(0, self.viewport().width() - sum(needed.values()))
        for column in columns:
            self.setColumnHidden(column, column not in needed)
            if column in needed:
                self.setColumnWidth(column, needed[column] + spare // len(needed))

    def _on_reset(self) -> None:
        """Fit the columns, and mark the one that the rows are sorted by, which may have another place now."""
        header = self.horizontalHeader()
        with QSignalBlocker(header):
            header.setSortIndicator(*self._model.sorted_by)
        self.fit_columns()

    def _needed(self, column: int) -> int:
        bold = QFont(self.font())
        bold.setBold(True)
        metrics = QFontMetrics(bold if self._model.columns[column].key == "front" else self.font())
        texts = map(metrics.horizontalAdvance, self._model.widest(column))
        heading = self.horizontalHeader().fontMetrics().horizontalAdvance(self._model.columns[column].title)
        return max(heading + ARROW, *texts, 0) + PADDING
