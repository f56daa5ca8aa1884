"""The plot of networks as points: zoomed like every plot, walked through with arrow keys, clicked to use a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QResizeEvent

from resnet_studio.analysis.network_quantities import NetworkQuantity
from resnet_studio.analysis.scatter import Scatter
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.compare.scatter.layer import ScatterLayer
from resnet_studio.gui.plots.axis import MIN_TICK_SPACING, WIDTH, CurveAxis, log_ticks
from resnet_studio.gui.theme import GRID

LEFT_WIDTH, BOTTOM_HEIGHT = WIDTH + 24, 44
"""Pixels that the axes take with their titles."""
MARGIN = 0.08
"""Part of an axis that is left free at each end."""
ZOOM = 0.8
KEYS = "Left and right walk along x, Enter uses a network; + and − zoom, 0 resets."


class QuantityAxis(CurveAxis):
    """An axis whose numbers are written as its quantity is: "5 G", "20 ms"."""

    def __init__(self, side: Literal["left", "bottom"]) -> None:
        super().__init__(side)
        self._quantity: NetworkQuantity | None = None
        self.setWidth(LEFT_WIDTH) if side == "left" else self.setHeight(BOTTOM_HEIGHT)

    def show_quantity(self, quantity: NetworkQuantity, *, logarithmic: bool) -> None:
        """Set what the axis measures."""
        self._quantity = quantity
        self.setLogMode(x=logarithmic, y=logarithmic)
        self._label()

    def apply_theme(self) -> None:
        super().apply_theme()
        if self._quantity is not None:
            self._label()

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        if self._quantity is None:
            return super().tickStrings(values, scale, spacing)
        return [self._quantity.tick(10.0**value if self.logMode else value) for value in values]

    def logTickValues(self, low: float, high: float, size: float, _linear: Any) -> Any:
        """Numbers on the x axis need more space than those on the y axis."""
        return [(None, log_ticks(low, high, size if self.orientation == "left" else size * SQUEEZE))]

    def _label(self) -> None:
        assert self._quantity is not None
        self.setLabel(self._quantity.axis_title, color=theme.current().muted, **{"font-size": "9pt"})


SQUEEZE = MIN_TICK_SPACING["left"] / 2 / MIN_TICK_SPACING["bottom"]


class ScatterPlot(pg.PlotWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """Shows networks by two quantities."""

    networkSelected = Signal(int)
    """The index of a point that was clicked."""
    hovered = Signal(object)
    """The index of the point under the mouse or of the one that keys have gone to, or None."""

    def __init__(self) -> None:
        self.left, self.bottom = QuantityAxis("left"), QuantityAxis("bottom")
        super().__init__(axisItems={"left": self.left, "bottom": self.bottom}, enableMenu=False)
        set_names(self, "scatterPlot", "Networks by two quantities").setAccessibleDescription(KEYS)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.hideButtons()
        # pyqtgraph's unused menu would outlive the plot without this parent
        self.getPlotItem().ctrlMenu.setParent(self, Qt.WindowType.Popup)
        self.getPlotItem().layout.setContentsMargins(0, GRID, 2 * GRID, 0)  # half of the outermost numbers
        for axis in (self.left, self.bottom):
            axis.setZValue(-1)  # below the points
        self.box: Any = self.getViewBox()
        self.box.setMouseMode(pg.ViewBox.RectMode)
        self.box.disableAutoRange()
        self.box.setDefaultPadding(0)
        self.layer = ScatterLayer()
        self.scene().addItem(self.layer)
        self._scatter: Scatter | None = None
        self._coordinates: NDArray[np.float64] = np.zeros((0, 2))
        self.box.sigRangeChanged.connect(self._place)
        self.box.sigResized.connect(self._place)
        self.scene().sigMouseClicked.connect(self._on_clicked)
        self.viewport().installEventFilter(self)
        self._apply_theme()

    def show_scatter(self, found: Scatter, current: int | None, *, log_x: bool, log_y: bool, keep_range: bool) -> None:
        """Draw these networks; `current` is the index of the current one, and `keep_range` keeps the zoom."""
        self._scatter = found
        self._coordinates = _coordinates(found, log_x=log_x, log_y=log_y)
        self.bottom.show_quantity(found.x, logarithmic=log_x)
        self.left.show_quantity(found.y, logarithmic=log_y)
        self.layer.set_points(found, self._coordinates, current)
        if not keep_range:
            self.reset_zoom()
        self._place()

    def reset_zoom(self) -> None:
        """Show all points."""
        for axis, set_range in enumerate((self.box.setXRange, self.box.setYRange)):
            set_range(*_range(self._coordinates[:, axis]), padding=0)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseMove:
            at = self.layer.point_at(self.mapToScene(event.position().toPoint()))
            self._set_hovered(None if event.buttons() else at)
        elif event.type() == QEvent.Type.Leave:
            self._set_hovered(None)
        return bool(super().eventFilter(watched, event))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        if hasattr(self, "layer"):
            self._place()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "layer"):
            self._apply_theme()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        scales = {Qt.Key.Key_Plus: ZOOM, Qt.Key.Key_Equal: ZOOM, Qt.Key.Key_Minus: 1 / ZOOM}
        key = Qt.Key(event.key())
        if key in steps:
            self._step(steps[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self.layer.hovered is not None:
            self.networkSelected.emit(self.layer.hovered)
        elif key in scales:
            self.box.scaleBy((scales[key], scales[key]))
        elif key in (Qt.Key.Key_0, Qt.Key.Key_Home):
            self.reset_zoom()
        else:
            event.ignore()

    def _step(self, step: int) -> None:
        """Go to the next network along x, beginning with the current one."""
        order = np.argsort(self._coordinates[:, 0], kind="stable").tolist()
        if not order:
            return
        at = self.layer.hovered if self.layer.hovered is not None else self.layer.current
        position = order.index(at) + step if at is not None else 0 if step > 0 else len(order) - 1
        self._set_hovered(order[min(max(position, 0), len(order) - 1)])

    def _set_hovered(self, index: int | None) -> None:
        if index != self.layer.hovered:
            self.layer.set_hovered(index)
            self.viewport().setCursor(
                Qt.CursorShape.ArrowCursor if index is None else Qt.CursorShape.PointingHandCursor
            )
            self.hovered.emit(index)

    def _place(self, *_: object) -> None:
        self.layer.place(self.box.sceneBoundingRect(), *self.box.viewRange())

    def _on_clicked(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if event.double():
            self.reset_zoom()
        elif (index := self.layer.point_at(event.scenePos())) is not None:
            self.networkSelected.emit(index)

    def _apply_theme(self) -> None:
        self.setBackground(theme.current().window)
        for axis in (self.left, self.bottom):
            axis.apply_theme()
        self.layer.update()


def _coordinates(found: Scatter, *, log_x: bool, log_y: bool) -> NDArray[np.float64]:
    """Where the points are on the axes, N × 2."""
    values = np.array([(point.x, point.y) for point in found.points], dtype=float).reshape(-1, 2)
    for axis, logarithmic in enumerate((log_x, log_y)):
        if logarithmic:
            values[:, axis] = np.log10(values[:, axis])
    return values


def _range(values: Sequence[float] | NDArray[np.float64]) -> tuple[float, float]:
    """The range of an axis that has space around all values."""
    if not len(values):
        return 0.0, 1.0
    low, high = float(np.min(values)), float(np.max(values))
    space = MARGIN * (high - low) or max(abs(high), 1.0) * MARGIN
    return low - space, high + space
