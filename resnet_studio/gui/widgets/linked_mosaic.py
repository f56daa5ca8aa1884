"""A mosaic that moves together with others: the same part of each is seen, and the same value is marked."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QRectF, Signal

from resnet_studio.gui import theme
from resnet_studio.gui.widgets.mosaic_view import MosaicView
from resnet_studio.inference.maps import Place

MARK = 13  # pixels across
FINE = 28  # rows of maps that are drawn much smaller than they are


class LinkedMosaic(MosaicView):
    """Tells when a hand has moved it, and follows others."""

    moved = Signal()
    """Another part is seen, or all of it again."""

    def __init__(self) -> None:
        self._mark = pg.ScatterPlotItem(symbol="o", brush=None)
        super().__init__()
        self._box.addItem(self._mark, ignoreBounds=True)
        self._box.sigRangeChangedManually.connect(self.moved)

    def show_all(self) -> None:
        """Fit the whole mosaic into the view."""
        super().show_all()
        self.moved.emit()

    def follow(self, other: LinkedMosaic) -> None:
        """See what another sees: the same values of maps of one shape, else the same share of the whole."""
        same = self._values.shape == other._values.shape
        if same and self._geometry.columns != other._geometry.columns:
            self._draw(other._geometry.columns)
        if not (same or other._zoomed):
            self.show_all()
            return
        (height, width), (to_height, to_width) = other._geometry.shape, self._geometry.shape
        across, down, seen = to_width / width, to_height / height, other._box.viewRect()
        self._limit()
        self._box.setRange(
            QRectF(seen.x() * across, seen.y() * down, seen.width() * across, seen.height() * down), padding=0
        )
        self._zoomed = other._zoomed
        self._frame_channel()

    def show_place(self, place: Place | None) -> None:
        """Mark a value that is looked at elsewhere."""
        channels, height, width = self._values.shape
        if place is None or not (place.channel < channels and place.row < height and place.column < width):
            self._mark.clear()
            return
        x, y = self._geometry.pixel(place)
        pens = [pg.mkPen("#ffffff", width=4), pg.mkPen(theme.current().accent, width=2)]
        self._mark.setData([x + 0.5] * 2, [y + 0.5] * 2, size=[MARK] * 2, pen=pens)

    def _gap(self) -> int:
        """Twice the usual, as each side has half the usual room: the lines between maps are still to be seen."""
        return 2 * super()._gap() if self._values.shape[1] >= FINE else super()._gap()
