"""A mosaic that is linked with others: they show the same part and mark the same value."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QRectF, Signal

from resnet_studio.gui import theme
from resnet_studio.gui.common.mosaic import MosaicView
from resnet_studio.inference.feature_maps import Place

MARKER_SIZE = 13  # pixels across
FINE_ROWS = 28  # maps with this many rows are drawn much smaller than they are


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
        self._frame_channel()

    def _match_view(self, other: LinkedMosaic) -> None:
        """Show from the same corner at the same scale, whatever the sizes of the widgets."""
        (height, width), (to_height, to_width) = other._geometry.shape, self._geometry.shape
        across, down, visible = to_width / width, to_height / height, other._box.viewRect()
        scale = visible.width() / max(1, other._box.width())
        size = self._box.width() * scale * across, self._box.height() * scale * down
        self._set_limits()
        self._box.setRange(QRectF(visible.x() * across, visible.y() * down, *size), padding=0)
        self._zoomed = True

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

    def _same_size(self, other: LinkedMosaic) -> bool:
        """Whether the sizes are equal up to the pixel that a layout may leave over."""
        return max(abs(self.width() - other.width()), abs(self.height() - other.height())) <= 1

    def _gap(self) -> int:
        """Twice the usual gap, as each side is half as large: the lines between maps stay visible."""
        return 2 * super()._gap() if self._values.shape[1] >= FINE_ROWS else super()._gap()
