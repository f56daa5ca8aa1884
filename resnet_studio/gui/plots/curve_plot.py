"""One plot of curves: dragging a rectangle zooms in, a double-click resets the zoom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent

from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.plots.axis import CurveAxis
from resnet_studio.gui.plots.curve_layer import CurveLayer, StrokeSource
from resnet_studio.gui.plots.downsampling import IdleScheduler

LABELED_HEIGHT = 40
"""Height of an x axis with a label, in pixels."""
PAN, ZOOM = 0.1, 0.8
"""Fraction of the view that an arrow key pans by; factor that + scales the view by."""
MOUSE_TIP = (
    "Drag a rectangle to zoom in, double-click to reset.\n"
    "The wheel zooms, the middle button pans; + − and the arrow keys do the same, 0 resets."
)


class CurvePlot(pg.PlotWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """Shows curves; emits zoom changes and the hovered x, so that other plots can follow."""

    zoomed = Signal()
    """The user has changed the range."""
    resetRequested = Signal()
    hovered = Signal(object)
    """x under the mouse, or None."""

    def __init__(self, name: str, title: str, scheduler: IdleScheduler, *, x_numbers: bool) -> None:
        self.left, self.bottom = CurveAxis("left"), CurveAxis("bottom")
        super().__init__(axisItems={"left": self.left, "bottom": self.bottom}, enableMenu=False)
        set_names(self, name, title, MOUSE_TIP)
        self.title = title
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.hideButtons()
        # pyqtgraph's unused menu would outlive the plot without this parent
        self.getPlotItem().ctrlMenu.setParent(self, Qt.WindowType.Popup)
        for axis in (self.left, self.bottom):
            axis.setZValue(-1)  # below the curves
        self.box: Any = self.getViewBox()
        self.box.setMouseMode(pg.ViewBox.RectMode)
        self.box.disableAutoRange()
        self.box.setDefaultPadding(0)
        self.bottom.setStyle(showValues=x_numbers)
        if not x_numbers:
            self.bottom.setHeight(6)
        self.layer = CurveLayer(self.box, scheduler)
        self._crosshair = pg.InfiniteLine(angle=90)
        self._crosshair.setZValue(2)
        self._crosshair.hide()
        self.addItem(self._crosshair, ignoreBounds=True)
        self.box.sigRangeChangedManually.connect(lambda *_: self.zoomed.emit())
        self.scene().sigMouseClicked.connect(self._on_clicked)
        self.viewport().installEventFilter(self)
        self.apply_theme()

    def set_sources(self, sources: Sequence[StrokeSource], *, clear: bool = False) -> None:
        """Draw these curves, the first at the bottom; `clear` removes the old image at once."""
        self.layer.set_sources(sources, clear=clear)

    def set_logarithmic(self, logarithmic: bool) -> None:
        """Set whether the y axis is logarithmic; its ranges are then powers of ten."""
        self.layer.logarithmic = logarithmic
        self.left.setLogMode(y=logarithmic)

    def set_x_range(self, low: float, high: float) -> None:
        """Set the visible range of x."""
        if self.x_range() != (low, high):
            self.box.setXRange(low, high, padding=0)

    def set_y_range(self, low: float, high: float) -> None:
        self.box.setYRange(low, high, padding=0)

    def x_range(self) -> tuple[float, float]:
        low, high = self.box.viewRange()[0]
        return low, high

    def y_range(self) -> tuple[float, float]:
        low, high = self.box.viewRange()[1]
        return low, high

    def set_x_label(self, label: str) -> None:
        """Label the x axis."""
        self.setLabel("bottom", label, color=theme.current().muted, **{"font-size": "9pt"})
        self.bottom.setHeight(LABELED_HEIGHT)

    def set_crosshair(self, x: float | None) -> None:
        """Draw the crosshair's line at x, or hide it."""
        self._crosshair.setVisible(x is not None)
        if x is not None:
            self._crosshair.setValue(x)

    def apply_theme(self) -> None:
        """Apply the theme's colors."""
        colors = theme.current()
        self.setBackground(colors.window)
        self.setTitle(self.title, color=colors.text, size="10pt", justify="left")
        for axis in (self.left, self.bottom):
            axis.apply_theme()
        self._crosshair.setPen(pg.mkPen(colors.muted, width=1))
        self.box.rbScaleBox.setPen(pg.mkPen(colors.accent, width=1))
        self.box.rbScaleBox.setBrush(pg.mkBrush(colors.accent + "30"))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseMove:
            place = self.mapToScene(event.position().toPoint())
            inside = self.box.sceneBoundingRect().contains(place)
            self.hovered.emit(self.box.mapSceneToView(place).x() if inside else None)
        elif event.type() == QEvent.Type.Leave:
            self.hovered.emit(None)
        return bool(super().eventFilter(watched, event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
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
            self.resetRequested.emit()
        else:
            event.ignore()

    def _on_clicked(self, event: Any) -> None:
        if event.double() and event.button() == Qt.MouseButton.LeftButton:
            self.resetRequested.emit()
