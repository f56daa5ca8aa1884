"""One plot of curves: a rectangle drawn with the mouse zooms, a double-click shows all again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent

from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.plots.axis import CurveAxis
from resnet_studio.gui.plots.curve_layer import CurveLayer, Source
from resnet_studio.gui.plots.downsampling import IdleScheduler

LABELLED = 40
"""Pixels of an x axis with its name."""
PAN, ZOOM = 0.1, 0.8
"""Share of the view that an arrow key moves it by; how much narrower + makes it."""
HOW = (
    "Drag a rectangle to zoom in, double-click to see all again.\n"
    "The wheel zooms, the middle button pans; so do + − and the arrow keys, 0 shows all."
)


class CurvePlot(pg.PlotWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """Shows strokes; tells where it was zoomed to and where the mouse is, so that others can follow."""

    zoomed = Signal()
    """The user chose a range."""
    reset_wished = Signal()
    hovered = Signal(object)
    """x under the mouse, or None."""

    def __init__(self, name: str, title: str, slices: IdleScheduler, *, numbers_below: bool) -> None:
        self.left, self.bottom = CurveAxis("left"), CurveAxis("bottom")
        super().__init__(axisItems={"left": self.left, "bottom": self.bottom}, enableMenu=False)
        named(self, name, title, HOW)
        self.title = title
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.hideButtons()
        # pyqtgraph's own menu, which is not used, outlives its plot unless that is its parent
        self.getPlotItem().ctrlMenu.setParent(self, Qt.WindowType.Popup)
        for axis in (self.left, self.bottom):
            axis.setZValue(-1)  # curves run over the grid
        self.box: Any = self.getViewBox()
        self.box.setMouseMode(pg.ViewBox.RectMode)
        self.box.disableAutoRange()
        self.box.setDefaultPadding(0)
        self.bottom.setStyle(showValues=numbers_below)
        if not numbers_below:
            self.bottom.setHeight(6)
        self.layer = CurveLayer(self.box, slices)
        self._cross = pg.InfiniteLine(angle=90)
        self._cross.setZValue(2)
        self._cross.hide()
        self.addItem(self._cross, ignoreBounds=True)
        self.box.sigRangeChangedManually.connect(lambda *_: self.zoomed.emit())
        self.scene().sigMouseClicked.connect(self._click)
        self.viewport().installEventFilter(self)
        self.dress()

    def show_sources(self, sources: Sequence[Source], *, fresh: bool = False) -> None:
        """Draw these curves, the first at the bottom."""
        self.layer.show_sources(sources, fresh=fresh)

    def show_logarithmic(self, wanted: bool) -> None:
        """Draw y on a logarithmic axis; ranges are in powers of ten from then on."""
        self.layer.logarithmic = wanted
        self.left.setLogMode(y=wanted)

    def show_x(self, low: float, high: float) -> None:
        """Show this part of the x axis."""
        if self.x_range() != (low, high):
            self.box.setXRange(low, high, padding=0)

    def show_y(self, low: float, high: float) -> None:
        self.box.setYRange(low, high, padding=0)

    def x_range(self) -> tuple[float, float]:
        low, high = self.box.viewRange()[0]
        return low, high

    def y_range(self) -> tuple[float, float]:
        low, high = self.box.viewRange()[1]
        return low, high

    def show_label_below(self, label: str) -> None:
        """Say what the x axis is."""
        self.setLabel("bottom", label, color=theme.current().muted, **{"font-size": "9pt"})
        self.bottom.setHeight(LABELLED)

    def show_cross(self, x: float | None) -> None:
        """Draw the crosshair's line at x, or take it away."""
        self._cross.setVisible(x is not None)
        if x is not None:
            self._cross.setValue(x)

    def dress(self) -> None:
        """Take the theme's colours."""
        colours = theme.current()
        self.setBackground(colours.window)
        self.setTitle(self.title, color=colours.text, size="10pt", justify="left")
        for axis in (self.left, self.bottom):
            axis.dress()
        self._cross.setPen(pg.mkPen(colours.muted, width=1))
        self.box.rbScaleBox.setPen(pg.mkPen(colours.accent, width=1))
        self.box.rbScaleBox.setBrush(pg.mkBrush(colours.accent + "30"))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  (Qt's names)
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseMove:
            place = self.mapToScene(event.position().toPoint())
            inside = self.box.sceneBoundingRect().contains(place)
            self.hovered.emit(self.box.mapSceneToView(place).x() if inside else None)
        elif event.type() == QEvent.Type.Leave:
            self.hovered.emit(None)
        return bool(super().eventFilter(watched, event))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        (left, right), (low, high) = self.box.viewRange()
        moves = {
            Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1),
        }  # fmt: skip
        scales = {Qt.Key.Key_Plus: ZOOM, Qt.Key.Key_Equal: ZOOM, Qt.Key.Key_Minus: 1 / ZOOM}
        key = Qt.Key(event.key())
        if key in moves:
            across, up = moves[key]
            self.box.translateBy(x=across * PAN * (right - left), y=up * PAN * (high - low))
            self.zoomed.emit()
        elif key in scales:
            self.box.scaleBy((scales[key], scales[key]))
            self.zoomed.emit()
        elif key in (Qt.Key.Key_0, Qt.Key.Key_Home):
            self.reset_wished.emit()
        else:
            event.ignore()

    def _click(self, event: Any) -> None:
        if event.double() and event.button() == Qt.MouseButton.LeftButton:
            self.reset_wished.emit()
