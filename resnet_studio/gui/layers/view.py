"""The Layers workspace: the layer table, its caveats, the cost by stage, and measured times."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.analysis import units
from resnet_studio.analysis.measurement import Measurement
from resnet_studio.analysis.table import LayerTable
from resnet_studio.analysis.time_shares import measured_line
from resnet_studio.analysis.units import FlopUnit
from resnet_studio.export.layer_tables import LayerTableFormat, layer_table_text
from resnet_studio.gui import theme
from resnet_studio.gui.common.button_feedback import reserve_width
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.common.layouts import FlowLayout
from resnet_studio.gui.common.search_field import SearchField
from resnet_studio.gui.common.table_export import TableExportButton
from resnet_studio.gui.layers.bars import StageBar
from resnet_studio.gui.layers.table import LayerTableView
from resnet_studio.gui.layers.time_page import TimePage
from resnet_studio.gui.theme import GRID

SEARCH_WIDTH = 200
TABLE, TIMES, SUMMARY = range(3)
"""The pages."""
MEASURE, MEASURING = "Measure", "Measuring…"


class LayersView(QWidget):
    """Shows a layer table; emits the selected layer, and requests for torchinfo's summary and for measured times."""

    layerSelected = Signal(str)
    summaryRequested = Signal()
    measurementRequested = Signal()
    flopUnitSelected = Signal(str)
    hiddenColumnsChanged = Signal(object)
    saveRequested = Signal(object, object)
    """The path of a table's file, and the function that writes it."""

    def __init__(self) -> None:
        super().__init__()
        self._table: LayerTable | None = None
        self._measurement: Measurement | None = None
        self._matches: list[str] = []
        self._not_counted = ""
        self._rows = LayerTableView()
        self._rows.layerSelected.connect(self._on_layer_selected)
        self._rows.hiddenColumnsChanged.connect(self.hiddenColumnsChanged)
        self._times = TimePage()
        self._times.partSelected.connect(self._on_part_selected)
        self._summary = set_names(QPlainTextEdit(readOnly=True), "summary", "torchinfo's summary")
        self._summary.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._summary.setFont(theme.mono_font())
        self._pages = QStackedWidget()
        for page in (self._rows, self._times, self._summary):
            self._pages.addWidget(page)
        self._caveat = set_names(QLabel(wordWrap=True), "uncounted", "Not counted")
        self._measured = set_names(QLabel(wordWrap=True), "measured", "Measured time")
        for label in (self._caveat, self._measured):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._measured.hide()
        self._bar = StageBar()
        self._bar.stageSelected.connect(self.show_layer)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        layout.addLayout(self._make_tools())
        layout.addWidget(self._pages, 1)
        layout.addWidget(self._caveat)
        layout.addWidget(self._measured)
        layout.addWidget(self._bar)

    def show_table(self, table: LayerTable) -> None:
        """Show a table. Expanded rows and the current one are kept where the names are the same."""
        fresh = self._table is None or table.architecture != self._table.architecture
        self._table, self._not_counted = table, ""
        self._rows.show_table(table)
        if fresh:
            self.show_measurement(None)
            self._find_matches()
        self._caveat.setText(caveat(table, self._flop_unit()))
        self._bar.show_table(table)
        if fresh and self._pages.currentIndex() == SUMMARY:
            self.summaryRequested.emit()

    def show_measurement(self, measurement: Measurement | None) -> None:
        """Show the measured times of the table's network; None if it has not been measured."""
        if measurement is self._measurement:
            return
        self._measurement = measurement
        self._rows.show_measurement(measurement)
        self._times.show_measurement(measurement)
        self._measured.setText(measured_line(measurement) if measurement else "")
        self._measured.setVisible(measurement is not None)

    def show_measuring(self, measuring: bool) -> None:
        """Show whether times are being measured."""
        self._measure.setText(MEASURING if measuring else MEASURE)
        self._measure.setEnabled(not measuring)

    def set_flop_unit(self, unit: FlopUnit) -> None:
        """Set the unit of the FLOPs."""
        self._unit.set_value(unit)
        self._times.set_unit(unit)
        self._show_counting()
        if self._table is not None and not self._not_counted:
            self._caveat.setText(caveat(self._table, unit))

    def set_hidden_columns(self, keys: list[str]) -> None:
        """Hide the columns with these keys."""
        self._rows.set_hidden_columns(keys)

    def show_summary(self, summary: str) -> None:
        """Show torchinfo's text."""
        self._summary.setPlainText(summary)

    def show_not_counted(self, reason: str) -> None:
        """Show why fvcore can't count this architecture; no effect if empty."""
        self._not_counted = reason
        if reason:
            self._caveat.setText(f"analytic count; fvcore can't count this network: {reason}")

    def show_layer(self, name: str) -> None:
        """Expand the table at a stage, block or layer, and make it current."""
        self._show_page(TABLE)
        self._rows.show_layer(name)

    def select_layer(self, name: str) -> None:
        """Make a block or a layer current; no effect if the network lacks it."""
        self._rows.select_layer(name)

    def start_search(self) -> None:
        """Focus the search for layers."""
        self._show_page(TABLE)
        self._search.start()

    def command_line(self) -> tuple[str, ...]:
        """The command and the options that print what is shown, without the network."""
        unit = () if self._unit.value() == "flops" else ("--unit", self._unit.value())
        commands = {TABLE: ("table", *unit), TIMES: ("measure", "--layers", *unit), SUMMARY: ("table", "--summary")}
        return commands[self._pages.currentIndex()]

    def _make_tools(self) -> FlowLayout:
        self._search = SearchField("findLayer", "Find layer", "Part of a layer's name")
        self._search.setFixedWidth(SEARCH_WIDTH)
        self._search.searched.connect(self._on_searched)
        self._search.stepRequested.connect(self._on_step_requested)
        labels = {str(unit): label for unit, label in units.LABELS.items()}
        tips: dict[str, str] = {
            unit: f"{label}: {units.MEANINGS[unit]}, in the whole window" for unit, label in units.LABELS.items()
        }
        self._unit = SegmentedControl(labels, "unitSwitch", "Unit", tips)
        self._unit.valueSelected.connect(self._on_unit_selected)
        tip = "Convolutions and linear layers, as in the paper,\n"
        tip += "or everything fvcore counts, including batch norm and average pooling"
        self._count = set_names(QComboBox(), "countChoice", "Counted layers", tip)
        self._count.addItems(["conv + fc", "all (fvcore)"])
        self._count.activated.connect(self._show_counting)
        tip = "Time every layer on the current device, batch 1. It takes some seconds"
        self._measure = set_names(QPushButton(MEASURE), "measure", "Measure times", tip)
        self._measure.clicked.connect(self._on_measure_clicked)
        reserve_width(self._measure, MEASURING)
        self._views = {
            TIMES: self._page_button(TIMES, "Time vs. FLOPs", "timesButton", "Where FLOPs and measured time disagree"),
            SUMMARY: self._page_button(SUMMARY, "torchinfo", "torchinfo", "torchinfo's summary of this network"),
        }
        self._export = TableExportButton(
            "copyTable", "Export the table", "layers", {"Layers": self._table_text}, json=True
        )
        self._export.saveRequested.connect(self.saveRequested)
        tools = FlowLayout()
        for widget in (self._search, self._unit, self._count, self._measure, *self._views.values(),
                       self._make_columns_button(), self._export):  # fmt: skip
            tools.addWidget(widget)
        return tools

    def _page_button(self, page: int, label: str, object_name: str, tip: str) -> QPushButton:
        button = set_names(QPushButton(label), object_name, label, tip)
        button.setCheckable(True)
        button.toggled.connect(lambda shown: self._show_page(page if shown else TABLE))
        return button

    def _make_columns_button(self) -> QToolButton:
        button = set_names(QToolButton(), "columnsButton", "Columns", "Show and hide columns")
        button.setText("Columns")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setMenu(self._rows.columns_menu)
        return button

    def _table_text(self, how: str) -> str:
        """The table that is shown as text: of layers, or of their times."""
        if self._table is None:
            return ""
        if self._pages.currentIndex() == TIMES:
            return self._times.text(how)
        return layer_table_text(self._table, cast("LayerTableFormat", how), self._flop_unit())

    def _show_page(self, page: int) -> None:
        if page == self._pages.currentIndex():
            return
        self._pages.setCurrentIndex(page)
        for number, button in self._views.items():
            button.setChecked(number == page)
        if page == SUMMARY:
            self._summary.setPlainText("Running torchinfo…")
            self.summaryRequested.emit()

    def _on_unit_selected(self, unit: str) -> None:
        self.set_flop_unit(cast("FlopUnit", unit))
        self.flopUnitSelected.emit(unit)

    def _on_measure_clicked(self) -> None:
        self.show_measuring(True)
        self.measurementRequested.emit()

    def _flop_unit(self) -> FlopUnit:
        return cast("FlopUnit", self._unit.value())

    def _show_counting(self) -> None:
        self._rows.set_counting(self._flop_unit(), everything=self._count.currentIndex() == 1)

    def _on_searched(self) -> None:
        self._find_matches()
        if self._matches:
            self._show_page(TABLE)
            if self._rows.current_name() not in self._matches:
                self._rows.select(self._matches[0])

    def _find_matches(self) -> None:
        wanted = self._search.text().strip().casefold()
        names = dict.fromkeys(self._rows.model.names()) if wanted else ()
        self._matches = [name for name in names if wanted in name.casefold()]
        self._rows.model.set_matches(self._matches)
        self._show_match()

    def _on_step_requested(self, step: int) -> None:
        current = self._rows.current_name()
        if self._matches:
            at = self._matches.index(current) + step if current in self._matches else 0
            self._rows.select(self._matches[at % len(self._matches)])

    def _show_match(self) -> None:
        current = self._rows.current_name()
        self._search.show_matches(
            self._matches.index(current) + 1 if current in self._matches else 0, len(self._matches)
        )

    def _on_layer_selected(self, name: str) -> None:
        self._show_match()
        self.layerSelected.emit(name)

    def _on_part_selected(self, name: str) -> None:
        """Make a part current in the table, too; a kind of layer is no row there."""
        self._rows.select(name)


def caveat(table: LayerTable, unit: FlopUnit = "flops") -> str:
    """What the table doesn't count, and whether the counters agree, in one line."""
    if table.checks is None or table.totals.macs_all is None:
        return "analytic count; fvcore is counting…"
    missing = ", ".join(f"{name.removeprefix('aten::')} ×{times}" for name, times in table.uncounted.items())
    products = (
        f"attention's matrix products {units.short(units.in_unit(table.products, unit))}" if table.products else ""
    )
    total = f"fvcore total {units.short(units.in_unit(table.totals.macs_all, unit))}"
    checks = table.checks
    agree = (
        "fvcore, torch, and the analytic count agree ✓"
        if checks.agree
        else (f"counts disagree: fvcore {checks.fvcore:,}, torch {checks.torch:,}, analytic {checks.plan:,}")
    )
    return "   ·   ".join(filter(None, (f"not counted: {missing}" if missing else "", products, total, agree)))
