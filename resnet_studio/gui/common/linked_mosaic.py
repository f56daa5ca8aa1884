"""A mosaic that moves together with others: the same part of each is seen, and the same value is marked."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QRectF, Signal

from resnet_studio.gui import theme
from resnet_studio.gui.common.mosaic import MosaicView
from resnet_studio.inference.feature_maps import Place

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
        """See what another sees: the same values of maps of one shape, else from the same share of the whole on."""
        same = self._values.shape == other._values.shape
        if not other._zoomed:
            self.show_all()
        if (
            same
            and self._geometry.columns != other._geometry.columns
            and (other._zoomed or self._is_as_large_as(other))
        ):
            self._draw(other._geometry.columns)
        if other._zoomed:
            self._see_as(other)
        self._frame_channel()

    def _see_as(self, other: LinkedMosaic) -> None:
        """From the same corner on, at the same scale, however much room there is."""
        (height, width), (to_height, to_width) = other._geometry.shape, self._geometry.shape
        across, down, seen = to_width / width, to_height / height, other._box.viewRect()
        scale = seen.width() / max(1, other._box.width())
        room = self._box.width() * scale * across, self._box.height() * scale * down
        self._limit()
        self._box.setRange(QRectF(seen.x() * across, seen.y() * down, *room), padding=0)
        self._zoomed = True

    def show_place(self, place: Place | None) -> None:
        """Mark a value that is looked at elsewhere."""
        channels, height, width = self._values.shape
        inside = place is not None and place.channel < channels and place.row < height and place.column < width
        self._mark.setVisible(inside)  # which, unlike to clear it, takes it off the screen
        if place is None or not inside:
            return
        x, y = self._geometry.pixel(place)
        pens = [pg.mkPen("#ffffff", width=4), pg.mkPen(theme.current().accent, width=2)]
        self._mark.setData([x + 0.5] * 2, [y + 0.5] * 2, size=[MARK] * 2, pen=pens)

    def _is_as_large_as(self, other: LinkedMosaic) -> bool:
        """But for the pixel that is left over where a width is shared out."""
        return max(abs(self.width() - other.width()), abs(self.height() - other.height())) <= 1

    def _gap(self) -> int:
        """Twice the usual, as each side has half the usual room: the lines between maps are still to be seen."""
        return 2 * super()._gap() if self._values.shape[1] >= FINE else super()._gap()
