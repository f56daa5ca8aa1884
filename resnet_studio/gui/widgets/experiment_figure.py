"""The article's figure (training error left, test error right) over the gradients' norms, stage by stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from resnet_studio.atomic import write_file
from resnet_studio.gui import theme
from resnet_studio.gui.followed_experiment import FollowedExperiment
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.widgets.named import named
from resnet_studio.gui.widgets.panels import Line, Panel, Panels
from resnet_studio.gui.widgets.picture_file import write_picture
from resnet_studio.gui.widgets.twin_strokes import SAMPLE, TwinStroke, fine, paint_sample, twin_stroke
from resnet_studio.training.bands import Band, Split, band, errors, runs_on
from resnet_studio.training.curves import Axis, Curve, Curves
from resnet_studio.training.degradation import Experiment, Twin
from resnet_studio.training.experiment_table import experiment_csv
from resnet_studio.training.gaps import SPLITS
from resnet_studio.training.verdict import Verdict

NORMS = "Norm of the gradient by the weights of each stage"
EDGE, ROW, NAME = 16, 24, 112
"""Pixels around a picture, of its legend's row, and of a name in it."""


class ExperimentFigure(QWidget):
    """Draws an experiment as far as it has come."""

    def __init__(self) -> None:
        super().__init__()
        tip = "Plain networks are dashed, residual ones solid; the deeper, the heavier. Pale: range over the seeds"
        self._errors = Panels("degradationFigure", "Training and test error", tip)
        self._norms = Panels("gradientFigure", NORMS, tip, logarithmic=True)
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

        def lines(of: Callable[[Curves], Curve], scale: float, style: Callable[[TwinStroke], TwinStroke]) -> list[Line]:
            bands = {twin: band([of(run) for run in runs]) for twin, runs in by_twin.items()}
            return [Line(_scaled(one, scale), style(strokes[twin])) for twin, one in bands.items()]

        shown = [
            Panel(_heading(split, curves), lines(partial(errors, split=split, axis=axis), 100, lambda stroke: stroke))
            for split in SPLITS
        ]
        self._errors.show_panels(shown, axis, last)
        norms = [
            Panel(stage, lines(partial(_norms, stage=stage, axis=axis), 1, fine), _colour(stage))
            for stage in _stages(curves)
        ]
        self._norms.show_panels(norms, axis, last)

    def dress(self) -> None:
        """Take the theme's colours."""
        self._errors.dress()
        self._norms.dress()

    def save(self, path: Path, followed: FollowedExperiment, verdict: Verdict) -> None:
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


def _runs(experiment: Experiment, twin: Twin, curves: Mapping[str, Curves]) -> list[Curves]:
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
