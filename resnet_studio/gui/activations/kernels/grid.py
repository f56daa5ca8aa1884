"""The filters of a layer side by side, or as one matrix: the wheel zooms, dragging pans, a click chooses one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QGraphicsRectItem, QVBoxLayout, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.mosaic import best_columns
from resnet_studio.inference.feature_maps import GAP, MosaicGeometry, Place, lookup_table
from resnet_studio.inference.kernels import grid

SMALLEST = 120  # pixels of height
EDGE = 2  # pixels around the picture, in which half of the frame's line lies
FINE = 28  # pixels of a tile at least, so that the gaps are narrower than the weights
FARTHEST_VIEW, SMALLEST_VIEW = 4.0, 4.0  # pictures, and pixels of it, that are on the screen at most and at least

Tiles = NDArray[np.uint8]


class FilterGrid(QWidget):
    """Tiles are places in the diverging colour map (N × height × width) or colours (N × height × width × 3)."""

    tile_chosen = Signal(int)
    hovered = Signal(object)
    """The `Place` under the mouse, a tile being its channel, or None."""

    def __init__(self) -> None:
        super().__init__()
        tip = "Click chooses, arrow keys walk, the wheel zooms, a double-click shows all"
        named(self, "kernelFilters", "Filters", tip)
        self._tiles: Tiles = np.zeros((1, 1, 1), np.uint8)
        self._matrix = self._zoomed = False
        self._chosen, self._fine = 0, 1
        self._geometry = MosaicGeometry(1, 1, 1, 1)
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
        self._view.viewport().installEventFilter(self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(SMALLEST)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        self._dress()

    def show_tiles(self, tiles: Tiles, chosen: int, *, matrix: bool = False) -> None:
        """Show tiles; a matrix has one below the other and fills the view. The zoom stays where the shape does."""
        same = (tiles.shape, matrix) == (self._tiles.shape, self._matrix)
        self._tiles, self._matrix, self._chosen = tiles, matrix, chosen
        if same and self._zoomed:
            self._draw(self._geometry.columns)
        else:
            self.show_all()

    def show_chosen(self, number: int) -> None:
        """Frame a tile, and move the view there if it lies outside."""
        self._chosen = min(max(number, 0), len(self._tiles) - 1)
        box = self._tile_box(self._chosen)
        for frame in (self._halo, self._frame):
            frame.setRect(box)
        if not self._box.viewRect().intersects(box):
            self._box.translateBy(box.center() - self._box.viewRect().center())

    def show_all(self) -> None:
        """Fit everything into the view, from its upper left corner."""
        across, down = max(8, self._view.width() - 2 * EDGE), max(8, self._view.height() - 2 * EDGE)
        count, height, width = self._tiles.shape[:3]
        self._fine = 1 if self._matrix else max(1, FINE // max(height, width))
        shape = count, height * self._fine, width * self._fine
        self._box.setAspectLocked(not self._matrix)
        self._draw(1 if self._matrix else best_columns(shape, self._gap(), across / down))
        height, width = self._geometry.shape
        self._box.setLimits(
            minXRange=min(SMALLEST_VIEW, width), minYRange=min(SMALLEST_VIEW, height),
            maxXRange=FARTHEST_VIEW * max(height, width), maxYRange=FARTHEST_VIEW * max(height, width),
        )  # fmt: skip
        scales = (width / across, height / down)
        if not self._matrix:
            scales = (max(scales),) * 2
        edges = [scale * EDGE for scale in scales]
        self._box.setRange(
            QRectF(-edges[0], -edges[1], scales[0] * across + 2 * edges[0], scales[1] * down + 2 * edges[1]), padding=0
        )
        self._zoomed = False
        self.show_chosen(self._chosen)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  (Qt's names)
        columns = self._geometry.columns
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -columns, Qt.Key.Key_Down: columns}
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        elif 0 <= self._chosen + step < len(self._tiles):
            self._choose(self._chosen + step)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Tell every move of the mouse: pyqtgraph's own signal leaves out some."""
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseMove:
            self.hovered.emit(self._place(self._view.mapToScene(event.position().toPoint())))
        elif event.type() == QEvent.Type.Leave:
            self.hovered.emit(None)
        return False

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        if not self._zoomed:
            self.show_all()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
            self._draw(self._geometry.columns)

    def _dress(self) -> None:
        self._view.setBackground(theme.current().window)
        self._beyond.setPen(pg.mkPen(None))
        self._beyond.setBrush(pg.mkBrush(theme.current().window))
        self._halo.setPen(pg.mkPen("#ffffff", width=2 * EDGE))
        self._frame.setPen(pg.mkPen(theme.current().accent, width=EDGE))

    def _gap(self) -> int:
        return 0 if self._matrix else 1

    def _draw(self, columns: int) -> None:
        colour = QColor(theme.current().rule)
        between = colour.red(), colour.green(), colour.blue()
        fine = self._tiles.repeat(self._fine, axis=1).repeat(self._fine, axis=2)
        in_colour = fine.ndim == 4
        count, height, width = fine.shape[:3]
        self._geometry = MosaicGeometry(count, height, width, columns, self._gap())
        table = None
        if not in_colour:
            table = lookup_table("diverging").copy()
            table[GAP] = between
        picture = grid(fine, columns, self._gap(), between if in_colour else GAP)
        self._image.setImage(picture, autoLevels=False, levels=(0, 255), lut=table)
        height, width = self._geometry.shape
        x, y = self._geometry.cell(len(fine))
        whole = QRectF(0, 0, width, height)
        self._beyond.setRect(whole.adjusted(x - self._gap(), y - self._gap(), 0, 0) if x else QRectF())

    def _tile_box(self, number: int) -> QRectF:
        x, y = self._geometry.corner(number)
        return QRectF(x, y, self._geometry.width, self._geometry.height)

    def _note_zoom(self) -> None:
        self._zoomed = True

    def _choose_smoothing(self) -> None:
        size = max(self._box.viewPixelSize())
        self._view.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, size > self.devicePixelRatioF())

    def _place(self, scene: QPointF) -> Place | None:
        point = self._image.mapFromScene(scene)
        place = self._geometry.at(point.x(), point.y())
        return place and Place(place.channel, place.row // self._fine, place.column // self._fine)

    def _click(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if event.double():
            self.show_all()
        elif place := self._place(event.scenePos()):
            self._choose(place.channel)

    def _choose(self, number: int) -> None:
        self.show_chosen(number)
        self.tile_chosen.emit(number)
