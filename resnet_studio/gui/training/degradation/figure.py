"""The article's figure: training error left, test error right; below, gradient norms stage by stage."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QResizeEvent
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from resnet_studio.atomic import write_file
from resnet_studio.gui import theme
from resnet_studio.gui.common.figure_export import write_figure
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.plots.axis import WIDTH, CurveAxis
from resnet_studio.gui.plots.styles import SAMPLE_SIZE, NetworkStroke, network_stroke, paint_sample, small_plot_stroke
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.training.experiment_state import ExperimentState
from resnet_studio.training.degradation.experiment import Experiment, NetworkSpec
from resnet_studio.training.degradation.statistics import (
    SPLITS,
    AggregatedCurve,
    Split,
    aggregate,
    error_curve,
    only_running_error,
)
from resnet_studio.training.degradation.table import experiment_csv
from resnet_studio.training.degradation.verdict import Verdict
from resnet_studio.training.runs.curves import Axis, Curve, Curves, Values

NORMS = "Weight gradient norm per stage"
EDGE, ROW, NAME = 16, 24, 112
"""Pixels: margin of an exported figure, height of its legend, width of a name in it."""


class ExperimentFigure(QWidget):
    """Plots an experiment's errors and gradient norms so far."""

    def __init__(self) -> None:
        super().__init__()
        tip = "Dashed: plain networks; solid: residual networks; thicker: deeper. Shaded: range over seeds"
        self._errors = Subplots("degradationFigure", "Training and test error", tip)
        self._norms = Subplots("gradientFigure", NORMS, tip, logarithmic=True)
        self._errors.setMinimumHeight(160)
        self._norms.setMinimumHeight(128)
        heading = QLabel(f"{NORMS} (log scale)", wordWrap=True)
        heading.setProperty("quiet", True)
        set_names(heading, "gradientHeading")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        column.addWidget(self._errors, 3)
        column.addWidget(heading)
        column.addWidget(self._norms, 2)

    def show_experiment(self, experiment: Experiment, curves: Mapping[str, Curves], axis: Axis) -> None:
        """Draw its errors and gradients against steps or epochs."""
        last = _last(experiment, curves, axis)
        strokes = {network: network_stroke(network, experiment.depths) for network in experiment.networks}
        runs_by_network = {network: _runs(experiment, network, curves) for network in experiment.networks}

        def lines(
            of: Callable[[Curves], Curve], scale: float, style: Callable[[NetworkStroke], NetworkStroke]
        ) -> list[SubplotLine]:
            bands = {network: aggregate([of(run) for run in runs]) for network, runs in runs_by_network.items()}
            return [SubplotLine(_scaled(curve, scale), style(strokes[network])) for network, curve in bands.items()]

        shown = [
            Subplot(
                _heading(split, curves), lines(partial(error_curve, split=split, axis=axis), 100, lambda stroke: stroke)
            )
            for split in SPLITS
        ]
        self._errors.show_subplots(shown, axis, last)
        norms = [
            Subplot(stage, lines(partial(_norms, stage=stage, axis=axis), 1, small_plot_stroke), _stage_color(stage))
            for stage in _stages(curves)
        ]
        self._norms.show_subplots(norms, axis, last)

    def apply_theme(self) -> None:
        """Apply the current theme."""
        self._errors.apply_theme()
        self._norms.apply_theme()

    def save(self, path: Path, state: ExperimentState, verdict: Verdict) -> None:
        """Write the figure with legend and verdict, or its values as CSV. Raises `OSError`."""
        if path.suffix.lower() == ".csv":
            write_file(path, experiment_csv(state.experiment, state.curves).encode())
            return
        width = self._errors.width()
        words = QRect(0, 0, width, 10_000)
        metrics = self.fontMetrics()
        text_height = metrics.boundingRect(words, Qt.TextFlag.TextWordWrap, verdict.text).height()
        size = QSize(width, self._errors.height() + self._norms.height() + 2 * ROW + 3 * GRID + text_height)
        size += QSize(2 * EDGE, 2 * EDGE)
        experiment = state.experiment
        write_figure(path, size, state.name, lambda painter: self._paint(painter, width, experiment, verdict))

    def _paint(self, painter: QPainter, width: int, experiment: Experiment, verdict: Verdict) -> None:
        painter.setFont(self.font())
        top = EDGE
        for number, network in enumerate(experiment.networks):
            line_rect = QRect(EDGE + number * (SAMPLE_SIZE[0] + NAME), top, SAMPLE_SIZE[0], ROW)
            paint_sample(painter, line_rect, network_stroke(network, experiment.depths))
            painter.setPen(QColor(theme.current().text))
            name = QRect(line_rect.right() + GRID, top, NAME - 2 * GRID, ROW)
            painter.drawText(name, Qt.AlignmentFlag.AlignVCenter, network.title)
        top += ROW + GRID
        for subplots, heading in ((self._errors, ""), (self._norms, NORMS)):
            if heading:
                painter.setPen(QColor(theme.current().muted))
                painter.drawText(QRect(EDGE, top, width, ROW), Qt.AlignmentFlag.AlignVCenter, heading)
                top += ROW
            subplots.scene().render(painter, QRectF(EDGE, top, width, subplots.height()), QRectF(subplots.rect()))
            top += subplots.height() + GRID
        painter.setPen(QColor(theme.current().text))
        painter.drawText(QRect(EDGE, top, width, 10_000), Qt.TextFlag.TextWordWrap, verdict.text)


def _heading(split: Split, curves: Mapping[str, Curves]) -> str:
    if split == "test":
        return "Test error (%)"
    running = any(only_running_error(run) for run in curves.values() if run.steps)
    return f"{'Running' if running else 'Measured'} training error (%)"


def _norms(run: Curves, stage: str, axis: Axis) -> Curve:
    return run.gradient_norms(stage, axis)


def _stage_color(stage: str) -> str:
    return theme.stage_color(stage).name()


def _runs(experiment: Experiment, network: NetworkSpec, curves: Mapping[str, Curves]) -> list[Curves]:
    return [curves[part.name] for part in experiment.runs_of(network) if part.name in curves]


def _scaled(curve: AggregatedCurve, scale: float) -> AggregatedCurve:
    return AggregatedCurve(curve.x, scale * curve.median, scale * curve.low, scale * curve.high)


def _stages(curves: Mapping[str, Curves]) -> list[str]:
    """The stages with gradient norms, conv1 first, from the first run that has some."""
    return next((list(run.gradients[0].norms) for run in curves.values() if run.gradients), [])


def _last(experiment: Experiment, curves: Mapping[str, Curves], axis: Axis) -> float:
    """The end of the x axis: that of a complete run."""
    prepared = next((run.prepared for run in curves.values() if run.prepared is not None), None)
    if prepared is None:
        return float(experiment.recipe.length) if axis == experiment.recipe.unit.removesuffix("s") else 1.0
    return prepared.steps / prepared.steps_per_epoch if axis == "epoch" else float(prepared.steps)


HEADING, BELOW, GAP, RIGHT, DOT = 24, 40, 24, 8, 5
"""Pixels: height of a heading and of a labeled x axis, gap between plots, right margin, size of a single point."""
PALE = 46
"""Alpha of a range, of 255."""


@dataclass(frozen=True, slots=True, eq=False)
class SubplotLine:
    """The median is drawn with the stroke, the range from minimum to maximum as a pale area."""

    band: AggregatedCurve
    stroke: NetworkStroke


@dataclass(frozen=True, slots=True, eq=False)
class Subplot:
    """One of the plots. An empty color gives its heading the text color."""

    heading: str
    lines: Sequence[SubplotLine]
    color: str = ""


class Heading(pg.LabelItem):  # type: ignore[misc]
    """A label without a minimum width: over a narrow plot it extends into the gap next to it."""

    def updateMin(self) -> None:
        """Set no minimum size."""


class Subplots(pg.GraphicsLayoutWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """Shows any number of subplots with a common y range, so that they can be compared."""

    def __init__(self, name: str, spoken: str, tip: str, *, logarithmic: bool = False) -> None:
        super().__init__()
        set_names(self, name, spoken, tip)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._logarithmic = logarithmic
        self._boxes: list[Any] = []
        self._headings: list[Any] = []
        self._axes: list[CurveAxis] = []
        self._below: list[CurveAxis] = []
        self.ci.layout.setContentsMargins(0, 0, RIGHT, 0)
        self.ci.layout.setSpacing(0)
        self.apply_theme()

    def show_subplots(self, subplots: Sequence[Subplot], x_name: str, last: float) -> None:
        """Draw these, with x from 0 to `last`."""
        if len(subplots) != len(self._boxes):
            self._make(len(subplots))
        colors = theme.current()
        low, high = self._range(subplots)
        for subplot, box, heading, below in zip(subplots, self._boxes, self._headings, self._below, strict=True):
            heading.setText(subplot.heading, color=subplot.color or colors.text, size="10pt", justify="left")
            below.setLabel(x_name, color=colors.muted, **{"font-size": "9pt"})
            box.clear()
            for line in subplot.lines:
                self._draw(box, line)
            box.setRange(xRange=(0, last), yRange=(low, high), padding=0)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        if hasattr(self, "_boxes"):
            self._fit()

    def apply_theme(self) -> None:
        """Apply the current theme to background and axes; the lines need `show_subplots` again."""
        self.setBackground(theme.current().window)
        for axis in (*self._axes, *self._below):
            axis.apply_theme()

    def _make(self, count: int) -> None:
        self.clear()
        self._boxes, self._headings, self._axes, self._below = [], [], [], []
        for number in range(count):
            box = pg.ViewBox(enableMouse=False, enableMenu=False, defaultPadding=0)
            box.disableAutoRange()
            left, below = CurveAxis("left"), CurveAxis("bottom")
            left.setLogMode(y=self._logarithmic)
            if number:
                left.setStyle(showValues=False)
                left.setWidth(GAP)
            below.setHeight(BELOW)
            heading = Heading(justify="left")
            heading.setFixedHeight(HEADING)
            self.addItem(heading, 0, 2 * number + 1)
            self.addItem(left, 1, 2 * number)
            self.addItem(box, 1, 2 * number + 1)
            self.addItem(below, 2, 2 * number + 1)
            left.linkToView(box)
            below.linkToView(box)
            for items, item in zip(
                (self._boxes, self._headings, self._axes, self._below), (box, heading, left, below), strict=True
            ):
                items.append(item)
        self.apply_theme()
        self._fit()

    def _fit(self) -> None:
        """Give all plots the same width, whatever their headings need."""
        count = len(self._boxes)
        available = self.width() - RIGHT - WIDTH - GAP * (count - 1)
        for number in range(count):
            self.ci.layout.setColumnFixedWidth(2 * number, GAP if number else WIDTH)
            self.ci.layout.setColumnFixedWidth(2 * number + 1, max(available / count, 1))
        self.ci.layout.activate()
        self.ci.setGeometry(self.range)  # without plots Qt had made it only as high as the headings

    def _draw(self, box: Any, line: SubplotLine) -> None:
        band, pen = line.band, line.stroke.pen()
        low, median, high = (self._on_axis(values) for values in (band.low, band.median, band.high))
        if np.any(band.low < band.high):
            color = QColor(line.stroke.color)
            color.setAlpha(PALE)
            edges = [pg.PlotCurveItem(band.x, values, pen=None) for values in (low, high)]
            box.addItem(pg.FillBetweenItem(*edges, brush=pg.mkBrush(color)))
        box.addItem(pg.PlotCurveItem(band.x, median, pen=pen, connect="finite", antialias=True))
        if len(band.x) == 1:
            dot = pg.ScatterPlotItem(band.x, median, size=DOT, pen=None, brush=pg.mkBrush(line.stroke.color))
            box.addItem(dot)

    def _on_axis(self, values: Values) -> Values:
        if not self._logarithmic:
            return values
        return np.log10(values, out=np.full_like(values, math.nan), where=values > 0)

    def _range(self, subplots: Sequence[Subplot]) -> tuple[float, float]:
        """The y range for all lines: from zero, or between powers of ten."""
        values = [part for subplot in subplots for line in subplot.lines for part in (line.band.low, line.band.high)]
        known = np.concatenate([self._on_axis(array) for array in values]) if values else np.zeros(0)
        known = known[np.isfinite(known)]
        if self._logarithmic:
            return (math.floor(known.min()), math.ceil(known.max() + 1e-9)) if len(known) else (-2.0, 1.0)
        return 0.0, max(float(known.max()) * 1.05, 1.0) if len(known) else 100.0
