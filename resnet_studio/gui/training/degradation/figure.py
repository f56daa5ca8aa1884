"""The article's figure (training error left, test error right) over the gradients' norms, stage by stage."""

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
from resnet_studio.gui.common.figure_export import write_picture
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.plots.axis import WIDTH, CurveAxis
from resnet_studio.gui.plots.styles import SAMPLE, NetworkStroke, fine, paint_sample, twin_stroke
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.training.experiment_state import ExperimentState
from resnet_studio.training.degradation.experiment import Experiment, NetworkSpec
from resnet_studio.training.degradation.statistics import SPLITS, Band, Split, band, errors, runs_on
from resnet_studio.training.degradation.table import experiment_csv
from resnet_studio.training.degradation.verdict import Verdict
from resnet_studio.training.runs.curves import Axis, Curve, Curves, Values

NORMS = "Norm of the gradient by the weights of each stage"
EDGE, ROW, NAME = 16, 24, 112
"""Pixels around a picture, of its legend's row, and of a name in it."""


class ExperimentFigure(QWidget):
    """Draws an experiment as far as it has come."""

    def __init__(self) -> None:
        super().__init__()
        tip = "Plain networks are dashed, residual ones solid; the deeper, the heavier. Pale: range over the seeds"
        self._errors = Subplots("degradationFigure", "Training and test error", tip)
        self._norms = Subplots("gradientFigure", NORMS, tip, logarithmic=True)
        self._errors.setMinimumHeight(160)
        self._norms.setMinimumHeight(128)
        heading = QLabel(f"{NORMS} (logarithmic)", wordWrap=True)
        heading.setProperty("quiet", True)
        named(heading, "gradientHeading")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        column.addWidget(self._errors, 3)
        column.addWidget(heading)
        column.addWidget(self._norms, 2)

    def show_experiment(self, experiment: Experiment, curves: Mapping[str, Curves], axis: Axis) -> None:
        """Draw its errors and gradients against steps or epochs."""
        last = _last(experiment, curves, axis)
        strokes = {twin: twin_stroke(twin, experiment.depths) for twin in experiment.twins}
        by_twin = {twin: _runs(experiment, twin, curves) for twin in experiment.twins}

        def lines(
            of: Callable[[Curves], Curve], scale: float, style: Callable[[NetworkStroke], NetworkStroke]
        ) -> list[PanelLine]:
            bands = {twin: band([of(run) for run in runs]) for twin, runs in by_twin.items()}
            return [PanelLine(_scaled(one, scale), style(strokes[twin])) for twin, one in bands.items()]

        shown = [
            Subplot(_heading(split, curves), lines(partial(errors, split=split, axis=axis), 100, lambda stroke: stroke))
            for split in SPLITS
        ]
        self._errors.show_panels(shown, axis, last)
        norms = [
            Subplot(stage, lines(partial(_norms, stage=stage, axis=axis), 1, fine), _colour(stage))
            for stage in _stages(curves)
        ]
        self._norms.show_panels(norms, axis, last)

    def dress(self) -> None:
        """Take the theme's colours."""
        self._errors.dress()
        self._norms.dress()

    def save(self, path: Path, followed: ExperimentState, verdict: Verdict) -> None:
        """Write what is drawn with legend and verdict, or its values as CSV; `OSError` if that can't be done."""
        if path.suffix.lower() == ".csv":
            write_file(path, experiment_csv(followed.experiment, followed.curves).encode())
            return
        width = self._errors.width()
        words = QRect(0, 0, width, 10_000)
        metrics = self.fontMetrics()
        told = metrics.boundingRect(words, Qt.TextFlag.TextWordWrap, verdict.text).height()
        size = QSize(width, self._errors.height() + self._norms.height() + 2 * ROW + 3 * GRID + told)
        size += QSize(2 * EDGE, 2 * EDGE)
        experiment = followed.experiment
        write_picture(path, size, followed.name, lambda painter: self._paint(painter, width, experiment, verdict))

    def _paint(self, painter: QPainter, width: int, experiment: Experiment, verdict: Verdict) -> None:
        painter.setFont(self.font())
        top = EDGE
        for number, twin in enumerate(experiment.twins):
            place = QRect(EDGE + number * (SAMPLE[0] + NAME), top, SAMPLE[0], ROW)
            paint_sample(painter, place, twin_stroke(twin, experiment.depths))
            painter.setPen(QColor(theme.current().text))
            name = QRect(place.right() + GRID, top, NAME - 2 * GRID, ROW)
            painter.drawText(name, Qt.AlignmentFlag.AlignVCenter, twin.title)
        top += ROW + GRID
        for panels, heading in ((self._errors, ""), (self._norms, NORMS)):
            if heading:
                painter.setPen(QColor(theme.current().muted))
                painter.drawText(QRect(EDGE, top, width, ROW), Qt.AlignmentFlag.AlignVCenter, heading)
                top += ROW
            panels.scene().render(painter, QRectF(EDGE, top, width, panels.height()), QRectF(panels.rect()))
            top += panels.height() + GRID
        painter.setPen(QColor(theme.current().text))
        painter.drawText(QRect(EDGE, top, width, 10_000), Qt.TextFlag.TextWordWrap, verdict.text)


def _heading(split: Split, curves: Mapping[str, Curves]) -> str:
    if split == "test":
        return "Test error (%)"
    running = any(runs_on(run) for run in curves.values() if run.steps)
    return f"{'Running' if running else 'Measured'} training error (%)"


def _norms(run: Curves, stage: str, axis: Axis) -> Curve:
    return run.gradient_norms(stage, axis)


def _colour(stage: str) -> str:
    return theme.stage_colour(stage).name()


def _runs(experiment: Experiment, twin: NetworkSpec, curves: Mapping[str, Curves]) -> list[Curves]:
    return [curves[part.name] for part in experiment.parts_of(twin) if part.name in curves]


def _scaled(one: Band, scale: float) -> Band:
    return Band(one.x, scale * one.median, scale * one.low, scale * one.high)


def _stages(curves: Mapping[str, Curves]) -> list[str]:
    """The stages whose gradients are known, conv1 first; those of the first run that has some."""
    return next((list(run.gradients[0].norms) for run in curves.values() if run.gradients), [])


def _last(experiment: Experiment, curves: Mapping[str, Curves], axis: Axis) -> float:
    """Where the x axis ends: at the end of a whole run."""
    prepared = next((run.prepared for run in curves.values() if run.prepared is not None), None)
    if prepared is None:
        return float(experiment.recipe.length) if axis == experiment.recipe.unit.removesuffix("s") else 1.0
    return prepared.steps / prepared.steps_per_epoch if axis == "epoch" else float(prepared.steps)


HEADING, BELOW, GAP, RIGHT, DOT = 24, 40, 24, 8, 5
"""Pixels: of a heading, of an x axis with its name, between plots, right of the last, of a line's only point."""
PALE = 46
"""Opacity of a range, of 255."""


@dataclass(frozen=True, slots=True, eq=False)
class PanelLine:
    """The median is drawn as the stroke says, the range between least and greatest as a pale area."""

    band: Band
    stroke: NetworkStroke


@dataclass(frozen=True, slots=True, eq=False)
class Subplot:
    """One of the plots; without a colour its heading has the text's."""

    heading: str
    lines: Sequence[PanelLine]
    colour: str = ""


class Heading(pg.LabelItem):  # type: ignore[misc]
    """Takes no room of its own: over a narrow plot it reaches into the gap beside it."""

    def updateMin(self) -> None:  # noqa: N802  (pyqtgraph's name)
        """Ask for nothing."""


class Subplots(pg.GraphicsLayoutWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """Shows any number of panels; y has one range in all of them, so that they can be compared."""

    def __init__(self, name: str, spoken: str, tip: str, *, logarithmic: bool = False) -> None:
        super().__init__()
        named(self, name, spoken, tip)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._logarithmic = logarithmic
        self._boxes: list[Any] = []
        self._headings: list[Any] = []
        self._axes: list[CurveAxis] = []
        self._below: list[CurveAxis] = []
        self.ci.layout.setContentsMargins(0, 0, RIGHT, 0)
        self.ci.layout.setSpacing(0)
        self.dress()

    def show_panels(self, panels: Sequence[Subplot], x_name: str, last: float) -> None:
        """Draw these, with x from 0 to `last`."""
        if len(panels) != len(self._boxes):
            self._make(len(panels))
        colours = theme.current()
        low, high = self._range(panels)
        for panel, box, heading, below in zip(panels, self._boxes, self._headings, self._below, strict=True):
            heading.setText(panel.heading, color=panel.colour or colours.text, size="10pt", justify="left")
            below.setLabel(x_name, color=colours.muted, **{"font-size": "9pt"})
            box.clear()
            for line in panel.lines:
                self._draw(box, line)
            box.setRange(xRange=(0, last), yRange=(low, high), padding=0)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802  (Qt's name; pyqtgraph calls it with None)
        super().resizeEvent(event)
        if hasattr(self, "_boxes"):
            self._fit()

    def dress(self) -> None:
        """Take the theme's colours; what is drawn needs `show_panels` for that."""
        self.setBackground(theme.current().window)
        for axis in (*self._axes, *self._below):
            axis.dress()

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
            for held, one in zip(
                (self._boxes, self._headings, self._axes, self._below), (box, heading, left, below), strict=True
            ):
                held.append(one)
        self.dress()
        self._fit()

    def _fit(self) -> None:
        """All plots get the same width, whatever their headings need."""
        count = len(self._boxes)
        room = self.width() - RIGHT - WIDTH - GAP * (count - 1)
        for number in range(count):
            self.ci.layout.setColumnFixedWidth(2 * number, GAP if number else WIDTH)
            self.ci.layout.setColumnFixedWidth(2 * number + 1, max(room / count, 1))
        self.ci.layout.activate()
        self.ci.setGeometry(self.range)  # while headings were there and no plots, Qt made it as low as those

    def _draw(self, box: Any, line: PanelLine) -> None:
        band, pen = line.band, line.stroke.pen()
        low, median, high = (self._on_axis(values) for values in (band.low, band.median, band.high))
        if np.any(band.low < band.high):
            colour = QColor(line.stroke.colour)
            colour.setAlpha(PALE)
            edges = [pg.PlotCurveItem(band.x, values, pen=None) for values in (low, high)]
            box.addItem(pg.FillBetweenItem(*edges, brush=pg.mkBrush(colour)))
        box.addItem(pg.PlotCurveItem(band.x, median, pen=pen, connect="finite", antialias=True))
        if len(band.x) == 1:
            dot = pg.ScatterPlotItem(band.x, median, size=DOT, pen=None, brush=pg.mkBrush(line.stroke.colour))
            box.addItem(dot)

    def _on_axis(self, values: Values) -> Values:
        if not self._logarithmic:
            return values
        return np.log10(values, out=np.full_like(values, math.nan), where=values > 0)

    def _range(self, panels: Sequence[Subplot]) -> tuple[float, float]:
        """Room for all lines: from zero, or whole powers of ten."""
        values = [part for panel in panels for line in panel.lines for part in (line.band.low, line.band.high)]
        known = np.concatenate([self._on_axis(one) for one in values]) if values else np.zeros(0)
        known = known[np.isfinite(known)]
        if self._logarithmic:
            return (math.floor(known.min()), math.ceil(known.max() + 1e-9)) if len(known) else (-2.0, 1.0)
        return 0.0, max(float(known.max()) * 1.05, 1.0) if len(known) else 100.0
