"""The curves of the runs that are ticked: loss and error beside each other, learning rate and speed under them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import cast

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.causes import why
from resnet_studio.gui.common.button_feedback import make_room
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.plots.curve_plot import CurvePlot
from resnet_studio.gui.plots.downsampling import IdleScheduler
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.training.run_state import RunState
from resnet_studio.gui.training.runs.curves import PLOTS, CurveStyle, Plot, RunLines, sources, x_range, y_range
from resnet_studio.gui.training.runs.figure import KEY, CurveFigure
from resnet_studio.gui.training.runs.legend import RunLegend
from resnet_studio.gui.training.runs.model import progress
from resnet_studio.training.runs.curves import Axis
from resnet_studio.training.runs.summary import curve_table

TITLES: dict[Plot, str] = {
    "loss": "Loss", "error": "Error (%)", "rate": "Learning rate", "speed": "Images per second",
}  # fmt: skip
NAMES: dict[Plot, str] = {"loss": "lossPlot", "error": "errorPlot", "rate": "ratePlot", "speed": "speedPlot"}
LOGARITHMIC: tuple[Plot, ...] = ("loss", "error", "rate")
"""What may have a logarithmic axis; speeds differ too little for one."""
BELOW: dict[Axis, str] = {"step": "step", "epoch": "epoch", "seconds": "training time (h:min:s)"}
EVERY = 300
"""Milliseconds between two pictures of runs that grow."""
LEGEND, WIDE = (272, 312), 960
"""Pixels of the legend in a narrow and a wide window; of the panel from which on it is wide."""


class CurvesPanel(QWidget):
    """Draws what it is given; zoomed plots stay where they are while runs grow."""

    run_chosen = Signal(object)
    """The folder of a run that was clicked in the legend."""
    csv_wished = Signal(object, object)
    """A path, and the `CurveTable`s to be written there."""
    told = Signal(str)
    failed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._lines: dict[Path, RunLines] = {}
        self._shown: tuple[RunLines, ...] = ()
        self._chosen: tuple[RunLines, ...] = ()
        self._look = CurveStyle()
        self._logarithmic = self._fresh = False
        self._zoomed_x = False
        self._zoomed_y: set[Plot] = set()
        self._pointed: tuple[Plot, float | None] = ("loss", None)
        self._slices = IdleScheduler(self)
        self._growth = QTimer(self, interval=EVERY, singleShot=True)
        self._growth.timeout.connect(self._draw)
        self.tools, self.legend = CurveTools(), RunLegend()
        self.plots = {plot: self._make_plot(plot) for plot in PLOTS}
        self._lay_out()
        self._connect()
        self._show_axis()

    def show_runs(self, shown: Sequence[RunState], chosen: Sequence[RunState]) -> None:
        """Draw these runs, the chosen ones in a heavier stroke."""
        kept = {run.folder: self._lines.get(run.folder) for run in shown}
        self._lines = {run.folder: _lines_of(run, kept[run.folder]) for run in shown}
        self._shown = tuple(self._lines.values())
        self._chosen = tuple(self._lines[run.folder] for run in chosen if run.folder in self._lines)
        self.legend.show_lines(self._shown)
        self._draw()

    def show_growth(self, run: RunState) -> None:
        """A run's curves have grown; it is drawn with others that have, a few times a second."""
        lines = self._lines.get(run.folder)
        if lines and lines.run is run:
            lines.grown()
            if self.isVisible() and not self._growth.isActive():
                self._growth.start()

    @property
    def sharp(self) -> bool:
        """Whether all that is known is drawn."""
        return not self._slices.busy and not self._growth.isActive()

    def show_all(self) -> None:
        """Leave every zoom."""
        self._zoomed_x = False
        self._zoomed_y.clear()
        self._draw()

    def save(self, path: Path) -> None:
        """Write the plots to a file: PNG, SVG or, by its ending, a table of their values (CSV)."""
        if path.suffix.lower() == ".csv":
            self.csv_wished.emit(path, [curve_table(one.run.name, one.curves) for one in self._shown])
            return
        self.tools.show_saving(True)
        rows = ([self.plots["loss"], self.plots["error"]], [self.plots["rate"], self.plots["speed"]])
        try:
            for _ in self._fit():
                pass  # what was changed just now is in the file
            CurveFigure(rows, self._shown).save(path)
            self.told.emit(f"{path.name} is written.")
        except OSError as error:
            self.failed.emit(f"{path} could not be written: {why(error)}")
        finally:
            self.tools.show_saving(False)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  (Qt's names)
        super().resizeEvent(event)
        self._side.setFixedWidth(LEGEND[self.width() >= WIDE])

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self._draw()  # runs that grew out of sight were not drawn

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            for plot in self.plots.values():
                plot.dress()
            self._draw()

    def _make_plot(self, plot: Plot) -> CurvePlot:
        made = CurvePlot(NAMES[plot], TITLES[plot], self._slices, numbers_below=plot in ("rate", "speed"))
        made.zoomed.connect(lambda: self._note_zoom(plot))
        made.reset_wished.connect(self.show_all)
        made.hovered.connect(lambda x: self._point(plot, x))
        made.box.sigXRangeChanged.connect(lambda _box, seen: self._follow(*seen))
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
        self._progress = named(QLabel(wordWrap=True), "runProgress", "How far the run is")
        key = named(QLabel(" · ".join(KEY), wordWrap=True), "curveKey", "What the lines are")
        key.setProperty("quiet", True)
        self._side = QWidget()
        beside = QVBoxLayout(self._side)
        beside.setContentsMargins(GRID, 0, 0, 0)
        beside.setSpacing(GRID)
        beside.addWidget(self.legend, 1)
        beside.addWidget(self._progress)
        beside.addWidget(key)
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
        self.tools.axis_chosen.connect(self._take_axis)
        self.tools.scale_chosen.connect(self._take_scale)
        self.tools.smoothing_chosen.connect(self._take_smoothing)
        self.tools.all_wished.connect(self.show_all)
        self.tools.export_wished.connect(self._export)
        self.legend.run_chosen.connect(self.run_chosen)

    def _take_axis(self, axis: str) -> None:
        self._look = CurveStyle(cast("Axis", axis), self._look.weight)
        self._zoomed_x = False
        self._show_axis()
        self._draw(fresh=True)

    def _take_scale(self, logarithmic: bool) -> None:
        self._logarithmic = logarithmic
        self._zoomed_y.clear()
        for name in LOGARITHMIC:
            self.plots[name].show_logarithmic(logarithmic)
        self._draw(fresh=True)

    def _take_smoothing(self, weight: float) -> None:
        self._look = CurveStyle(self._look.axis, weight)
        self._draw()

    def _show_axis(self) -> None:
        for plot in self.plots.values():
            plot.bottom.clock = self._look.axis == "seconds"
        for plot in (self.plots["rate"], self.plots["speed"]):
            plot.show_label_below(BELOW[self._look.axis])

    def _draw(self, *, fresh: bool = False) -> None:
        """Draw every plot anew, once it is known how much room its lines need."""
        self._growth.stop()
        self._fresh = self._fresh or fresh
        self._slices.start(self, self._fit())

    def _fit(self) -> Iterator[None]:
        """Fit the ranges that nobody chose; a step for each run, as a hundred long ones take a while."""
        for lines in self._shown:
            yield
            for plot in PLOTS:
                lines.bounds(plot, self._look.axis)
        yield
        if not self._zoomed_x:
            self._follow(*x_range(self._shown, self._look.axis))
        for name, plot in self.plots.items():
            if name not in self._zoomed_y:
                logarithmic = self._logarithmic and name in LOGARITHMIC
                plot.show_y(*y_range(name, self._shown, self._look.axis, logarithmic=logarithmic))
            plot.show_sources(sources(name, self._shown, self._chosen, self._look), fresh=self._fresh)
        self._fresh = False
        self._progress.setText(self._progress_text())
        self._show_values()

    def _follow(self, low: float, high: float) -> None:
        """All plots show the same part of the x axis."""
        for plot in self.plots.values():
            plot.show_x(low, high)

    def _note_zoom(self, plot: Plot) -> None:
        self._zoomed_x = True
        self._zoomed_y.add(plot)

    def _point(self, plot: Plot, x: float | None) -> None:
        self._pointed = (plot, x)
        for other in self.plots.values():
            other.show_cross(x)
        self._show_values()

    def _show_values(self) -> None:
        plot, x = self._pointed
        self.legend.show_values(plot, self._look.axis, self._look.weight, x)

    def _progress_text(self) -> str:
        """How far the chosen run is, or the newest that is live."""
        candidates = [*self._chosen, *(one for one in reversed(self._shown) if one.run.live)]
        return progress(candidates[0].run) if candidates else ""

    def _export(self, ending: str) -> None:
        kinds = {"png": "Picture (*.png)", "svg": "Drawing (*.svg)", "csv": "Table (*.csv)"}
        path, _ = QFileDialog.getSaveFileName(self, "Export the curves", f"curves.{ending}", kinds[ending])
        if path:
            self.save(Path(path) if Path(path).suffix else Path(f"{path}.{ending}"))


def _lines_of(run: RunState, kept: RunLines | None) -> RunLines:
    return kept if kept and kept.run is run else RunLines(run)


AXES = {"step": "Step", "epoch": "Epoch", "seconds": "Time"}
AXIS_TIPS = {
    "step": "Curves against trained steps",
    "epoch": "Curves against passes over the training set",
    "seconds": "Curves against training time; measuring, saving and pauses are not part of it",
}
SCALES = {"linear": "Linear", "log": "Log"}
SCALE_TIPS = {"linear": "Values from zero up", "log": "Powers of ten; what is zero is not shown"}
SMOOTHEST, FIRST = 100, 50


class CurveTools(QWidget):
    """Emits what is chosen."""

    axis_chosen = Signal(str)
    scale_chosen = Signal(bool)
    """Whether y is logarithmic."""
    smoothing_chosen = Signal(float)
    """How much each value counts against the next: 0 … 0.99."""
    all_wished = Signal()
    export_wished = Signal(str)
    """The ending of the file."""

    def __init__(self) -> None:
        super().__init__()
        self._axis = named(SegmentedControl(AXES, "x axis", AXIS_TIPS), "xAxis", "x axis")
        self._axis.show_value("step")
        self._axis.chosen.connect(self.axis_chosen)
        self._scale = named(SegmentedControl(SCALES, "y axis", SCALE_TIPS), "yAxis", "y axis")
        self._scale.show_value("linear")
        self._scale.chosen.connect(lambda scale: self.scale_chosen.emit(scale == "log"))
        tip = "How much of the noise is averaged out; every step stays visible, thin"
        self._smoothing = named(QSlider(Qt.Orientation.Horizontal), "smoothing", "Smoothing", tip)
        self._smoothing.setRange(0, SMOOTHEST)
        self._smoothing.setValue(FIRST)
        self._smoothing.setFixedWidth(88)
        self._smoothing.valueChanged.connect(self._take_smoothing)
        self._amount = QLabel()
        self._amount.setFixedWidth(32)
        self._amount.setText(f"{weight(FIRST):.2f}")
        show_all = named(QPushButton("Show all"), "showAll", "", "Leave every zoom (double-click in a plot, or 0)")
        show_all.clicked.connect(self.all_wished)
        label = QLabel("Smoothing")
        label.setProperty("quiet", True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        for widget in (self._axis, self._scale, label, self._smoothing, self._amount):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(show_all)
        row.addWidget(self._make_export())

    def show_saving(self, saving: bool) -> None:
        """Say that the curves are being written to a file; the next one can be asked for afterwards."""
        self._export.setText("Saving…" if saving else "Export ▾")
        self._export.setEnabled(not saving)
        self._export.repaint()

    def _make_export(self) -> QToolButton:
        tip = "Save the plots with legend, labels and units"
        button = named(QToolButton(), "exportCurves", "Export the curves", tip)
        button.setText("Export ▾")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        for ending, what in (("png", "Picture (PNG)"), ("svg", "Drawing (SVG)"), ("csv", "Values (CSV)")):
            menu.addAction(what, partial(self.export_wished.emit, ending))
        button.setMenu(menu)
        make_room(button, "Saving…")
        self._export = button
        return button

    def _take_smoothing(self, place: int) -> None:
        self._amount.setText(f"{weight(place):.2f}")
        self.smoothing_chosen.emit(weight(place))


def weight(place: int) -> float:
    """Of the slider's place: nothing at its left end, 0.9 in the middle, 0.99 at the right."""
    return float(1 - 10 ** (-place / (SMOOTHEST / 2)))
