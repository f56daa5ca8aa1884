"""A grid of small images of equal size: the wheel zooms, dragging pans, a click selects one."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QGraphicsRectItem, QVBoxLayout, QWidget

from resnet_studio.gui import theme
from resnet_studio.inference.feature_maps import MosaicGeometry, Place
from resnet_studio.inference.values import Pixels

MIN_VIEW = 4.0  # pixels of the grid visible side by side at the highest zoom
MAX_VIEW = 4.0  # multiples of the grid visible at the lowest zoom
FRAME_WIDTH = 2  # screen pixels around the grid for half of the frame's line


class TileGridView(QWidget):
    """One image item for all tiles. Arrow keys move between tiles, a double-click resets the zoom.

    Subclasses draw the tiles (`_render`) in as many columns as fit best (`_best_columns`).
    """

    tileSelected = Signal(int)
    """The number of the tile that the user has selected; it is the channel of a `Place`."""
    hovered = Signal(object)
    """The `Place` under the mouse, or None."""

    sharp_scale: ClassVar[float] = 1.0
    """Screen pixels per pixel of a tile from which these are drawn with sharp edges."""

    def __init__(self) -> None:
        super().__init__()
        self._geometry = MosaicGeometry(1, 1, 1, 1)
        self._tile = 0
        self._zoomed = self._stretched = False
        """Whether the user has changed the visible part; whether the grid fills the view in both directions."""
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
        self._view.viewport().installEventFilter(self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        self._apply_theme()

    def tile(self) -> int:
        """The framed tile."""
        return self._tile

    def show_tile(self, number: int) -> None:
        """Frame a tile without emitting, and move the view there if it lies outside."""
        self._tile = number
        box, visible = self._frame_tile(), self._box.viewRect()
        if not (visible.intersects(box) if self._stretched else visible.contains(box.center())):
            self._box.translateBy(box.center() - visible.center())

    def show_all(self) -> None:
        """Fit the whole grid into the view, top left, in the number of columns that fills it best."""
        across, down = max(8, self._view.width() - 2 * FRAME_WIDTH), max(8, self._view.height() - 2 * FRAME_WIDTH)
        self._draw(self._best_columns(across / down))
        self._box.setAspectLocked(not self._stretched)
        self._set_limits()
        height, width = self._geometry.shape
        x, y = width / across, height / down
        if not self._stretched:
            x = y = max(x, y)
        margins = x * FRAME_WIDTH, y * FRAME_WIDTH
        self._box.setRange(
            QRectF(-margins[0], -margins[1], x * across + 2 * margins[0], y * down + 2 * margins[1]), padding=0
        )
        self._zoomed = False
        self.show_tile(min(self._tile, self._geometry.channels - 1))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        columns = self._geometry.columns
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -columns, Qt.Key.Key_Down: columns}
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        elif 0 <= (position := self._geometry.position(self._tile) + step) < self._geometry.channels:
            self._select(self._geometry.channel(position))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Emit `hovered` at every mouse move; pyqtgraph's own signal drops some, and so the last position."""
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseMove:
            self._mouse = event.position().toPoint()
            self.hovered.emit(self._place_at(self._mouse))
        elif event.type() == QEvent.Type.Leave:
            self._mouse = None
            self.hovered.emit(None)
        return False

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if not self._zoomed:
            self.show_all()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._apply_theme()
            self._draw(self._geometry.columns)

    def _best_columns(self, ratio: float) -> int:
        """The number of columns for a view that is `ratio` times as wide as high."""
        raise NotImplementedError

    def _render(self, columns: int) -> tuple[NDArray[np.uint8], MosaicGeometry, Pixels | None]:
        """The grid as an image, its geometry, and the colors if the image consists of indices."""
        raise NotImplementedError

    def _draw(self, columns: int) -> None:
        image, self._geometry, table = self._render(columns)
        self._image.setImage(image, autoLevels=False, levels=(0, 255), lut=table)
        height, width = self._geometry.shape
        x, y = self._geometry.cell(self._geometry.channels)
        gap = self._geometry.gap
        self._unused_cells.setRect(QRectF(0, 0, width, height).adjusted(x - gap, y - gap, 0, 0) if x else QRectF())

    def _apply_theme(self) -> None:
        self._view.setBackground(theme.current().window)
        self._unused_cells.setPen(pg.mkPen(None))
        self._unused_cells.setBrush(pg.mkBrush(theme.current().window))
        self._halo.setPen(pg.mkPen("#ffffff", width=2 * FRAME_WIDTH))  # pyqtgraph's pens are cosmetic
        self._frame.setPen(pg.mkPen(theme.current().accent, width=FRAME_WIDTH))

    def _set_limits(self) -> None:
        height, width = self._geometry.shape
        largest = MAX_VIEW * max(height, width)
        self._box.setLimits(
            minXRange=min(MIN_VIEW, width), minYRange=min(MIN_VIEW, height), maxXRange=largest, maxYRange=largest
        )

    def _frame_tile(self) -> QRectF:
        box = self._tile_box(self._tile)
        for frame in (self._halo, self._frame):
            frame.setRect(box)
        return box

    def _tile_box(self, number: int) -> QRectF:
        x, y = self._geometry.corner(number)
        half = self._geometry.gap / 2
        return QRectF(x, y, self._geometry.width, self._geometry.height).adjusted(-half, -half, half, half)

    def _on_range_changed(self) -> None:
        self._zoomed = True

    def _update_smoothing(self) -> None:
        """Keep sharp edges for large pixels; smooth small ones, which would be of uneven width on the screen."""
        size = max(self._box.viewPixelSize())
        smooth = size * self.sharp_scale > self.devicePixelRatioF()
        self._view.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)

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
            self._select(place.channel)

    def _select(self, number: int) -> None:
        self.show_tile(number)
        self.tileSelected.emit(number)


def best_columns(shape: tuple[int, ...], gap: int, ratio: float) -> int:
    """The number of columns in which tiles of shape (count, height, width) are largest at this aspect ratio."""
    count, height, width = shape
    columns = np.arange(1, count + 1)
    across = columns * (width + gap) - gap
    down = -(-count // columns) * (height + gap) - gap
    return int(columns[np.argmin(np.maximum(across / ratio, down))])
