"""The table of a layer's channels."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from resnet_studio.gui.widgets.channel_model import ChannelModel, Column
from resnet_studio.gui.widgets.named import named
from resnet_studio.inference.statistics import ChannelStatistics

ROW = 24
WIDTHS = {
    Column.CHANNEL: 42, Column.MEAN: 56, Column.DEVIATION: 54, Column.MAXIMUM: 52, Column.ZEROS: 56, Column.ALIVE: 80,
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
        header.setSortIndicator(Column.CHANNEL, Qt.SortOrder.AscendingOrder)
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
