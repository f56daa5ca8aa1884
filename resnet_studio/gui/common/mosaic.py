"""All feature maps of a layer in one picture: the wheel zooms, dragging pans, a click chooses a channel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QGraphicsRectItem, QVBoxLayout, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import named
from resnet_studio.inference.feature_maps import MapStyle, Place, Values, colour, lookup_table, mosaic
from resnet_studio.inference.values import Pixels

SMALLEST_VIEW = 4.0  # values that are on the screen side by side at least, however far one zooms in
FARTHEST_VIEW = 4.0  # times the mosaic that are on the screen at most
COARSE = 2.5  # pixels of the screen that a value has at least where it is drawn with edges
EDGE = 2  # pixels around the mosaic, in which half of the frame's line lies


class MosaicView(QWidget):
    """One image item, however many channels. Arrow keys walk the channels, a double-click shows all again."""

    channel_chosen = Signal(int)
    hovered = Signal(object)
    """The `Place` under the mouse, or None."""
    menu_wished = Signal(int, QPoint)
    """What can be done with a channel is wished for, at a point of the screen."""

    def __init__(self) -> None:
        super().__init__()
        named(self, "featureMaps", "Feature maps")
        self._values = np.zeros((1, 1, 1), np.float32)
        self._drawing = MapStyle()
        self._order: NDArray[np.intp] | None = None
        self._indices, self._geometry = mosaic(self._values, self._drawing)
        self._chosen = 0
        self._zoomed = False
        self._mouse: QPoint | None = None
        self._view = pg.GraphicsView()
        self._view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._box = pg.ViewBox(lockAspect=True, invertY=True, enableMenu=False)
        self._view.setCentralItem(self._box)
        self._image = pg.ImageItem(axisOrder="row-major")
        self._beyond, self._halo, self._frame = QGraphicsRectItem(), QGraphicsRectItem(), QGraphicsRectItem()
        for item in (self._image, self._beyond, self._halo, self._frame):
            self._box.addItem(item, ignoreBounds=True)
        self._box.sigRangeChangedManually.connect(self._note_zoom)
        self._box.sigTransformChanged.connect(self._choose_smoothing)
        self._view.scene().sigMouseClicked.connect(self._click)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        self._view.viewport().installEventFilter(self)
        self._dress()

    def show_values(self, values: Values, drawing: MapStyle, order: NDArray[np.intp] | None = None) -> None:
        """Show values, channels × height × width, laid out as the drawing says or in an order of channels.

        Zoom and channel stay where a layer has the same shape.
        """
        same, before = values.shape == self._values.shape, self._geometry.order
        self._values, self._drawing, self._order = values, drawing, order
        if same:
            self._draw(self._geometry.columns)
            self._frame_channel()
        else:
            self.show_all()
        if self._mouse is not None and self._geometry.order != before:
            self.hovered.emit(self._under(self._mouse))

    def show_channel(self, channel: int) -> None:
        """Frame a channel, and move the view there if it lies outside."""
        self._chosen = channel
        box = self._frame_channel()
        if not self._box.viewRect().contains(box.center()):
            self._box.translateBy(box.center() - self._box.viewRect().center())

    def show_all(self) -> None:
        """Fit the whole mosaic into the view, from its upper left corner, in as many columns as fill it best."""
        across, down = max(8, self._view.width() - 2 * EDGE), max(8, self._view.height() - 2 * EDGE)
        self._draw(best_columns(self._values.shape, self._gap(), across / down))
        height, width = self._geometry.shape
        scale = max(width / across, height / down)
        self._limit()
        edge = scale * EDGE
        self._box.setRange(QRectF(-edge, -edge, scale * across + 2 * edge, scale * down + 2 * edge), padding=0)
        self._zoomed = False
        self.show_channel(min(self._chosen, self._geometry.channels - 1))

    def channel(self) -> int:
        """The channel that is framed."""
        return self._chosen

    def pixels(self, channel: int) -> Pixels:
        """One channel in the colours that it has in the mosaic."""
        x, y = self._geometry.corner(channel)
        return colour(self._indices[y : y + self._geometry.height, x : x + self._geometry.width], self._drawing.colours)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  (Qt's names)
        columns = self._geometry.columns
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -columns, Qt.Key.Key_Down: columns}
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        elif 0 <= (position := self._geometry.position(self._chosen) + step) < self._geometry.channels:
            self._choose(self._geometry.channel(position))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        """The keyboard's menu is for the framed channel, that of the mouse for the one under it."""
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            middle = self._image.mapRectToScene(self._channel_box(self._chosen)).center()
            point = self._view.mapFromScene(middle)
            self.menu_wished.emit(self._chosen, self._view.viewport().mapToGlobal(point))
        elif place := self._under(event.pos()):
            self._choose(place.channel)
            self.menu_wished.emit(place.channel, event.globalPos())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Tell every move of the mouse: pyqtgraph's own signal leaves out some, and so where the mouse rests."""
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseMove:
            self._mouse = event.position().toPoint()
            self.hovered.emit(self._under(self._mouse))
        elif event.type() == QEvent.Type.Leave:
            self._mouse = None
            self.hovered.emit(None)
        elif isinstance(event, QContextMenuEvent):
            self.contextMenuEvent(event)
            return True
        return False

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        if not self._zoomed:
            self.show_all()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()

    def _dress(self) -> None:
        self._view.setBackground(theme.current().window)
        self._beyond.setPen(pg.mkPen(None))
        self._beyond.setBrush(pg.mkBrush(theme.current().window))
        self._halo.setPen(pg.mkPen("#ffffff", width=2 * EDGE))  # pyqtgraph's pens keep their width at any zoom
        self._frame.setPen(pg.mkPen(theme.current().accent, width=EDGE))

    def _gap(self) -> int:
        """Pixels between maps: more where a large layer is drawn small, none where a map is one value."""
        _, height, width = self._values.shape
        return max(1, height // 28) if height * width > 1 else 0

    def _draw(self, columns: int) -> None:
        self._indices, self._geometry = mosaic(self._values, self._drawing, columns, self._gap(), self._order)
        table = lookup_table(self._drawing.colours)
        self._image.setImage(self._indices, autoLevels=False, levels=(0, 255), lut=table)
        height, width = self._geometry.shape
        x, y = self._geometry.cell(self._geometry.channels)
        whole = QRectF(0, 0, width, height)
        self._beyond.setRect(whole.adjusted(x - self._geometry.gap, y - self._geometry.gap, 0, 0) if x else QRectF())

    def _limit(self) -> None:
        height, width = self._geometry.shape
        far = FARTHEST_VIEW * max(height, width)
        self._box.setLimits(minXRange=SMALLEST_VIEW, minYRange=SMALLEST_VIEW, maxXRange=far, maxYRange=far)

    def _frame_channel(self) -> QRectF:
        box = self._channel_box(self._chosen)
        for frame in (self._halo, self._frame):
            frame.setRect(box)
        return box

    def _channel_box(self, channel: int) -> QRectF:
        x, y = self._geometry.corner(channel)
        half = self._geometry.gap / 2
        return QRectF(x, y, self._geometry.width, self._geometry.height).adjusted(-half, -half, half, half)

    def _note_zoom(self) -> None:
        self._zoomed = True

    def _choose_smoothing(self) -> None:
        """Large values keep their edges; small ones would be one pixel here and two there, so they are smoothed."""
        size, _ = self._box.viewPixelSize()
        self._view.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, size * COARSE > self.devicePixelRatioF())

    def _under(self, point: QPoint) -> Place | None:
        """The value under a point of the view."""
        return self._place(self._view.mapToScene(point))

    def _place(self, scene: QPointF) -> Place | None:
        point = self._image.mapFromScene(scene)
        return self._geometry.at(point.x(), point.y())

    def _click(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if event.double():
            self.show_all()
        elif place := self._place(event.scenePos()):
            self._choose(place.channel)

    def _choose(self, channel: int) -> None:
        self.show_channel(channel)
        self.channel_chosen.emit(channel)


def best_columns(shape: tuple[int, ...], gap: int, ratio: float) -> int:
    """In how many columns maps (channels × height × width) become largest in a view of that width / height."""
    channels, height, width = shape
    columns = np.arange(1, channels + 1)
    across = columns * (width + gap) - gap
    down = -(-channels // columns) * (height + gap) - gap
    return int(columns[np.argmin(np.maximum(across / ratio, down))])
