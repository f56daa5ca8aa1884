"""A sortable table of the statistics of a layer's channels, one channel per row."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from resnet_studio.formatting import about_percent, significant
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import cell_alignment, set_names
from resnet_studio.inference.channel_statistics import ChannelStatistics

Index = QModelIndex | QPersistentModelIndex
MAX_TOTAL_SHOWN = 999
"""Up to this many images the cells also show the total."""


class ChannelColumn(IntEnum):
    """The table's columns, from left to right."""

    CHANNEL = 0
    MEAN = 1
    STD = 2
    MAXIMUM = 3
    ZEROS = 4
    ACTIVE = 5


HEADINGS = ("channel", "mean", "std", "max", "zeros", "active in")
SHORT_HEADINGS = ("no.", "mean", "std", "max", "zeros", "active in")
"""Headings of a narrow table."""
TIPS = (
    "Channel index, from 0; click to enlarge the channel",
    "Mean of all values",
    "Standard deviation of all values",
    "Maximum value",
    "Fraction of values that are exactly zero",
    "Number of images in which the channel has a nonzero value",
)


class ChannelModel(QAbstractTableModel):
    """Statistics come as arrays per column, so that 2,048 channels are sorted and updated at once."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers: ChannelStatistics | None = None
        self._evidence: ChannelStatistics | None = None
        self._inactive: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._inactive_text = ""
        self._order: NDArray[np.intp] = np.zeros(0, np.intp)
        self._sorted = int(ChannelColumn.CHANNEL), Qt.SortOrder.AscendingOrder
        self._headings = HEADINGS

    def show_channels(
        self, numbers: ChannelStatistics, evidence: ChannelStatistics, *, after_relu: bool, preview: bool = False
    ) -> None:
        """Show `numbers`, and from `evidence` in how many images a channel was active; a preview keeps the order."""
        resized = len(self._order) != numbers.channels
        if resized:
            self.beginResetModel()
        self._numbers, self._evidence = numbers, evidence
        self._inactive = evidence.inactive(after_relu=after_relu)
        self._inactive_text = "dead" if after_relu else "constant"
        if resized:
            self._order = self._sorted_channels()
            self.endResetModel()
            return
        if not preview:
            self._update_order()
        self.dataChanged.emit(self.index(0, 0), self.index(len(self._order) - 1, len(ChannelColumn) - 1))

    def set_short_headings(self, *, short: bool) -> bool:
        """Use short or long headings; return whether that changed them."""
        headings = SHORT_HEADINGS if short else HEADINGS
        if headings == self._headings:
            return False
        self._headings = headings
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(ChannelColumn) - 1)
        return True

    def clear(self) -> None:
        """Show nothing."""
        self.beginResetModel()
        self._numbers = self._evidence = None
        self._order = np.zeros(0, np.intp)
        self.endResetModel()

    def channel(self, row: int) -> int:
        """The channel in a row."""
        return int(self._order[row])

    def row(self, channel: int) -> int:
        """The row of a channel; −1 if there is no such channel."""
        return next(iter(np.flatnonzero(self._order == channel).tolist()), -1)

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._order)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(ChannelColumn)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation != Qt.Orientation.Horizontal or section >= len(HEADINGS):
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                column, order = self._sorted
                arrow = "▴ " if order == Qt.SortOrder.AscendingOrder else "▾ "
                return f"{arrow if section == column else ''}{self._headings[section]}"
            case Qt.ItemDataRole.ToolTipRole:
                return TIPS[section]
        return cell_alignment(right=True) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or self._numbers is None or self._evidence is None:
            return None
        channel, column = self.channel(index.row()), ChannelColumn(index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(channel, column)
            case Qt.ItemDataRole.ToolTipRole:
                return self._tooltip(channel, column)
            case Qt.ItemDataRole.TextAlignmentRole:
                return cell_alignment(right=True)
            case Qt.ItemDataRole.ForegroundRole if self._inactive[channel]:
                palette = theme.current()
                return QColor(palette.warning if column == ChannelColumn.ACTIVE else palette.muted)
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sorted = column, order
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(ChannelColumn) - 1)
        self._update_order()

    def _update_order(self) -> None:
        """Sort again; the selected channel stays selected in its new row."""
        order = self._sorted_channels()
        if (order == self._order).all():
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        channels = [self.channel(index.row()) for index in before]
        self._order = order
        after = [self.index(self.row(channel), index.column()) for index, channel in zip(before, channels, strict=True)]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _sorted_channels(self) -> NDArray[np.intp]:
        column, order = self._sorted
        if self._numbers is None or self._evidence is None:
            return np.zeros(0, np.intp)
        keys = _column_values(self._numbers, self._evidence, ChannelColumn(max(column, 0)))
        return np.argsort(-keys if order == Qt.SortOrder.DescendingOrder else keys, kind="stable")

    def _text(self, channel: int, column: ChannelColumn) -> str:
        assert self._numbers is not None
        assert self._evidence is not None
        match column:
            case ChannelColumn.CHANNEL:
                return str(channel)
            case ChannelColumn.ZEROS:
                return about_percent(self._numbers.zeros[channel])
            case ChannelColumn.ACTIVE:
                return self._inactive_text if self._inactive[channel] else self._active_text(channel, MAX_TOTAL_SHOWN)
        return significant(float(_column_values(self._numbers, self._evidence, column)[channel]))

    def _active_text(self, channel: int, max_total: int | None = None) -> str:
        """In how many images a channel is active, and of how many if those are at most `max_total`."""
        assert self._evidence is not None
        active, images = int(self._evidence.active_images[channel]), self._evidence.images
        return f"{active:,} of {images:,}" if max_total is None or images <= max_total else f"{active:,}"

    def _tooltip(self, channel: int, column: ChannelColumn) -> str:
        if column == ChannelColumn.CHANNEL:
            return TIPS[column]
        if column == ChannelColumn.ACTIVE:
            return f"nonzero values in {self._active_text(channel)} images"
        assert self._numbers is not None
        assert self._evidence is not None
        return repr(float(_column_values(self._numbers, self._evidence, column)[channel]))


def _column_values(numbers: ChannelStatistics, evidence: ChannelStatistics, column: ChannelColumn) -> NDArray[Any]:
    """The values of a column for all channels, by which it is sorted."""
    match column:
        case ChannelColumn.MEAN:
            return numbers.mean
        case ChannelColumn.STD:
            return numbers.std
        case ChannelColumn.MAXIMUM:
            return numbers.maximum
        case ChannelColumn.ZEROS:
            return numbers.zeros
        case ChannelColumn.ACTIVE:
            return evidence.active_images
    return np.arange(numbers.channels)


ROW_HEIGHT = 24
WIDTHS = {
    ChannelColumn.CHANNEL: 42, ChannelColumn.MEAN: 56, ChannelColumn.STD: 54, ChannelColumn.MAXIMUM: 52,
    ChannelColumn.ZEROS: 56, ChannelColumn.ACTIVE: 80,
}  # fmt: skip
"""Shares of the width; no column becomes narrower than the widest text that it has shown."""
SHORT_HEADINGS_WIDTH, PADDING = 480, 14


class ChannelTable(QTableView):
    """Emits `channelSelected` for the row that the user clicks or reaches with the arrow keys."""

    channelSelected = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "channelTable", "Channels", "Click a heading to sort or a channel to enlarge it; ↑ and ↓ move")
        self._model = ChannelModel()
        self._needed_widths = dict.fromkeys(WIDTHS, 0)
        self.setModel(self._model)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        # a bar that comes and goes would change the columns' widths
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(ROW_HEIGHT)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSortIndicator(ChannelColumn.CHANNEL, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        self.verticalScrollBar().valueChanged.connect(self._fit_columns)
        self._model.layoutChanged.connect(self._fit_columns)
        header.sortIndicatorChanged.connect(self._fit_columns)
        self.selectionModel().currentRowChanged.connect(self._on_row_changed)

    def show_channels(
        self, numbers: ChannelStatistics, evidence: ChannelStatistics, *, after_relu: bool, preview: bool = False
    ) -> None:
        """Show `numbers`, and from `evidence` in how many images a channel was active; a preview keeps the order."""
        with QSignalBlocker(self.selectionModel()):
            self._model.show_channels(numbers, evidence, after_relu=after_relu, preview=preview)
        self._fit_columns()

    def clear(self) -> None:
        """Show nothing."""
        with QSignalBlocker(self.selectionModel()):
            self._model.clear()
        self._needed_widths = dict.fromkeys(WIDTHS, 0)

    def show_channel(self, channel: int) -> None:
        """Select a channel's row without emitting."""
        row = self._model.row(channel)
        if row >= 0 and row != self.currentIndex().row():
            with QSignalBlocker(self.selectionModel()):
                self.selectRow(row)
            self.viewport().update()  # the view missed the blocked signal

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)  # type: ignore[arg-type]
        if self._model.set_short_headings(short=self.viewport().width() < SHORT_HEADINGS_WIDTH):
            self._needed_widths = dict.fromkeys(WIDTHS, 0)
        self._fit_columns()

    def _fit_columns(self, *_: object) -> None:
        """Share the width among the columns; the table becomes wider than the view if the visible texts need more."""
        available, shares = self.viewport().width(), sum(WIDTHS.values())
        header, metrics = self.horizontalHeader(), self.fontMetrics()
        last = self.rowAt(self.viewport().height() - 1)
        rows = range(max(self.rowAt(0), 0), (last if last >= 0 else self._model.rowCount() - 1) + 1)
        for column, share in WIDTHS.items():
            texts = [str(self._model.index(row, column).data()) for row in rows]
            heading = self._model.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.DisplayRole)
            needed = max(map(metrics.horizontalAdvance, (str(heading), *texts))) + PADDING
            self._needed_widths[column] = max(self._needed_widths[column], needed)
            self.setColumnWidth(column, max(available * share // shares, self._needed_widths[column]))
        if sum(self._needed_widths.values()) <= available < header.length():
            for column, needed in self._needed_widths.items():
                self.setColumnWidth(column, needed)

    def _on_row_changed(self, index: QModelIndex) -> None:
        if index.isValid():
            self.channelSelected.emit(self._model.channel(index.row()))
