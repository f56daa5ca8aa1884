"""The learning rate schedule of the next run."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from resnet_studio.formatting import significant
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.plots.axis import CurveAxis
from resnet_studio.gui.plots.curve_plot import LABELED_HEIGHT
from resnet_studio.gui.theme import GRID
from resnet_studio.training.recipe import Recipe, learning_rate

POINTS = 400
UNKNOWN = 100
"""Steps per epoch to assume while they are unknown: enough to show the shape of the curve."""


class LearningRatePlot(QWidget):
    """Plots the recipe's learning rate against its own unit; hovering shows the value."""

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "ratePlot", "Learning rate schedule")
        self._recipe, self._per_epoch = Recipe(), UNKNOWN
        self._summary = ""
        self._label = set_names(QLabel(), "rateWords", "Learning rate")
        self._label.setProperty("quiet", True)
        self._label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._axes = CurveAxis("left"), CurveAxis("bottom")
        self._axes[1].setHeight(LABELED_HEIGHT)
        self._axes[1].setStyle(hideOverlappingLabels=False)
        self._view = pg.PlotWidget(axisItems={axis.orientation: axis for axis in self._axes}, enableMenu=False)
        self._plot = self._view.getPlotItem()
        unused = self._plot.ctrlMenu  # pyqtgraph's own menu would outlive its plot
        unused.setParent(self, unused.windowFlags())
        self._plot.hideButtons()
        self._plot.setMouseEnabled(False, False)
        self._view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._view.setMinimumSize(160, 88)
        self._plot.layout.setContentsMargins(0, 4, 16, 0)
        self._curve = self._plot.plot(antialias=True)
        self._cross = pg.InfiniteLine(angle=90)
        self._cross.hide()
        self._plot.addItem(self._cross, ignoreBounds=True)
        self._view.scene().sigMouseMoved.connect(self._on_mouse_moved)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        column.addWidget(self._label)
        column.addWidget(self._view, 1)
        self._apply_theme()

    def show_recipe(self, recipe: Recipe, per_epoch: int | None) -> None:
        """Plot a recipe's schedule. Without `per_epoch` only the shape of a recipe in epochs is right."""
        self._recipe, self._per_epoch = recipe, per_epoch or UNKNOWN
        steps = sampled_steps(recipe, self._per_epoch)
        rates = [learning_rate(recipe, step, self._per_epoch) for step in steps.tolist()]
        self._curve.setData(steps / self._scale(), rates)
        self._plot.setXRange(0, recipe.length, padding=0.01)
        self._plot.setYRange(0, max(max(rates), 1e-12), padding=0.06)
        highest = rates.index(max(rates))
        self._summary = f"Learning rate {significant(rates[0])}"
        if rates[highest] > rates[0]:
            self._summary += f" → {significant(rates[highest])}"
        if rates[-1] < rates[highest]:
            ends = significant(rates[-1]) if rates[-1] > rates[highest] / 1000 else "~0"
            self._summary += f" → {ends}"
        self._show_text(self._summary)
        self._plot.setLabel("bottom", recipe.unit)
        over = f"over {recipe.length:,} {recipe.unit}"
        self._label.setToolTip(f"{over}\ninitial {rates[0]!r}\nmax {rates[highest]!r}\nfinal {rates[-1]!r}")
        self.setAccessibleDescription(f"{self._summary} {over}")

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._apply_theme()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._cross.hide()
        self._show_text(self._summary)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_text(self._summary)

    def _show_text(self, text: str) -> None:
        """Show the text, shortened if it doesn't fit."""
        fits = self.fontMetrics().horizontalAdvance(text) <= self.width()
        self._label.setText(text if fits else text.replace("Learning rate", "LR"))

    def _scale(self) -> int:
        """Steps per unit of the recipe."""
        return self._per_epoch if self._recipe.unit == "epochs" else 1

    def _on_mouse_moved(self, scene: QPointF) -> None:
        """Show the learning rate at the mouse position."""
        x = self._plot.getViewBox().mapSceneToView(scene).x()
        if not 0 <= x <= self._recipe.length:
            return
        step = min(int(x * self._scale()), self._recipe.length * self._scale() - 1)
        self._cross.setPos(x)
        self._cross.show()
        rate = significant(learning_rate(self._recipe, step, self._per_epoch))
        at = f"epoch {x:.1f}" if self._recipe.unit == "epochs" else f"step {step:,}"
        self._show_text(f"Learning rate {rate} at {at}")

    def _apply_theme(self) -> None:
        colors = theme.current()
        self._view.setBackground(colors.window)
        self._curve.setPen(pg.mkPen(colors.accent, width=2))
        self._cross.setPen(pg.mkPen(colors.muted))
        for axis in self._axes:
            axis.apply_theme()
            axis.setGrid(False)


def sampled_steps(recipe: Recipe, per_epoch: int) -> NDArray[np.int64]:
    """Evenly spaced steps of a run, and both sides of each jump of the learning rate."""
    total = recipe.in_steps(recipe.length, per_epoch)
    jumps = [recipe.in_steps(at, per_epoch) for at in (*recipe.milestones, recipe.warmup)]
    wanted = [*np.linspace(0, total - 1, min(POINTS, total)).astype(int), *jumps, *(at - 1 for at in jumps)]
    steps = np.unique(np.array(wanted, np.int64))
    return steps[(steps >= 0) & (steps < total)]
