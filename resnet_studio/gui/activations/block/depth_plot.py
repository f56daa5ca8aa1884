"""The deviation of every block's F(x) and x over the depth of a network and its twin."""

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
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.plots.axis import CurveAxis
from resnet_studio.gui.plots.styles import PALETTE, NetworkStroke, mixed
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.counterparts import Responses

THICK, THIN, PALER, DOT = 2.0, 1.2, 0.55, 6
"""Pixels of the lines of F(x) and of x; share of its colour that x's line has; pixels of a point."""
BELOW, ROOM = 36, 1.06
HOW = "A click goes to that block"


@dataclass(frozen=True, slots=True)
class ResponseLines:
    """How a network's two lines look: the paper draws residual ones solid and plain ones dashed."""

    residual: NetworkStroke
    x: NetworkStroke


def strokes(plain: bool) -> ResponseLines:
    """The lines of a plain or of a residual network."""
    dark = theme.current() is theme.DARK
    colour = PALETTE["vermillion" if plain else "sky blue" if dark else "blue"]
    return ResponseLines(NetworkStroke(colour, THICK, plain), NetworkStroke(mixed(colour, PALER), THIN, plain))


class DepthPlot(pg.PlotWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """Blocks from left to right, named where a stage begins."""

    block_chosen = Signal(str)
    hovered = Signal(object)
    """The number of the block under the mouse, or None."""

    def __init__(self) -> None:
        self._left, self._bottom = CurveAxis("left"), _Stages()
        super().__init__(axisItems={"left": self._left, "bottom": self._bottom}, enableMenu=False)
        named(self, "depthPlot", "Deviation of layer responses over depth", HOW)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hideButtons()
        # pyqtgraph's own menu, which is not used, outlives its plot unless that is its parent
        self.getPlotItem().ctrlMenu.setParent(self, Qt.WindowType.Popup)
        for axis in (self._left, self._bottom):
            axis.setZValue(-1)  # curves run over the grid
        self._bottom.setHeight(BELOW)
        self.getPlotItem().layout.setContentsMargins(0, GRID, GRID, 0)  # for half of the topmost number
        self._box: Any = self.getViewBox()
        self._box.setMouseEnabled(x=False, y=False)
        self._box.disableAutoRange()
        self._box.setDefaultPadding(0)
        self._responses: tuple[Responses, ...] = ()
        self._blocks: tuple[str, ...] = ()
        self._chosen = ""
        self._here, self._under = pg.InfiniteLine(angle=90), pg.InfiniteLine(angle=90)
        for line in (self._here, self._under):
            line.setZValue(-0.5)
            line.hide()
        self.scene().sigMouseClicked.connect(self._click)
        self.viewport().installEventFilter(self)
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor)
        self._dress()

    def show_responses(self, responses: Sequence[Responses]) -> None:
        """Draw these networks' lines; they have the same blocks."""
        self._responses = tuple(responses)
        self._blocks = responses[0].blocks if responses else ()
        self._bottom.show_blocks(self._blocks)
        self._draw()

    def show_block(self, block: str) -> None:
        """Mark the block that is looked at."""
        self._chosen = block
        self._here.setVisible(block in self._blocks)
        if block in self._blocks:
            self._here.setValue(self._blocks.index(block))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  (Qt's names)
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseMove:
            self._hover(self._number(self.mapToScene(event.position().toPoint())))
        elif event.type() == QEvent.Type.Leave:
            self._hover(None)
        return bool(super().eventFilter(watched, event))

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_responses"):
            self._dress()
            self._draw()

    def _dress(self) -> None:
        colours = theme.current()
        self.setBackground(colours.window)
        for axis in (self._left, self._bottom):
            axis.dress()
        self._bottom.setGrid(False)
        for axis, said in ((self._left, "deviation"), (self._bottom, "block")):
            axis.setLabel(said, color=colours.muted, **{"font-size": "9pt"})
        self._here.setPen(pg.mkPen(colours.accent, width=1))
        self._under.setPen(pg.mkPen(colours.rule, width=1))

    def _draw(self) -> None:
        self.clear()
        for line in (self._under, self._here):
            self.addItem(line, ignoreBounds=True)
        for one in self._responses:
            look = strokes(one.plain)
            self._add(one.inputs, look.x)
            self._add(one.residuals, look.residual)
        for one in self._responses:
            self._add_dots(one)
        greatest = max((one.greatest for one in self._responses), default=0.0) or 1.0
        self._box.setRange(xRange=(-0.5, max(len(self._blocks), 1) - 0.5), yRange=(0, ROOM * greatest), padding=0)
        self.show_block(self._chosen)

    def _add(self, values: Sequence[float], stroke: NetworkStroke) -> None:
        across = np.arange(len(values))
        self.addItem(pg.PlotCurveItem(across, np.array(values), pen=stroke.pen(), connect="finite", antialias=True))

    def _add_dots(self, one: Responses) -> None:
        known = [(number, value) for number, value in enumerate(one.residuals) if math.isfinite(value)]
        brush = pg.mkBrush(theme.current().window if one.plain else strokes(plain=False).residual.colour)
        pen = pg.mkPen(strokes(one.plain).residual.colour, width=1.5)
        self.addItem(pg.ScatterPlotItem(pos=known, size=DOT, pen=pen, brush=brush) if known else pg.ScatterPlotItem())

    def _number(self, scene: Any) -> int | None:
        if not self._blocks or not self._box.sceneBoundingRect().contains(scene):
            return None
        number: int = round(self._box.mapSceneToView(scene).x())
        return min(max(number, 0), len(self._blocks) - 1)

    def _hover(self, number: int | None) -> None:
        self._under.setVisible(number is not None)
        if number is not None:
            self._under.setValue(number)
        self.hovered.emit(number)

    def _click(self, event: Any) -> None:
        number = self._number(event.scenePos())
        if event.button() == Qt.MouseButton.LeftButton and number is not None:
            self.block_chosen.emit(self._blocks[number])


class _Stages(CurveAxis):
    """Says the number of the first block of each stage, and of the others where there is room: "3.0" for layer3.0."""

    def __init__(self) -> None:
        super().__init__("bottom")
        self._blocks: tuple[str, ...] = ()

    def show_blocks(self, blocks: Sequence[str]) -> None:
        self._blocks = tuple(blocks)
        self.picture = None
        self.update()

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:  # noqa: N802
        numbers = range(len(self._blocks))
        if len(self._blocks) * ROOM_OF_A_NUMBER <= size:
            return [(1.0, list(map(float, numbers)))]
        stages = groupby(numbers, lambda number: self._blocks[number].partition(".")[0])
        return [(1.0, [float(next(members)) for _, members in stages])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:  # noqa: N802
        return [self._blocks[round(value)].removeprefix("layer") for value in values]


ROOM_OF_A_NUMBER = 32
"""Pixels of "3.10"."""
