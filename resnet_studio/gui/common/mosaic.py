"""All feature maps of a layer in one image: the wheel zooms, dragging pans, a click selects a channel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QGraphicsRectItem, QVBoxLayout, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.inference.feature_maps import MapStyle, Place, Values, apply_colormap, lookup_table, mosaic
from resnet_studio.inference.values import Pixels

MIN_VIEW = 4.0  # values visible side by side at the highest zoom
MAX_VIEW = 4.0  # multiples of the mosaic visible at the lowest zoom
SHARP_SCALE = 2.5  # screen pixels per value from which values are drawn with sharp edges
FRAME_WIDTH = 2  # pixels around the mosaic for half of the frame's line


class MosaicView(QWidget):
    """One image item for all channels. Arrow keys move between channels, a double-click resets the zoom."""

    channelSelected = Signal(int)
    hovered = Signal(object)
    """The `Place` under the mouse, or None."""
    menuRequested = Signal(int, QPoint)
    """A channel and the global position of its context menu."""

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "featureMaps", "Feature maps")
        self._values = np.zeros((1, 1, 1), np.float32)
        self._style = MapStyle()
        self._order: NDArray[np.intp] | None = None
        self._indices, self._geometry = mosaic(self._values, self._style)
        self._channel = 0
        self._zoomed = False
        self._mouse: QPoint | None = None
        self._view = pg.GraphicsView()
        self._view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._box = pg.ViewBox(lockAspect=True, invertY=True, enableMenu=False)
        self._view.setCentralItem(self._box)
        self._image = pg.ImageItem(axisOrder="row-major")
        self._unused_cells, self._halo, self._frame = QGraphicsRectItem(), QGraphicsRectItem(), QGraphicsRectItem()
        for item in (self._image, self._unused_cells, self._halo, self._frame):
            self._box.addItem(item, ignoreBounds=True)
        self._box.sigRangeChangedManually.connect(self._on_range_changed)
        self._box.sigTransformChanged.connect(self._update_smoothing)
        self._view.scene().sigMouseClicked.connect(self._on_clicked)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        self._view.viewport().installEventFilter(self)
        self._apply_theme()

    def set_values(self, values: Values, style: MapStyle, order: NDArray[np.intp] | None = None) -> None:
        """Show values of shape (channels, height, width) in a style and, if given, an order of channels.

        Zoom and channel stay if the shape is the same.
        """
        same_shape, old_order = values.shape == self._values.shape, self._geometry.order
        self._values, self._style, self._order = values, style, order
        if same_shape:
            self._draw(self._geometry.columns)
            self._frame_channel()
        else:
            self.show_all()
        if self._mouse is not None and self._geometry.order != old_order:
            self.hovered.emit(self._place_at(self._mouse))

    def show_channel(self, channel: int) -> None:
        """Frame a channel, and move the view there if it lies outside."""
        self._channel = channel
        box = self._frame_channel()
        if not self._box.viewRect().contains(box.center()):
            self._box.translateBy(box.center() - self._box.viewRect().center())

    def show_all(self) -> None:
        """Fit the whole mosaic into the view, top left, in the number of columns that fills it best."""
        across, down = max(8, self._view.width() - 2 * FRAME_WIDTH), max(8, self._view.height() - 2 * FRAME_WIDTH)
        self._draw(best_columns(self._values.shape, self._gap(), across / down))
        height, width = self._geometry.shape
        scale = max(width / across, height / down)
        self._set_limits()
        edge = scale * FRAME_WIDTH
        self._box.setRange(QRectF(-edge, -edge, scale * across + 2 * edge, scale * down + 2 * edge), padding=0)
        self._zoomed = False
        self.show_channel(min(self._channel, self._geometry.channels - 1))

    def channel(self) -> int:
        """The framed channel."""
        return self._channel

    def pixels(self, channel: int) -> Pixels:
        """One channel in the colors of the mosaic."""
        x, y = self._geometry.corner(channel)
        return apply_colormap(
            self._indices[y : y + self._geometry.height, x : x + self._geometry.width], self._style.colours
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        columns = self._geometry.columns
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -columns, Qt.Key.Key_Down: columns}
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        elif 0 <= (position := self._geometry.position(self._channel) + step) < self._geometry.channels:
            self._select_channel(self._geometry.channel(position))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The keyboard opens the framed channel's menu, the mouse that of the channel under it."""
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            middle = self._image.mapRectToScene(self._channel_box(self._channel)).center()
            point = self._view.mapFromScene(middle)
            self.menuRequested.emit(self._channel, self._view.viewport().mapToGlobal(point))
        elif place := self._place_at(event.pos()):
            self._select_channel(place.channel)
            self.menuRequested.emit(place.channel, event.globalPos())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Emit `hovered` at every mouse move; pyqtgraph's own signal drops some, and so the last position."""
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseMove:
            self._mouse = event.position().toPoint()
            self.hovered.emit(self._place_at(self._mouse))
        elif event.type() == QEvent.Type.Leave:
            self._mouse = None
            self.hovered.emit(None)
        elif isinstance(event, QContextMenuEvent):
            self.contextMenuEvent(event)
            return True
        return False

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if not self._zoomed:
            self.show_all()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._apply_theme()

    def _apply_theme(self) -> None:
        self._view.setBackground(theme.current().window)
        self._unused_cells.setPen(pg.mkPen(None))
        self._unused_cells.setBrush(pg.mkBrush(theme.current().window))
        self._halo.setPen(pg.mkPen("#ffffff", width=2 * FRAME_WIDTH))  # pyqtgraph's pens are cosmetic
        self._frame.setPen(pg.mkPen(theme.current().accent, width=FRAME_WIDTH))

    def _gap(self) -> int:
        """Pixels between maps: more for a large layer, none if a map is one value."""
        _, height, width = self._values.shape
        return max(1, height // 28) if height * width > 1 else 0

    def _draw(self, columns: int) -> None:
        self._indices, self._geometry = mosaic(self._values, self._style, columns, self._gap(), self._order)
        table = lookup_table(self._style.colours)
        self._image.setImage(self._indices, autoLevels=False, levels=(0, 255), lut=table)
        height, width = self._geometry.shape
        x, y = self._geometry.cell(self._geometry.channels)
        mosaic_rect = QRectF(0, 0, width, height)
        self._unused_cells.setRect(
            mosaic_rect.adjusted(x - self._geometry.gap, y - self._geometry.gap, 0, 0) if x else QRectF()
        )

    def _set_limits(self) -> None:
        height, width = self._geometry.shape
        largest = MAX_VIEW * max(height, width)
        self._box.setLimits(minXRange=MIN_VIEW, minYRange=MIN_VIEW, maxXRange=largest, maxYRange=largest)

    def _frame_channel(self) -> QRectF:
        box = self._channel_box(self._channel)
        for frame in (self._halo, self._frame):
            frame.setRect(box)
        return box

    def _channel_box(self, channel: int) -> QRectF:
        x, y = self._geometry.corner(channel)
        half = self._geometry.gap / 2
        return QRectF(x, y, self._geometry.width, self._geometry.height).adjusted(-half, -half, half, half)

    def _on_range_changed(self) -> None:
        self._zoomed = True

    def _update_smoothing(self) -> None:
        """Keep sharp edges for large values; smooth small ones, which would be of uneven width in pixels."""
        size, _ = self._box.viewPixelSize()
        self._view.setRenderHint(
            QPainter.RenderHint.SmoothPixmapTransform, size * SHARP_SCALE > self.devicePixelRatioF()
        )

    def _place_at(self, point: QPoint) -> Place | None:
        """The value under a point of the view."""
        return self._place(self._view.mapToScene(point))

    def _place(self, scene: QPointF) -> Place | None:
        point = self._image.mapFromScene(scene)
        return self._geometry.at(point.x(), point.y())

    def _on_clicked(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if event.double():
            self.show_all()
        elif place := self._place(event.scenePos()):
            self._select_channel(place.channel)

    def _select_channel(self, channel: int) -> None:
        self.show_channel(channel)
        self.channelSelected.emit(channel)


def best_columns(shape: tuple[int, ...], gap: int, ratio: float) -> int:
    """The number of columns in which maps of shape (channels, height, width) are largest at this aspect ratio."""
    channels, height, width = shape
    columns = np.arange(1, channels + 1)
    across = columns * (width + gap) - gap
    down = -(-channels // columns) * (height + gap) - gap
    return int(columns[np.argmin(np.maximum(across / ratio, down))])
