"""The filters of a layer as a grid of tiles, or as one matrix: the wheel zooms, dragging pans, a click selects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QGraphicsRectItem, QVBoxLayout, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.mosaic import best_columns
from resnet_studio.inference.feature_maps import GAP, MosaicGeometry, Place, lookup_table
from resnet_studio.inference.kernels import tile_grid

MIN_HEIGHT = 120  # minimum height in pixels
MARGIN = 2  # pixels around the grid; half of the frame's line is drawn there
MIN_TILE_SIZE = 28  # tiles are upsampled to this many pixels, so that the gaps are narrower than a weight
MAX_VIEW, MIN_VIEW = 4.0, 4.0  # greatest visible range in grids, smallest in pixels of the grid

Tiles = NDArray[np.uint8]


class FilterGrid(QWidget):
    """Tiles are indices into the diverging colormap (N × height × width) or RGB (N × height × width × 3)."""

    tileSelected = Signal(int)
    hovered = Signal(object)
    """The `Place` under the mouse, with the tile as its channel, or None."""

    def __init__(self) -> None:
        super().__init__()
        tip = "Click selects, arrow keys move, wheel zooms, double-click shows all"
        set_names(self, "kernelFilters", "Filters", tip)
        self._tiles: Tiles = np.zeros((1, 1, 1), np.uint8)
        self._matrix = self._zoomed = False
        self._selected, self._upsampling = 0, 1
        self._geometry = MosaicGeometry(1, 1, 1, 1)
        self._view = pg.GraphicsView()
        self._view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._box = pg.ViewBox(lockAspect=True, invertY=True, enableMenu=False)
        self._view.setCentralItem(self._box)
        self._image = pg.ImageItem(axisOrder="row-major")
        self._padding, self._halo, self._frame = QGraphicsRectItem(), QGraphicsRectItem(), QGraphicsRectItem()
        for item in (self._image, self._padding, self._halo, self._frame):
            self._box.addItem(item, ignoreBounds=True)
        self._box.sigRangeChangedManually.connect(self._on_zoomed)
        self._box.sigTransformChanged.connect(self._update_smoothing)
        self._view.scene().sigMouseClicked.connect(self._on_click)
        self._view.viewport().installEventFilter(self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(MIN_HEIGHT)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        self._apply_theme()

    def show_tiles(self, tiles: Tiles, selected: int, *, matrix: bool = False) -> None:
        """Show tiles; a matrix has one per row and fills the view. The zoom stays if the shape does."""
        same = (tiles.shape, matrix) == (self._tiles.shape, self._matrix)
        self._tiles, self._matrix, self._selected = tiles, matrix, selected
        if same and self._zoomed:
            self._draw(self._geometry.columns)
        else:
            self.show_all()

    def show_tile(self, number: int) -> None:
        """Frame a tile without emitting, and scroll to it if it is not visible."""
        self._selected = min(max(number, 0), len(self._tiles) - 1)
        rect = self._tile_rect(self._selected)
        for frame in (self._halo, self._frame):
            frame.setRect(rect)
        if not self._box.viewRect().intersects(rect):
            self._box.translateBy(rect.center() - self._box.viewRect().center())

    def show_all(self) -> None:
        """Fit all tiles into the view, aligned to its upper left corner."""
        across, down = max(8, self._view.width() - 2 * MARGIN), max(8, self._view.height() - 2 * MARGIN)
        count, height, width = self._tiles.shape[:3]
        self._upsampling = 1 if self._matrix else max(1, MIN_TILE_SIZE // max(height, width))
        shape = count, height * self._upsampling, width * self._upsampling
        self._box.setAspectLocked(not self._matrix)
        self._draw(1 if self._matrix else best_columns(shape, self._gap(), across / down))
        height, width = self._geometry.shape
        self._box.setLimits(
            minXRange=min(MIN_VIEW, width), minYRange=min(MIN_VIEW, height),
            maxXRange=MAX_VIEW * max(height, width), maxYRange=MAX_VIEW * max(height, width),
        )  # fmt: skip
        scales = (width / across, height / down)
        if not self._matrix:
            scales = (max(scales),) * 2
        edges = [scale * MARGIN for scale in scales]
        self._box.setRange(
            QRectF(-edges[0], -edges[1], scales[0] * across + 2 * edges[0], scales[1] * down + 2 * edges[1]), padding=0
        )
        self._zoomed = False
        self.show_tile(self._selected)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        columns = self._geometry.columns
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -columns, Qt.Key.Key_Down: columns}
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        elif 0 <= self._selected + step < len(self._tiles):
            self._select(self._selected + step)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Emit every move of the mouse: pyqtgraph's own signal skips some."""
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseMove:
            self.hovered.emit(self._place_at(self._view.mapToScene(event.position().toPoint())))
        elif event.type() == QEvent.Type.Leave:
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

    def _apply_theme(self) -> None:
        self._view.setBackground(theme.current().window)
        self._padding.setPen(pg.mkPen(None))
        self._padding.setBrush(pg.mkBrush(theme.current().window))
        self._halo.setPen(pg.mkPen("#ffffff", width=2 * MARGIN))
        self._frame.setPen(pg.mkPen(theme.current().accent, width=MARGIN))

    def _gap(self) -> int:
        return 0 if self._matrix else 1

    def _draw(self, columns: int) -> None:
        color = QColor(theme.current().rule)
        gap_color = color.red(), color.green(), color.blue()
        upsampled = self._tiles.repeat(self._upsampling, axis=1).repeat(self._upsampling, axis=2)
        in_color = upsampled.ndim == 4
        count, height, width = upsampled.shape[:3]
        self._geometry = MosaicGeometry(count, height, width, columns, self._gap())
        table = None
        if not in_color:
            table = lookup_table("diverging").copy()
            table[GAP] = gap_color
        image = tile_grid(upsampled, columns, self._gap(), gap_color if in_color else GAP)
        self._image.setImage(image, autoLevels=False, levels=(0, 255), lut=table)
        height, width = self._geometry.shape
        x, y = self._geometry.cell(len(upsampled))
        grid_rect = QRectF(0, 0, width, height)
        self._padding.setRect(grid_rect.adjusted(x - self._gap(), y - self._gap(), 0, 0) if x else QRectF())

    def _tile_rect(self, number: int) -> QRectF:
        x, y = self._geometry.corner(number)
        return QRectF(x, y, self._geometry.width, self._geometry.height)

    def _on_zoomed(self) -> None:
        self._zoomed = True

    def _update_smoothing(self) -> None:
        size = max(self._box.viewPixelSize())
        self._view.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, size > self.devicePixelRatioF())

    def _place_at(self, scene: QPointF) -> Place | None:
        point = self._image.mapFromScene(scene)
        place = self._geometry.at(point.x(), point.y())
        return place and Place(place.channel, place.row // self._upsampling, place.column // self._upsampling)

    def _on_click(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if event.double():
            self.show_all()
        elif place := self._place_at(event.scenePos()):
            self._select(place.channel)

    def _select(self, number: int) -> None:
        self.show_tile(number)
        self.tileSelected.emit(number)
