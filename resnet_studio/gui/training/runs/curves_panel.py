"""The curves of the checked runs: loss and error side by side, learning rate and speed under them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.causes import os_reason
from resnet_studio.gui.common.figure_export import ExportButton
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.plots.curve_plot import CurvePlot
from resnet_studio.gui.plots.downsampling import IdleScheduler
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.training.run_state import RunState
from resnet_studio.gui.training.runs.curves import PLOTS, CurveStyle, Plot, RunLines, sources, x_range, y_range
from resnet_studio.gui.training.runs.figure import KEY, CurveFigure
from resnet_studio.gui.training.runs.legend import RunLegend
from resnet_studio.gui.training.runs.model import progress_text
from resnet_studio.training.runs.curves import Axis
from resnet_studio.training.runs.summary import curve_table

TITLES: dict[Plot, str] = {
    "loss": "Loss", "error": "Error (%)", "rate": "Learning rate", "speed": "Images per second",
}  # fmt: skip
NAMES: dict[Plot, str] = {"loss": "lossPlot", "error": "errorPlot", "rate": "ratePlot", "speed": "speedPlot"}
LOGARITHMIC: tuple[Plot, ...] = ("loss", "error", "rate")
"""Plots that can have a logarithmic y axis; speeds vary too little for one."""
BELOW: dict[Axis, str] = {"step": "step", "epoch": "epoch", "seconds": "training time (h:min:s)"}
EVERY = 300
"""Milliseconds between redraws while runs grow."""
LEGEND, WIDE = (272, 312), 960
"""Pixels: width of the legend in a narrow and a wide panel, and the width from which the panel is wide."""


class CurvesPanel(QWidget):
    """Plots the given runs. Zoomed plots keep their range while runs grow."""

    runSelected = Signal(object)
    """The folder of a run that was clicked in the legend."""
    csvRequested = Signal(object, object)
    """A path, and the `CurveTable`s to be written there."""
    message = Signal(str)
    failed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._lines: dict[Path, RunLines] = {}
        self._shown: tuple[RunLines, ...] = ()
        self._selected: tuple[RunLines, ...] = ()
        self._style = CurveStyle()
        self._logarithmic = self._redraw = False
        self._zoomed_x = False
        self._zoomed_y: set[Plot] = set()
        self._hovered: tuple[Plot, float | None] = ("loss", None)
        self._scheduler = IdleScheduler(self)
        self._growth = QTimer(self, interval=EVERY, singleShot=True)
        self._growth.timeout.connect(self._draw)
        self.tools, self.legend = CurveTools(), RunLegend()
        self.plots = {plot: self._make_plot(plot) for plot in PLOTS}
        self._lay_out()
        self._connect()
        self._show_axis()

    def show_runs(self, shown: Sequence[RunState], selected: Sequence[RunState]) -> None:
        """Draw these runs, the selected ones with thicker lines."""
        known = {run.folder: self._lines.get(run.folder) for run in shown}
        self._lines = {run.folder: _lines_of(run, known[run.folder]) for run in shown}
        self._shown = tuple(self._lines.values())
        self._selected = tuple(self._lines[run.folder] for run in selected if run.folder in self._lines)
        self.legend.show_lines(self._shown)
        self._draw()

    def update_run(self, run: RunState) -> None:
        """Schedule a redraw after a run's curves have grown, at most a few times a second."""
        lines = self._lines.get(run.folder)
        if lines and lines.run is run and self.isVisible() and not self._growth.isActive():
            self._growth.start()

    @property
    def up_to_date(self) -> bool:
        """Whether all known values are drawn."""
        return not self._scheduler.busy and not self._growth.isActive()

    def show_all(self) -> None:
        """Reset all zooms."""
        self._zoomed_x = False
        self._zoomed_y.clear()
        self._draw()

    def save(self, path: Path) -> None:
        """Write the plots to a file: PNG, SVG or, by its ending, a table of their values (CSV)."""
        if path.suffix.lower() == ".csv":
            self.csvRequested.emit(path, [curve_table(lines.run.name, lines.curves) for lines in self._shown])
            return
        rows = ([self.plots["loss"], self.plots["error"]], [self.plots["rate"], self.plots["speed"]])
        try:
            for _ in self._update_plots():
                pass  # so that the latest changes are in the file
            CurveFigure(rows, self._shown).save(path)
            self.message.emit(f"Saved {path.name}.")
        except OSError as error:
            self.failed.emit(f"{path} could not be written: {os_reason(error)}")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._side.setFixedWidth(LEGEND[self.width() >= WIDE])

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._draw()  # runs that grew while hidden were not drawn

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            for plot in self.plots.values():
                plot.apply_theme()
            self._draw()

    def _make_plot(self, plot: Plot) -> CurvePlot:
        made = CurvePlot(NAMES[plot], TITLES[plot], self._scheduler, x_numbers=plot in ("rate", "speed"))
        made.zoomed.connect(lambda: self._on_zoomed(plot))
        made.resetRequested.connect(self.show_all)
        made.hovered.connect(lambda x: self._on_hovered(plot, x))
        made.box.sigXRangeChanged.connect(lambda _box, x_range: self._show_x_range(*x_range))
        return made

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setSpacing(GRID)
        grid.setContentsMargins(0, 0, 0, 0)
        for number, plot in enumerate(PLOTS):
            grid.addWidget(self.plots[plot], number // 2, number % 2)
            self.plots[plot].setMinimumHeight(136 if number < 2 else 116)
        grid.setRowStretch(0, 5)
        grid.setRowStretch(1, 2)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        self._progress = set_names(QLabel(wordWrap=True), "runProgress", "Run progress")
        key = set_names(QLabel(" · ".join(KEY), wordWrap=True), "curveKey", "Line styles")
        key.setProperty("quiet", True)
        self._side = QWidget()
        side = QVBoxLayout(self._side)
        side.setContentsMargins(GRID, 0, 0, 0)
        side.setSpacing(GRID)
        side.addWidget(self.legend, 1)
        side.addWidget(self._progress)
        side.addWidget(key)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addLayout(grid, 1)
        row.addWidget(self._side)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(self.tools)
        column.addLayout(row, 1)

    def _connect(self) -> None:
        self.tools.axisSelected.connect(self._on_axis_selected)
        self.tools.scaleSelected.connect(self._on_scale_selected)
        self.tools.smoothingChanged.connect(self._on_smoothing_changed)
        self.tools.showAllRequested.connect(self.show_all)
        self.tools.export.pathSelected.connect(self.save)
        self.legend.runSelected.connect(self.runSelected)

    def _on_axis_selected(self, axis: str) -> None:
        self._style = CurveStyle(cast("Axis", axis), self._style.weight)
        self._zoomed_x = False
        self._show_axis()
        self._draw(fresh=True)

    def _on_scale_selected(self, logarithmic: bool) -> None:
        self._logarithmic = logarithmic
        self._zoomed_y.clear()
        for name in LOGARITHMIC:
            self.plots[name].set_logarithmic(logarithmic)
        self._draw(fresh=True)

    def _on_smoothing_changed(self, weight: float) -> None:
        self._style = CurveStyle(self._style.axis, weight)
        self._draw()

    def _show_axis(self) -> None:
        for plot in self.plots.values():
            plot.bottom.clock = self._style.axis == "seconds"
        for plot in (self.plots["rate"], self.plots["speed"]):
            plot.set_x_label(BELOW[self._style.axis])

    def _draw(self, *, fresh: bool = False) -> None:
        """Redraw every plot, after fitting its ranges to its lines."""
        self._growth.stop()
        self._redraw = self._redraw or fresh
        self._scheduler.start(self, self._update_plots())

    def _update_plots(self) -> Iterator[None]:
        """Fit the ranges that aren't zoomed and update the lines; yields after each run, as a hundred long ones take a
        while."""
        for lines in self._shown:
            yield
            for plot in PLOTS:
                lines.bounds(plot, self._style.axis)
        yield
        if not self._zoomed_x:
            self._show_x_range(*x_range(self._shown, self._style.axis))
        for name, plot in self.plots.items():
            if name not in self._zoomed_y:
                logarithmic = self._logarithmic and name in LOGARITHMIC
                plot.set_y_range(*y_range(name, self._shown, self._style.axis, logarithmic=logarithmic))
            plot.set_sources(sources(name, self._shown, self._selected, self._style), clear=self._redraw)
        self._redraw = False
        self._progress.setText(self._progress_text())
        self._show_values()

    def _show_x_range(self, low: float, high: float) -> None:
        """Show the same x range in all plots."""
        for plot in self.plots.values():
            plot.set_x_range(low, high)

    def _on_zoomed(self, plot: Plot) -> None:
        self._zoomed_x = True
        self._zoomed_y.add(plot)

    def _on_hovered(self, plot: Plot, x: float | None) -> None:
        self._hovered = (plot, x)
        for other in self.plots.values():
            other.set_crosshair(x)
        self._show_values()

    def _show_values(self) -> None:
        plot, x = self._hovered
        self.legend.show_values(plot, self._style.axis, self._style.weight, x)

    def _progress_text(self) -> str:
        """Progress of the selected run, or of the newest live one."""
        candidates = [*self._selected, *(lines for lines in reversed(self._shown) if lines.run.live)]
        return progress_text(candidates[0].run) if candidates else ""


def _lines_of(run: RunState, known: RunLines | None) -> RunLines:
    return known if known and known.run is run else RunLines(run)


AXES = {"step": "Step", "epoch": "Epoch", "seconds": "Time"}
AXIS_TIPS = {
    "step": "Against training steps",
    "epoch": "Against epochs (passes over the training set)",
    "seconds": "Against training time, excluding evaluation, saving and pauses",
}
SCALES = {"linear": "Linear", "log": "Log"}
SCALE_TIPS = {"linear": "Linear scale from zero", "log": "Logarithmic scale; zeros are not shown"}
SMOOTHEST, FIRST = 100, 50


class CurveTools(QWidget):
    """The controls above the plots: axes, smoothing, zoom reset and export."""

    axisSelected = Signal(str)
    scaleSelected = Signal(bool)
    """Whether y is logarithmic."""
    smoothingChanged = Signal(float)
    """Weight of the exponential moving average: 0 … 0.99."""
    showAllRequested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._axis = SegmentedControl(AXES, "xAxis", "x axis", AXIS_TIPS)
        self._axis.valueSelected.connect(self.axisSelected)
        self._scale = SegmentedControl(SCALES, "yAxis", "y axis", SCALE_TIPS)
        self._scale.valueSelected.connect(lambda scale: self.scaleSelected.emit(scale == "log"))
        tip = "Strength of smoothing; the thin lines show every step"
        self._smoothing = set_names(QSlider(Qt.Orientation.Horizontal), "smoothing", "Smoothing", tip)
        self._smoothing.setRange(0, SMOOTHEST)
        self._smoothing.setValue(FIRST)
        self._smoothing.setFixedWidth(88)
        self._smoothing.valueChanged.connect(self._on_smoothing_changed)
        self._amount = QLabel()
        self._amount.setFixedWidth(32)
        self._amount.setText(f"{smoothing_weight(FIRST):.2f}")
        tip = "Save the plots with legend and axis labels"
        self.export = ExportButton("exportCurves", "Export curves", tip, "curves")
        show_all = set_names(
            QPushButton("Show all"), "showAll", "", "Reset zoom in all plots (double-click a plot, or 0)"
        )
        show_all.clicked.connect(self.showAllRequested)
        label = QLabel("Smoothing")
        label.setProperty("quiet", True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        for widget in (self._axis, self._scale, label, self._smoothing, self._amount):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(show_all)
        row.addWidget(self.export)

    def _on_smoothing_changed(self, position: int) -> None:
        self._amount.setText(f"{smoothing_weight(position):.2f}")
        self.smoothingChanged.emit(smoothing_weight(position))


def smoothing_weight(position: int) -> float:
    """The weight at a slider position: 0 at the left end, 0.9 in the middle, 0.99 at the right."""
    return float(1 - 10 ** (-position / (SMOOTHEST / 2)))
