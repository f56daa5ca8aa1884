"""One feature map large, with the value under the cursor and how often which value occurs."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.widgets.histogram import Histogram
from resnet_studio.gui.widgets.named import named
from resnet_studio.gui.widgets.pictures import as_image, paint_image
from resnet_studio.gui.widgets.significant import significant
from resnet_studio.inference.values import Pixels

SMALLEST = 64


class ChannelView(QWidget):
    """Follows the mouse over the map: the values are those that the network computed, not the colours'."""

    def __init__(self) -> None:
        super().__init__()
        self._values: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._place: tuple[int, int] | None = None
        self._title = named(QLabel("No channel yet: click one of the maps.", wordWrap=True), "channelTitle", "Channel")
        self._title.setProperty("heading", True)
        self._map = _Map()
        self._map.hovered.connect(self._read)
        self._readout = named(QLabel(), "channelReadout", "Value under the mouse")
        self._readout.setProperty("quiet", True)
        self._histogram = Histogram()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        for widget in (self._title, self._map, self._readout, self._histogram):
            column.addWidget(widget)
        column.setStretchFactor(self._map, 1)
        column.addStretch()

    def show_channel(self, number: int, values: NDArray[np.float32], pixels: Pixels) -> None:
        """Show one channel: its values, height × width, and the same in colours."""
        if values.shape != self._values.shape:
            self._place = None
        self._values = values
        self._title.setText(f"channel {number}")
        self._map.show_pixels(pixels)
        self._map.setAccessibleName(f"Channel {number}")
        self._histogram.show_values(values)
        self._read(self._place)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  (Qt's name)
        super().resizeEvent(event)
        self._map.setMaximumHeight(max(SMALLEST, self.width()))  # what it has no use for is left under the histogram

    def _read(self, place: tuple[int, int] | None) -> None:
        """Say the value at a row and a column, or what is true of all where the mouse is elsewhere."""
        self._place = place
        if place is None:
            self._readout.setText(summary(self._values))
            self._readout.setToolTip("")
            self._histogram.show_mark(None)
        else:
            value = float(self._values[place])
            self._readout.setText(f"row {place[0]}, column {place[1]}: {significant(value)}")
            self._readout.setToolTip(repr(value))
            self._histogram.show_mark(value)


def summary(values: NDArray[np.float32]) -> str:
    """Mean and share of zeros of one channel; the mean is taken over what is finite."""
    if not values.size:
        return ""
    finite = values[np.isfinite(values)]
    mean = float(finite.mean(dtype=np.float64)) if finite.size else math.nan
    zeros = 1 - np.count_nonzero(values) / values.size
    return f"mean {significant(mean)} · {100 * zeros:.0f} % zeros"


class _Map(QWidget):
    """Paints the map as large as there is room for, and emits the row and column under the mouse, or None."""

    hovered = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        named(self, "channelMap", "Channel")
        self._image: QImage | None = None
        self._shape = 0, 0
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(SMALLEST, SMALLEST)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's names)
        return QSize(256, 256)

    def show_pixels(self, pixels: Pixels) -> None:
        self._image, self._shape = as_image(pixels), pixels.shape[:2]
        self.update()

    def box(self) -> QRectF:
        """Where the map is painted; null without one."""
        if self._image is None:
            return QRectF()
        size = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        return QRectF(0, 0, size.width(), size.height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        if self._image is None:
            painter.fillRect(self.rect(), QColor(theme.current().hover))
        else:
            paint_image(painter, self.box(), self._image)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self.hovered.emit(self._place(event.position()))

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        self.hovered.emit(None)

    def _place(self, point: QPointF) -> tuple[int, int] | None:
        box = self.box()
        if self._image is None or not box.contains(point):
            return None
        rows, columns = self._shape
        row = math.floor(point.y() / box.height() * rows)
        column = math.floor(point.x() / box.width() * columns)
        return min(row, rows - 1), min(column, columns - 1)
