"""One feature map large, with the value under the cursor and how often which value occurs."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QSlider, QVBoxLayout, QWidget

from resnet_studio.formatting import percent, significant
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.histogram import Histogram
from resnet_studio.gui.common.painting import as_image, paint_image
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.feature_maps import Place
from resnet_studio.inference.values import Pixels

SMALLEST, BESIDE = 160, 80
"""Least side of the map; least width of what is beside it where it is too low for that to be under it."""
OVERLAY_TIP = "How much of the network's input is seen through the map; a double-click takes it away"
FIXED = "\N{NO-BREAK SPACE}"
PIN_TIP = "Keep this channel in view under the pages, whatever image or layer comes next (P)"
UNPIN_TIP = "Take this channel out of the tray under the pages"


class ChannelView(QWidget):
    """Follows the mouse over the map: the values are those that the network computed, not the colours'."""

    hovered = Signal(object)
    """The `Place` under the mouse, or None."""
    pin_wished = Signal(int)
    """The channel is to be kept in view, or no longer if it is."""

    def __init__(self) -> None:
        super().__init__()
        self._number = 0
        self._values: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._place: tuple[int, int] | None = None
        self._title = named(QLabel("No channel yet: click one of the maps.", wordWrap=True), "channelTitle", "Channel")
        self._title.setProperty("heading", True)
        self._sight = named(QLabel(), "channelSight", "Receptive field", "How much of the input each value depends on")
        self._pin = named(QPushButton("Pin"), "pinChannel", "Pin channel", PIN_TIP)
        self._pin.setProperty("flat", True)
        self._pin.clicked.connect(lambda: self.pin_wished.emit(self._number))
        self._overlay = named(QSlider(Qt.Orientation.Horizontal), "overlay", "Overlay", OVERLAY_TIP)
        self._strength = named(QLabel("0 %"), "overlayValue", "Overlay")
        self._map = _Map()
        self._readout = named(QLabel(), "channelReadout", "Value under the mouse")
        for label in (self._readout, self._sight):
            label.setProperty("quiet", True)
        self._histogram = Histogram()
        self._overlay.setRange(0, 100)
        self._overlay.setMinimumWidth(24)
        self._overlay.valueChanged.connect(self._take_strength)
        self._overlay.installEventFilter(self)
        self._map.hovered.connect(self._take_place)
        self._lay_out()
        self._show_tools(shown=False)

    def show_channel(self, number: int, values: NDArray[np.float32], pixels: Pixels) -> None:
        """Show one channel: its values, height × width, and the same in colours."""
        if values.shape != self._values.shape:
            self._place = None
        self._number, self._values = number, values
        if self._title.text() != f"channel {number}":
            self._title.setText(f"channel {number}")
            self._title.setWordWrap(False)
        self._map.show_pixels(pixels)
        self._map.setAccessibleName(f"Channel {number}")
        self._histogram.show_values(values)
        if self._map.isHidden():
            self._show_tools(shown=True)
        self._read(self._place)

    def show_seen(self, pixels: Pixels) -> None:
        """The network's real input, over which the map can be laid."""
        self._map.show_seen(pixels)

    def show_sight(self, words: str, tip: str) -> None:
        """Say how much of the input each value depends on."""
        if self._sight.text() != words:
            self._sight.setText(words)
        self._sight.setToolTip(tip)

    def show_pinned(self, *, pinned: bool) -> None:
        """Offer to pin the channel, or to unpin it."""
        self._pin.setText("Unpin" if pinned else "Pin")
        named(self._pin, "pinChannel", f"{self._pin.text()} channel", UNPIN_TIP if pinned else PIN_TIP)

    def minimumSizeHint(self) -> QSize:  # noqa: N802  (Qt's names)
        return QSize(super().minimumSizeHint().width(), self._least(beside=self._fits_beside()))

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(SMALLEST + GRID + BESIDE, self.minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        if (event.oldSize().width() >= SMALLEST + GRID + BESIDE) != self._fits_beside():
            self.updateGeometry()
        self._arrange()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """A double-click takes the overlay away."""
        if event.type() == QEvent.Type.MouseButtonDblClick:
            self._overlay.setValue(0)
            return True
        return super().eventFilter(watched, event)

    def _lay_out(self) -> None:
        heading, overlay = QHBoxLayout(), QHBoxLayout()
        heading.setSpacing(GRID // 2)
        overlay.setSpacing(GRID)
        heading.addWidget(self._title, 1)
        heading.addWidget(self._sight)
        heading.addWidget(self._pin)
        words = QLabel("overlay")
        words.setProperty("quiet", True)
        words.setBuddy(self._overlay)
        self._strength.setMinimumWidth(self._strength.fontMetrics().horizontalAdvance("100 %"))
        self._strength.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for widget in (words, self._overlay, self._strength):
            overlay.addWidget(widget)
        self._tools: list[QWidget] = [words, self._overlay, self._strength, self._sight]
        self._tools += [self._pin, self._map, self._histogram]
        self._rest = QWidget()
        rest = QVBoxLayout(self._rest)
        rest.setContentsMargins(0, 0, 0, 0)
        rest.setSpacing(GRID // 2)
        rest.addWidget(self._readout)
        rest.addWidget(self._histogram)
        rest.addStretch()
        self._body = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._body.addWidget(self._map, 1)
        self._body.addWidget(self._rest)
        self._rows = QVBoxLayout()
        for row in (heading, overlay):
            self._rows.addLayout(row)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for layout in (self._rows, self._body, column):
            layout.setSpacing(GRID // 2)
        column.addLayout(self._rows)
        column.addLayout(self._body, 1)
        column.addStretch()

    def _arrange(self) -> None:
        """Value and histogram are under the map, and what it has no use for under them; beside it if it is low."""
        beside = self._fits_beside() and self.height() < self._least(beside=False)
        ways = QBoxLayout.Direction
        self._body.setDirection(ways.LeftToRight if beside else ways.TopToBottom)
        self._body.setSpacing(GRID if beside else GRID // 2)
        self._readout.setWordWrap(beside)
        height = max(SMALLEST, self.height() - self._least(beside=True) + SMALLEST)
        side = min(self.width(), height) if not beside else min(height, self.width() - GRID - BESIDE)
        self._map.setMaximumSize(side if beside else self.width(), max(SMALLEST, side))
        self._rest.setMaximumHeight(self._map.maximumHeight() if beside else self._under())

    def _fits_beside(self) -> bool:
        return self.width() >= SMALLEST + GRID + BESIDE

    def _least(self, *, beside: bool) -> int:
        """The least height, with the value and the histogram beside the map or under it."""
        under = 0 if beside else GRID // 2 + self._under()
        return self._rows.sizeHint().height() + GRID // 2 + SMALLEST + under

    def _under(self) -> int:
        """The height of the value, in one line, and the histogram."""
        return self._readout.fontMetrics().height() + GRID // 2 + self._histogram.sizeHint().height()

    def _show_tools(self, *, shown: bool) -> None:
        for tool in self._tools:
            tool.setVisible(shown)
        self._arrange()

    def _take_strength(self, percent: int) -> None:
        self._strength.setText(f"{percent} %")
        self._map.show_overlay(percent / 100)

    def _take_place(self, place: tuple[int, int] | None) -> None:
        self._read(place)
        self.hovered.emit(None if place is None else Place(self._number, *place))

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
    share = percent(zeros, 2).replace(" ", FIXED)
    return f"mean {significant(mean)} · {share}{FIXED}zeros"


class _Map(QWidget):
    """Paints the map as large as there is room for, and emits the row and column under the mouse, or None."""

    hovered = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        named(self, "channelMap", "Channel")
        self._image: QImage | None = None
        self._seen: QImage | None = None
        self._overlay = 0.0
        self._shape = 0, 0
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(SMALLEST, SMALLEST)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's names)
        return QSize(SMALLEST, SMALLEST)

    def show_pixels(self, pixels: Pixels) -> None:
        self._image, self._shape = as_image(pixels), pixels.shape[:2]
        self.update()

    def show_seen(self, pixels: Pixels) -> None:
        self._seen = as_image(pixels)
        if self._overlay:
            self.update()

    def show_overlay(self, share: float) -> None:
        self._overlay = share
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
        elif self._overlay and self._seen is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(self.box(), self._seen)
            painter.setOpacity(1 - self._overlay)
            painter.drawImage(self.box(), self._image)
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
