"""The filters of a layer as a grid of tiles, or as one matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor

from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.tile_grid import TileGridView, best_columns
from resnet_studio.inference.feature_maps import GAP, MosaicGeometry, Place, lookup_table, tile_grid
from resnet_studio.inference.values import Pixels

MIN_HEIGHT = 120  # minimum height in pixels
MIN_TILE_SIZE = 28  # tiles are upsampled to this many pixels, so that the gaps are narrower than a weight

Tiles = NDArray[np.uint8]


class FilterGrid(TileGridView):
    """Tiles are indices into the diverging colormap (N × height × width) or RGB (N × height × width × 3)."""

    def __init__(self) -> None:
        super().__init__()
        tip = "Click selects, arrow keys move, wheel zooms, double-click shows all"
        set_names(self, "kernelFilters", "Filters", tip)
        self._tiles: Tiles = np.zeros((1, 1, 1), np.uint8)
        self._upsampling = 1
        self.setMinimumHeight(MIN_HEIGHT)

    def show_tiles(self, tiles: Tiles, selected: int, *, matrix: bool = False) -> None:
        """Show tiles; a matrix has one per row and fills the view. The zoom stays if the shape does."""
        same = (tiles.shape, matrix) == (self._tiles.shape, self._stretched)
        self._tiles, self._stretched, self._tile = tiles, matrix, selected
        self._upsampling = 1 if matrix else max(1, MIN_TILE_SIZE // max(tiles.shape[1:3]))
        if same and self._zoomed:
            self._draw(self._geometry.columns)
        else:
            self.show_all()

    def _gap(self) -> int:
        return 0 if self._stretched else 1

    def _best_columns(self, ratio: float) -> int:
        count, height, width = self._tiles.shape[:3]
        shape = count, height * self._upsampling, width * self._upsampling
        return 1 if self._stretched else best_columns(shape, self._gap(), ratio)

    def _render(self, columns: int) -> tuple[Tiles, MosaicGeometry, Pixels | None]:
        color = QColor(theme.current().rule)
        gap_color = color.red(), color.green(), color.blue()
        upsampled = self._tiles.repeat(self._upsampling, axis=1).repeat(self._upsampling, axis=2)
        count, height, width = upsampled.shape[:3]
        geometry = MosaicGeometry(count, height, width, columns, self._gap())
        if upsampled.ndim == 4:
            return tile_grid(upsampled, geometry, gap_color), geometry, None
        table = lookup_table("diverging").copy()
        table[GAP] = gap_color
        return tile_grid(upsampled, geometry), geometry, table

    def _place(self, scene: QPointF) -> Place | None:
        place = super()._place(scene)
        return place and Place(place.channel, place.row // self._upsampling, place.column // self._upsampling)
