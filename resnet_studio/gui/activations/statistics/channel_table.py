"""The channels of a layer as an item model: one a row, sorted by any column."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from resnet_studio.formatting import percent, significant
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import named
from resnet_studio.inference.channel_statistics import ChannelStatistics

Index = QModelIndex | QPersistentModelIndex
MOST_NAMED = 999
"""Images whose number has room in every line."""


class ChannelColumn(IntEnum):
    """The table's columns, from left to right."""

    CHANNEL = 0
    MEAN = 1
    DEVIATION = 2
    MAXIMUM = 3
    ZEROS = 4
    ALIVE = 5


HEADINGS = ("channel", "mean", "deviation", "maximum", "zeros", "alive in")
SHORT = ("no.", "mean", "dev.", "max", "zeros", "alive in")
"""For a narrow table."""
TIPS = (
    "Number of the channel, from 0; a click shows it large",
    "Mean of all values",
    "Standard deviation of all values",
    "Greatest value",
    "Share of values that are exactly zero",
    "In how many of the images a value other than zero was among them",
)


class ChannelModel(QAbstractTableModel):
    """Numbers come in whole columns, so that 2,048 channels are sorted and told at once."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers: ChannelStatistics | None = None
        self._evidence: ChannelStatistics | None = None
        self._silent: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._word = ""
        self._order: NDArray[np.intp] = np.zeros(0, np.intp)
        self._sorted = int(ChannelColumn.CHANNEL), Qt.SortOrder.AscendingOrder
        self._headings = HEADINGS

    def show_channels(
        self, numbers: ChannelStatistics, evidence: ChannelStatistics, *, rectified: bool, brief: bool = False
    ) -> None:
        """Show numbers, and from the evidence in how many images a channel was alive. `brief` ones leave the order."""
        other = len(self._order) != numbers.channels
        if other:
            self.beginResetModel()
        self._numbers, self._evidence = numbers, evidence
        self._silent, self._word = evidence.silent(rectified=rectified), "dead" if rectified else "constant"
        if other:
            self._order = self._sorted_channels()
            self.endResetModel()
            return
        if not brief:
            self._arrange()
        self.dataChanged.emit(self.index(0, 0), self.index(len(self._order) - 1, len(ChannelColumn) - 1))

    def shorten(self, *, short: bool) -> bool:
        """Have long or short headings; whether they are others now."""
        wanted = SHORT if short else HEADINGS
        if wanted == self._headings:
            return False
        self._headings = wanted
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(ChannelColumn) - 1)
        return True

    def clear(self) -> None:
        """Show nothing."""
        self.beginResetModel()
        self._numbers = self._evidence = None
        self._order = np.zeros(0, np.intp)
        self.endResetModel()

    def channel(self, row: int) -> int:
        """The channel of a row."""
        return int(self._order[row])

    def row(self, channel: int) -> int:
        """The row of a channel; −1 where there is none of that number."""
        return next(iter(np.flatnonzero(self._order == channel).tolist()), -1)

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802  (Qt's names)
        return 0 if parent is not None and parent.isValid() else len(self._order)

    def columnCount(self, parent: Index | None = None) -> int:  # noqa: N802
        return 0 if parent is not None and parent.isValid() else len(ChannelColumn)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        if orientation != Qt.Orientation.Horizontal or section >= len(HEADINGS):
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                column, order = self._sorted
                mark = "▴ " if order == Qt.SortOrder.AscendingOrder else "▾ "
                return f"{mark if section == column else ''}{self._headings[section]}"
            case Qt.ItemDataRole.ToolTipRole:
                return TIPS[section]
        return _RIGHT if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or self._numbers is None or self._evidence is None:
            return None
        channel, column = self.channel(index.row()), ChannelColumn(index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(channel, column)
            case Qt.ItemDataRole.ToolTipRole:
                return self._exact(channel, column)
            case Qt.ItemDataRole.TextAlignmentRole:
                return _RIGHT
            case Qt.ItemDataRole.ForegroundRole if self._silent[channel]:
                colours = theme.current()
                return QColor(colours.warning if column == ChannelColumn.ALIVE else colours.muted)
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sorted = column, order
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(ChannelColumn) - 1)
        self._arrange()

    def _arrange(self) -> None:
        """Sort again; what is chosen stays chosen, wherever its row goes."""
        order = self._sorted_channels()
        if (order == self._order).all():
            return
        self.layoutAboutToBeChanged.emit()
        before, channels = self.persistentIndexList(), [self.channel(at.row()) for at in self.persistentIndexList()]
        self._order = order
        after = [self.index(self.row(channel), at.column()) for at, channel in zip(before, channels, strict=True)]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _sorted_channels(self) -> NDArray[np.intp]:
        column, order = self._sorted
        if self._numbers is None or self._evidence is None:
            return np.zeros(0, np.intp)
        keys = _amounts(self._numbers, self._evidence, ChannelColumn(max(column, 0)))
        return np.argsort(-keys if order == Qt.SortOrder.DescendingOrder else keys, kind="stable")

    def _text(self, channel: int, column: ChannelColumn) -> str:
        assert self._numbers is not None
        assert self._evidence is not None
        match column:
            case ChannelColumn.CHANNEL:
                return str(channel)
            case ChannelColumn.ZEROS:
                return percent(self._numbers.zeros[channel], 2)
            case ChannelColumn.ALIVE:
                return self._word if self._silent[channel] else self._alive(channel, MOST_NAMED)
        return significant(float(_amounts(self._numbers, self._evidence, column)[channel]))

    def _alive(self, channel: int, most: int | None = None) -> str:
        """In how many images a channel is alive, and of how many where those are at most `most`."""
        assert self._evidence is not None
        alive, images = int(self._evidence.alive[channel]), self._evidence.images
        return f"{alive:,} of {images:,}" if most is None or images <= most else f"{alive:,}"

    def _exact(self, channel: int, column: ChannelColumn) -> str:
        if column == ChannelColumn.CHANNEL:
            return TIPS[column]
        if column == ChannelColumn.ALIVE:
            return f"{self._alive(channel)} images have a value other than zero"
        assert self._numbers is not None
        assert self._evidence is not None
        return repr(float(_amounts(self._numbers, self._evidence, column)[channel]))


def _amounts(numbers: ChannelStatistics, evidence: ChannelStatistics, column: ChannelColumn) -> NDArray[Any]:
    """What a column is sorted by."""
    match column:
        case ChannelColumn.MEAN:
            return numbers.mean
        case ChannelColumn.DEVIATION:
            return numbers.deviation
        case ChannelColumn.MAXIMUM:
            return numbers.greatest
        case ChannelColumn.ZEROS:
            return numbers.zeros
        case ChannelColumn.ALIVE:
            return evidence.alive
    return np.arange(numbers.channels)


_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


ROW = 24
WIDTHS = {
    ChannelColumn.CHANNEL: 42, ChannelColumn.MEAN: 56, ChannelColumn.DEVIATION: 54, ChannelColumn.MAXIMUM: 52,
    ChannelColumn.ZEROS: 56, ChannelColumn.ALIVE: 80,
}  # fmt: skip
"""Shares of the width; no column is narrower than the numbers that have been in it."""
NARROW, PADDING = 480, 14


class ChannelTable(QTableView):
    """Emits `channel_chosen` for the row that the user clicks or walks to."""

    channel_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        named(self, "channelTable", "Channels", "Click a heading to sort, a channel to see it large; ↑ and ↓ walk")
        self._channels = ChannelModel()
        self._needed = dict.fromkeys(WIDTHS, 0)
        self.setModel(self._channels)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)  # so that columns keep their widths
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(ROW)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSortIndicator(ChannelColumn.CHANNEL, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        self.verticalScrollBar().valueChanged.connect(self._widen)
        self._channels.layoutChanged.connect(self._widen)
        header.sortIndicatorChanged.connect(self._widen)
        self.selectionModel().currentRowChanged.connect(self._tell)

    def show_channels(
        self, numbers: ChannelStatistics, evidence: ChannelStatistics, *, rectified: bool, brief: bool = False
    ) -> None:
        """Show numbers, and from the evidence in how many images a channel was alive. `brief` ones leave the order."""
        with QSignalBlocker(self.selectionModel()):
            self._channels.show_channels(numbers, evidence, rectified=rectified, brief=brief)
        self._widen()

    def clear(self) -> None:
        """Show nothing."""
        with QSignalBlocker(self.selectionModel()):
            self._channels.clear()
        self._needed = dict.fromkeys(WIDTHS, 0)

    def show_chosen(self, channel: int) -> None:
        """Choose a channel's row, without emitting."""
        row = self._channels.row(channel)
        if row >= 0 and row != self.currentIndex().row():
            with QSignalBlocker(self.selectionModel()):
                self.selectRow(row)
            self.viewport().update()  # the blocked selection can't tell it what to paint

    def resizeEvent(self, event: object) -> None:  # noqa: N802  (Qt's name)
        super().resizeEvent(event)  # type: ignore[arg-type]
        if self._channels.shorten(short=self.viewport().width() < NARROW):
            self._needed = dict.fromkeys(WIDTHS, 0)
        self._widen()

    def _widen(self, *_: object) -> None:
        """Share out the width, and more than there is where the numbers on the screen need more."""
        room, shares = self.viewport().width(), sum(WIDTHS.values())
        header, metrics = self.horizontalHeader(), self.fontMetrics()
        last = self.rowAt(self.viewport().height() - 1)
        rows = range(max(self.rowAt(0), 0), (last if last >= 0 else self._channels.rowCount() - 1) + 1)
        for column, share in WIDTHS.items():
            texts = [str(self._channels.index(row, column).data()) for row in rows]
            heading = self._channels.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.DisplayRole)
            needed = max(map(metrics.horizontalAdvance, (str(heading), *texts))) + PADDING
            self._needed[column] = max(self._needed[column], needed)
            self.setColumnWidth(column, max(room * share // shares, self._needed[column]))
        if sum(self._needed.values()) <= room < header.length():
            for column, needed in self._needed.items():
                self.setColumnWidth(column, needed)

    def _tell(self, index: QModelIndex) -> None:
        if index.isValid():
            self.channel_chosen.emit(self._channels.channel(index.row()))
