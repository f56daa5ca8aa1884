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
"""Shares of the width; in pixels where the table is as narrow as the window lets it be."""
NARROW = 480


class ChannelTable(QTableView):
    """Emits `channel_chosen` for the row that the user clicks or walks to."""

    channel_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        named(self, "channelTable", "Channels", "Click a heading to sort, a channel to see it large; ↑ and ↓ walk")
        self._channels = ChannelModel()
        self.setModel(self._channels)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
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
        self.selectionModel().currentRowChanged.connect(self._tell)

    def show_channels(
        self, numbers: ChannelStatistics, evidence: ChannelStatistics, *, rectified: bool, brief: bool = False
    ) -> None:
        """Show numbers, and from the evidence in how many images a channel was alive. `brief` ones leave the order."""
        with QSignalBlocker(self.selectionModel()):
            self._channels.show_channels(numbers, evidence, rectified=rectified, brief=brief)

    def clear(self) -> None:
        """Show nothing."""
        with QSignalBlocker(self.selectionModel()):
            self._channels.clear()

    def show_chosen(self, channel: int) -> None:
        """Choose a channel's row, without emitting."""
        row = self._channels.row(channel)
        if row >= 0 and row != self.currentIndex().row():
            with QSignalBlocker(self.selectionModel()):
                self.selectRow(row)
            self.viewport().update()  # the blocked selection can't tell it what to paint

    def resizeEvent(self, event: object) -> None:  # noqa: N802  (Qt's name)
        super().resizeEvent(event)  # type: ignore[arg-type]
        room, shares = self.viewport().width(), sum(WIDTHS.values())
        self._channels.shorten(short=room < NARROW)
        for column, share in WIDTHS.items():
            self.setColumnWidth(column, room * share // shares)

    def _tell(self, index: QModelIndex) -> None:
        if index.isValid():
            self.channel_chosen.emit(self._channels.channel(index.row()))
