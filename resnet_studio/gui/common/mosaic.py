"""All feature maps of a layer in one image, and mosaics that are linked: they show the same part."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPoint, QRectF, Signal
from PySide6.QtGui import QContextMenuEvent

from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.tile_grid import TileGridView, best_columns
from resnet_studio.inference.feature_maps import (
    Indices,
    MapStyle,
    MosaicGeometry,
    Place,
    Values,
    apply_colormap,
    lookup_table,
    mosaic,
)
from resnet_studio.inference.values import Pixels

MARKER_SIZE = 13  # pixels across
FINE_ROWS = 28  # maps with this many rows or columns are drawn much smaller than they are


class MosaicView(TileGridView):
    """A tile is a channel. Small values are drawn with smooth edges."""

    menuRequested = Signal(int, QPoint)
    """A channel and the global position of its context menu."""

    sharp_scale: ClassVar[float] = 2.5

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "featureMaps", "Feature maps")
        self._values = np.zeros((1, 1, 1), np.float32)
        self._style = MapStyle()
        self._order: NDArray[np.intp] | None = None
        self._indices: Indices = np.zeros((1, 1), np.uint8)

    def set_values(self, values: Values, style: MapStyle, order: NDArray[np.intp] | None = None) -> None:
        """Show values of shape (channels, height, width) in a style and, if given, an order of channels.

        Zoom and channel stay if the shape is the same.
        """
        same_shape, old_order = values.shape == self._values.shape, self._geometry.order
        self._values, self._style, self._order = values, style, order
        if same_shape:
            self._draw(self._geometry.columns)
            self._frame_tile()
        else:
            self.show_all()
        if self._mouse is not None and self._geometry.order != old_order:
            self.hovered.emit(self._place_at(self._mouse))

    def pixels(self, channel: int) -> Pixels:
        """One channel in the colors of the mosaic."""
        x, y = self._geometry.corner(channel)
        return apply_colormap(
            self._indices[y : y + self._geometry.height, x : x + self._geometry.width], self._style.colours
        )

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The keyboard opens the framed channel's menu, the mouse that of the channel under it."""
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            middle = self._image.mapRectToScene(self._tile_box(self._tile)).center()
            point = self._view.mapFromScene(middle)
            self.menuRequested.emit(self._tile, self._view.viewport().mapToGlobal(point))
        elif place := self._place_at(event.pos()):
            self._select(place.channel)
            self.menuRequested.emit(place.channel, event.globalPos())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QContextMenuEvent):
            self.contextMenuEvent(event)
            return True
        return super().eventFilter(watched, event)

    def _gap(self) -> int:
        """Pixels between maps: more for a large layer, none if a map is one value."""
        _, height, width = self._values.shape
        return max(1, max(height, width) // 28) if height * width > 1 else 0

    def _best_columns(self, ratio: float) -> int:
        return best_columns(self._values.shape, self._gap(), ratio)

    def _render(self, columns: int) -> tuple[Indices, MosaicGeometry, Pixels]:
        self._indices, geometry = mosaic(self._values, self._style, columns, self._gap(), self._order)
        return self._indices, geometry, lookup_table(self._style.colours)


class LinkedMosaic(MosaicView):
    """Emits when the user zooms or pans it, and can follow others."""

    viewChanged = Signal()
    """The user has changed the visible part, or reset it."""

    def __init__(self) -> None:
        self._marker = pg.ScatterPlotItem(symbol="o", brush=None)
        super().__init__()
        self._box.addItem(self._marker, ignoreBounds=True)
        self._box.sigRangeChangedManually.connect(self.viewChanged)

    def show_all(self) -> None:
        """Fit the whole mosaic into the view."""
        super().show_all()
        self.viewChanged.emit()

    def sync_to(self, other: LinkedMosaic) -> None:
        """Show the same part as another: the same values if the shapes are equal, else the same fraction."""
        same_shape = self._values.shape == other._values.shape
        if not other._zoomed:
            self.show_all()
        if (
            same_shape
            and self._geometry.columns != other._geometry.columns
            and (other._zoomed or self._same_size(other))
        ):
            self._draw(other._geometry.columns)
        if other._zoomed:
            self._match_view(other)
        self._frame_tile()

    def set_marker(self, place: Place | None) -> None:
        """Mark a value that is hovered elsewhere."""
        channels, height, width = self._values.shape
        inside = place is not None and place.channel < channels and place.row < height and place.column < width
        self._marker.setVisible(inside)  # unlike clearing its data, this repaints
        if place is None or not inside:
            return
        x, y = self._geometry.pixel(place)
        pens = [pg.mkPen("#ffffff", width=4), pg.mkPen(theme.current().accent, width=2)]
        self._marker.setData([x + 0.5] * 2, [y + 0.5] * 2, size=[MARKER_SIZE] * 2, pen=pens)

    def _match_view(self, other: LinkedMosaic) -> None:
        """Show from the same corner at the same scale, whatever the sizes of the widgets."""
        (height, width), (to_height, to_width) = other._geometry.shape, self._geometry.shape
        across, down, visible = to_width / width, to_height / height, other._box.viewRect()
        scale = visible.width() / max(1, other._box.width())
        size = self._box.width() * scale * across, self._box.height() * scale * down
        self._set_limits()
        self._box.setRange(QRectF(visible.x() * across, visible.y() * down, *size), padding=0)
        self._zoomed = True

    def _same_size(self, other: LinkedMosaic) -> bool:
        """Whether the sizes are equal up to the pixel that a layout may leave over."""
        return max(abs(self.width() - other.width()), abs(self.height() - other.height())) <= 1

    def _gap(self) -> int:
        """Twice the usual gap, as each side is half as large: the lines between maps stay visible."""
        return 2 * super()._gap() if max(self._values.shape[1:]) >= FINE_ROWS else super()._gap()
