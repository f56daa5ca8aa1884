"""The standard deviation of every block's F(x) and x over the depth of a network and its plain counterpart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QMouseEvent

from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.plots.axis import CurveAxis
from resnet_studio.gui.plots.styles import PALETTE, NetworkStroke, blended
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.counterparts import Responses

F_WIDTH, X_WIDTH, X_BLEND, POINT_SIZE = 2.0, 1.2, 0.55, 6
"""Widths of the lines of F(x) and of x in pixels; share of the color in x's paler line; size of a point in pixels."""
AXIS_HEIGHT, HEADROOM = 36, 1.06
TIP = "Click selects the block"


@dataclass(frozen=True, slots=True)
class ResponseLines:
    """The strokes of a network's two lines: like the paper, residual networks are solid and plain ones dashed."""

    residual: NetworkStroke
    x: NetworkStroke


def response_lines(plain: bool) -> ResponseLines:
    """The strokes for a plain or a residual network."""
    dark = theme.current() is theme.DARK
    color = PALETTE["vermillion" if plain else "sky blue" if dark else "blue"]
    return ResponseLines(NetworkStroke(color, F_WIDTH, plain), NetworkStroke(blended(color, X_BLEND), X_WIDTH, plain))


class DepthPlot(pg.PlotWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """A point per block from left to right; the axis labels the first block of each stage."""

    blockSelected = Signal(str)
    hovered = Signal(object)
    """The index of the block under the mouse, or None."""

    def __init__(self) -> None:
        self._left, self._bottom = CurveAxis("left"), _BlockAxis()
        super().__init__(axisItems={"left": self._left, "bottom": self._bottom}, enableMenu=False)
        set_names(self, "depthPlot", "Standard deviation of layer responses over depth", TIP)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hideButtons()
        # pyqtgraph's own menu is not used; it would outlive the plot if the plot were not its parent
        self.getPlotItem().ctrlMenu.setParent(self, Qt.WindowType.Popup)
        for axis in (self._left, self._bottom):
            axis.setZValue(-1)  # curves are drawn over the grid
        self._bottom.setHeight(AXIS_HEIGHT)
        self.getPlotItem().layout.setContentsMargins(0, GRID, GRID, 0)  # half of the topmost label
        self._box: Any = self.getViewBox()
        self._box.setMouseEnabled(x=False, y=False)
        self._box.disableAutoRange()
        self._box.setDefaultPadding(0)
        self._responses: tuple[Responses, ...] = ()
        self._blocks: tuple[str, ...] = ()
        self._block = ""
        self._selected_line, self._hover_line = pg.InfiniteLine(angle=90), pg.InfiniteLine(angle=90)
        for line in (self._selected_line, self._hover_line):
            line.setZValue(-0.5)
            line.hide()
        self.scene().sigMouseClicked.connect(self._on_click)
        self.viewport().installEventFilter(self)
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor)
        self._apply_theme()

    def show_responses(self, responses: Sequence[Responses]) -> None:
        """Draw the lines of these networks, which have the same blocks."""
        self._responses = tuple(responses)
        self._blocks = responses[0].blocks if responses else ()
        self._bottom.show_blocks(self._blocks)
        self._draw()

    def show_block(self, block: str) -> None:
        """Mark the selected block."""
        self._block = block
        self._selected_line.setVisible(block in self._blocks)
        if block in self._blocks:
            self._selected_line.setValue(self._blocks.index(block))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseMove:
            self._set_hovered(self._block_at(self.mapToScene(event.position().toPoint())))
        elif event.type() == QEvent.Type.Leave:
            self._set_hovered(None)
        return bool(super().eventFilter(watched, event))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_responses"):
            self._apply_theme()
            self._draw()

    def _apply_theme(self) -> None:
        palette = theme.current()
        self.setBackground(palette.window)
        for axis in (self._left, self._bottom):
            axis.apply_theme()
        self._bottom.setGrid(False)
        for axis, text in ((self._left, "std"), (self._bottom, "block")):
            axis.setLabel(text, color=palette.muted, **{"font-size": "9pt"})
        self._selected_line.setPen(pg.mkPen(palette.accent, width=1))
        self._hover_line.setPen(pg.mkPen(palette.rule, width=1))

    def _draw(self) -> None:
        self.clear()
        for line in (self._hover_line, self._selected_line):
            self.addItem(line, ignoreBounds=True)
        for network in self._responses:
            lines = response_lines(network.plain)
            self._add_line(network.inputs, lines.x)
            self._add_line(network.residuals, lines.residual)
        for network in self._responses:
            self._add_points(network)
        largest = max((network.largest for network in self._responses), default=0.0) or 1.0
        self._box.setRange(xRange=(-0.5, max(len(self._blocks), 1) - 0.5), yRange=(0, HEADROOM * largest), padding=0)
        self.show_block(self._block)

    def _add_line(self, values: Sequence[float], stroke: NetworkStroke) -> None:
        indices = np.arange(len(values))
        self.addItem(pg.PlotCurveItem(indices, np.array(values), pen=stroke.pen(), connect="finite", antialias=True))

    def _add_points(self, network: Responses) -> None:
        points = [(number, value) for number, value in enumerate(network.residuals) if math.isfinite(value)]
        brush = pg.mkBrush(theme.current().window if network.plain else response_lines(plain=False).residual.color)
        pen = pg.mkPen(response_lines(network.plain).residual.color, width=1.5)
        self.addItem(
            pg.ScatterPlotItem(pos=points, size=POINT_SIZE, pen=pen, brush=brush) if points else pg.ScatterPlotItem()
        )

    def _block_at(self, scene: Any) -> int | None:
        if not self._blocks or not self._box.sceneBoundingRect().contains(scene):
            return None
        number: int = round(self._box.mapSceneToView(scene).x())
        return min(max(number, 0), len(self._blocks) - 1)

    def _set_hovered(self, number: int | None) -> None:
        self._hover_line.setVisible(number is not None)
        if number is not None:
            self._hover_line.setValue(number)
        self.hovered.emit(number)

    def _on_click(self, event: Any) -> None:
        number = self._block_at(event.scenePos())
        if event.button() == Qt.MouseButton.LeftButton and number is not None:
            self.blockSelected.emit(self._blocks[number])


class _BlockAxis(CurveAxis):
    """Labels the first block of each stage, and the others if they fit: "3.0" for layer3.0."""

    def __init__(self) -> None:
        super().__init__("bottom")
        self._blocks: tuple[str, ...] = ()

    def show_blocks(self, blocks: Sequence[str]) -> None:
        self._blocks = tuple(blocks)
        self.picture = None
        self.update()

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        numbers = range(len(self._blocks))
        if len(self._blocks) * LABEL_WIDTH <= size:
            return [(1.0, list(map(float, numbers)))]
        stages = groupby(numbers, lambda number: self._blocks[number].partition(".")[0])
        return [(1.0, [float(next(members)) for _, members in stages])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [self._blocks[round(value)].removeprefix("layer") for value in values]


LABEL_WIDTH = 32
"""Pixels that the label "3.10" takes."""
