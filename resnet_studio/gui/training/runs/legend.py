"""The legend of the plots: runs with their colors and values, the latest or those under the mouse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QLabel, QTableView, QVBoxLayout, QWidget

from resnet_studio.analysis.units import DASH
from resnet_studio.formatting import duration, significant
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import cell_alignment, set_names
from resnet_studio.gui.common.labels import tooltip
from resnet_studio.gui.plots.styles import swatch
from resnet_studio.gui.training.run_state import run_color
from resnet_studio.gui.training.runs.curves import MEASURED, Plot, RunLines
from resnet_studio.training.runs.curves import Axis

Index = QModelIndex | QPersistentModelIndex
HEADINGS = ("run", "training", "test")
TIPS = ("", "Running value on each step's batch, smoothed", "Measured on the whole test set")
VALUE, ROW = 76, 22
VALUE_NAMES: dict[Plot, str] = {
    "loss": "loss", "error": "error, %", "rate": "learning rate", "speed": "images per second",
}  # fmt: skip
AXIS_NAMES: dict[Axis, str] = {"step": "step", "epoch": "epoch", "seconds": "time"}


class LegendModel(QAbstractTableModel):
    """A row per run: its name, its smoothed training value and its last measurement."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: tuple[RunLines, ...] = ()
        self._plot: Plot = "loss"
        self._axis: Axis = "step"
        self._weight = 0.0
        self._x: float | None = None

    def show_lines(self, lines: Sequence[RunLines]) -> None:
        """Show these runs."""
        if tuple(lines) == self._lines:
            self.emit_values_changed()
            return
        self.beginResetModel()
        self._lines = tuple(lines)
        self.endResetModel()

    def show_values(self, plot: Plot, axis: Axis, weight: float, x: float | None) -> None:
        """Show the values of a plot's lines at x; at their ends if x is None."""
        self._plot, self._axis, self._weight, self._x = plot, axis, weight, x
        self.emit_values_changed()

    def emit_values_changed(self) -> None:
        """Emit `dataChanged` for all values."""
        if self._lines:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._lines) - 1, 2))

    def lines(self, index: Index) -> RunLines:
        """The run of a row."""
        return self._lines[index.row()]

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._lines)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else 3

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation == Qt.Orientation.Vertical or section > 2:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return cell_alignment(right=section > 0)
        if role == Qt.ItemDataRole.ToolTipRole:
            return TIPS[section] or None
        return HEADINGS[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        run = self.lines(index).run
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return significant_or_dash(self.value(index)) if index.column() else run.name
            case Qt.ItemDataRole.ToolTipRole:
                return tooltip(f"{run.name}: {self.value(index)!r}" if index.column() else run.name)
            case Qt.ItemDataRole.DecorationRole if index.column() == 0:
                return swatch(run_color(run), dashed=run.plain)
            case Qt.ItemDataRole.TextAlignmentRole:
                return cell_alignment(right=index.column() > 0)
            case Qt.ItemDataRole.ForegroundRole if index.column() == 0 and run.curves.state == "failed":
                return QColor(theme.current().bad)
        return None

    def value(self, index: Index) -> float:
        """The value in a cell."""
        lines, test = self.lines(index), index.column() == 2
        if test and self._plot not in MEASURED:
            return math.nan
        x = self._x
        if x is None:
            x = lines.bounds(self._plot, self._axis).last
        return lines.value(self._plot, self._axis, x, self._weight, test=test)


class RunLegend(QWidget):
    """Shows the runs with their values; a click emits `runSelected`."""

    runSelected = Signal(object)
    """Its folder, a `Path`."""

    def __init__(self) -> None:
        super().__init__()
        self._model = LegendModel()
        self._heading = set_names(QLabel(), "legendHeading", "Quantity shown")
        self._heading.setProperty("quiet", True)
        self._table = set_names(QTableView(), "runLegend", "Curves and their values", "")
        table = self._table
        table.setModel(self._model)
        table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        table.setIconSize(QSize(16, 16))
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(VALUE)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            header.resizeSection(column, VALUE)
        table.clicked.connect(lambda index: self.runSelected.emit(self._model.lines(index).run.folder))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._heading)
        layout.addWidget(table, 1)

    def show_lines(self, lines: Sequence[RunLines]) -> None:
        """Show these runs."""
        self._model.show_lines(lines)

    def show_values(self, plot: Plot, axis: Axis, weight: float, x: float | None) -> None:
        """Show the values of a plot's lines at x; at their ends if x is None."""
        position = "" if x is None else f"{AXIS_NAMES[axis]} {x_text(x, axis)}"
        self._heading.setText(f"{VALUE_NAMES[plot]} at {position}" if position else f"{VALUE_NAMES[plot]}, latest")
        self._model.show_values(plot, axis, weight, x)


def significant_or_dash(value: float) -> str:
    """Three significant digits, trailing zeros included; a dash for NaN."""
    if math.isnan(value):
        return DASH
    return f"{value:#.3g}".rstrip(".") if 0.001 <= abs(value) < 999.5 else significant(value)


def x_text(x: float, axis: Axis) -> str:
    """A position on the x axis as text: the last step up to it, an epoch, or a time."""
    if axis == "seconds":
        return duration(x)
    return f"{int(x):,}" if axis == "step" else f"{x:.2f}"
