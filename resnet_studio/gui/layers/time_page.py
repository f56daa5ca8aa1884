"""The page that puts each part's share of the FLOPs beside its share of the measured time."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Any, cast

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QLabel, QStackedLayout, QTableView, QWidget

from resnet_studio.analysis import units
from resnet_studio.analysis.measurement import Measurement
from resnet_studio.analysis.time_shares import GROUPINGS, Grouping, TimeShare, measured_line, summary, time_shares
from resnet_studio.analysis.units import FlopUnit
from resnet_studio.formatting import MINUS, percent, short_time
from resnet_studio.gui.common.helpers import cell_alignment, empty_label, set_names, vbox
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.common.table_export import model_text
from resnet_studio.gui.layers.bars import ShareDelegate
from resnet_studio.gui.layers.model import SHARE_ROLE, STAGE_ROLE
from resnet_studio.networks.presets import title

Index = QModelIndex | QPersistentModelIndex
NEXT = "Click Measure to time every layer on the current device. The layers appear here in the order in which their\n"
NEXT += "shares of the FLOPs and of the time disagree."
UNTIMED = "The layers of this network can't be timed one by one."
ROW = 26
TIPS: dict[str, str] = {
    "kind": "Convolutions, batch norms, ReLUs, …", "stage": "The rows of the paper's Table 1", "block": "Each block",
    "layer": "Each layer",
}  # fmt: skip


class TimeColumn(IntEnum):
    """The page's columns, from left to right."""

    NAME = 0
    FLOPS = 1
    TIME = 2
    RATE = 3
    FLOPS_SHARE = 4
    TIME_SHARE = 5
    DIFFERENCE = 6


TITLES = ("part", "FLOPs", "time", "FLOPs/s", "share of FLOPs", "share of time", "difference")
RIGHT = {TimeColumn.FLOPS, TimeColumn.TIME, TimeColumn.RATE, TimeColumn.DIFFERENCE}
HEADER_TIPS = {
    TimeColumn.RATE: "FLOPs a second that the device reaches",
    TimeColumn.TIME_SHARE: "Of the time of all layers that were timed",
    TimeColumn.DIFFERENCE: "Share of the time less share of the FLOPs, in percentage points",
}


class TimeModel(QAbstractTableModel):
    """Read-only: the parts of a measured network, those first that disagree most."""

    def __init__(self) -> None:
        super().__init__()
        self._shares: tuple[TimeShare, ...] = ()
        self._longest = 1.0
        self.unit: FlopUnit = "flops"

    def set_shares(self, shares: tuple[TimeShare, ...]) -> None:
        """Set the parts."""
        self.beginResetModel()
        self._shares = shares
        self._longest = max((max(share.macs_share, share.time_share) for share in shares), default=1.0) or 1.0
        self.endResetModel()

    def part(self, row: int) -> str:
        """The name of the part in a row."""
        return self._shares[row].name

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._shares)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(TimeColumn)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation != Qt.Orientation.Horizontal or section >= len(TimeColumn):
            return None
        column = TimeColumn(section)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return units.NAMES[self.unit] if column == TimeColumn.FLOPS else TITLES[column]
            case Qt.ItemDataRole.TextAlignmentRole:
                return cell_alignment(right=column in RIGHT)
            case Qt.ItemDataRole.ToolTipRole:
                return HEADER_TIPS.get(column)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        share, column = self._shares[index.row()], TimeColumn(index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(share, column)
            case Qt.ItemDataRole.ToolTipRole:
                return f"{percent(share.macs_share)} of the FLOPs, {percent(share.time_share)} of the time"
            case Qt.ItemDataRole.TextAlignmentRole:
                return cell_alignment(right=column in RIGHT)
        if role == STAGE_ROLE:
            return share.stage
        shares = {TimeColumn.FLOPS_SHARE: share.macs_share, TimeColumn.TIME_SHARE: share.time_share}
        if role == SHARE_ROLE and column in shares:
            share_text = percent(shares[column]) if shares[column] else units.DASH
            return share_text, shares[column] / self._longest
        return None

    def _text(self, share: TimeShare, column: TimeColumn) -> str:
        match column:
            case TimeColumn.NAME:
                return share.name
            case TimeColumn.FLOPS:
                return units.short(units.in_unit(share.macs, self.unit)) if share.macs else units.DASH
            case TimeColumn.TIME:
                return short_time(share.seconds)
            case TimeColumn.RATE:
                rate = units.in_unit(round(share.macs_per_second), self.unit)
                return f"{units.short(rate)}/s" if rate else units.DASH
            case TimeColumn.DIFFERENCE:
                points = round(100 * share.difference, 1)
                return f"{'+' if points > 0 else MINUS if points < 0 else ''}{abs(points):.1f} pp"
        return ""


class TimePage(QWidget):
    """Emits the part that is current."""

    partSelected = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._measurement: Measurement | None = None
        self._model = TimeModel()
        self._grouping = SegmentedControl(
            {str(name): f"by {name}" for name in GROUPINGS}, "timeGrouping", "Group layers", TIPS
        )
        self._grouping.valueSelected.connect(self._refresh)
        self._summary = set_names(QLabel(wordWrap=True), "timeSummary", "Where FLOPs and time disagree")
        self._empty = empty_label("timeEmpty", NEXT)
        self._table = self._make_table()
        top = QWidget()
        row = QHBoxLayout(top)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._summary, 1)
        row.addWidget(self._grouping, 0, Qt.AlignmentFlag.AlignTop)
        page = vbox((top, 0), (self._table, 1), margin=0)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(page)

    def show_measurement(self, measurement: Measurement | None) -> None:
        """Show where a network's time goes; None if it has not been measured."""
        self._measurement = measurement
        self._empty.setText(UNTIMED if measurement and not measurement.layers else NEXT)
        self._refresh()

    def text(self, how: str) -> str:
        """The table as text in a format; empty while there is none. JSON is the measurement itself."""
        if self._measurement is None:
            return ""
        if how == "json":
            return json.dumps(self._measurement.to_json(), indent=1, ensure_ascii=False) + "\n"
        name = f"{title(self._measurement.spec.architecture)}: shares of FLOPs and of time"
        return model_text(self._model, name, how, measured_line(self._measurement))

    def set_unit(self, unit: FlopUnit) -> None:
        """Set the unit of the FLOPs."""
        self._model.unit = unit
        self._model.headerDataChanged.emit(Qt.Orientation.Horizontal, TimeColumn.FLOPS, TimeColumn.FLOPS)
        self._refresh()

    def _make_table(self) -> QTableView:
        table = set_names(QTableView(), "timeTable", "Shares of FLOPs and of time")
        table.setModel(self._model)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setResizeContentsPrecision(0)  # of a column's rows only those that are visible
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        for column in (TimeColumn.FLOPS_SHARE, TimeColumn.TIME_SHARE):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
            table.setItemDelegateForColumn(column, ShareDelegate(table))
        table.selectionModel().currentRowChanged.connect(self._on_current_changed)
        return table

    def _refresh(self) -> None:
        given = self._measurement
        if given is None or not given.layers:
            self._model.set_shares(())
            self._pages.setCurrentIndex(0)
            return
        self._model.set_shares(time_shares(given, cast("Grouping", self._grouping.value())))
        self._summary.setText(f"{summary(given)}.")
        self._pages.setCurrentIndex(1)

    def _on_current_changed(self, index: QModelIndex) -> None:
        if index.isValid():
            self.partSelected.emit(self._model.part(index.row()))
