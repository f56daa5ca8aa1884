"""One feature map large, with the value under the mouse and a histogram."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QSlider, QVBoxLayout, QWidget

from resnet_studio.formatting import about_percent, significant
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.histogram import Histogram
from resnet_studio.gui.common.painting import paint_image, to_qimage
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.feature_maps import Place, layer_maps
from resnet_studio.inference.values import Pixels

MIN_SIDE, MIN_DETAILS_WIDTH = 160, 80
"""Minimum side of the map, and minimum width of the details in two columns, in pixels."""
OVERLAY_TIP = "Opacity of the network input on the map; double-click resets it to 0 %"
NBSP = "\N{NO-BREAK SPACE}"
PIN_TIP = "Keep this channel in view below the tabs when the image or layer changes (P)"
UNPIN_TIP = "Remove this channel from the pinned channels"


class ChannelView(QWidget):
    """Shows a channel and the value under the mouse, as the network computed it."""

    hovered = Signal(object)
    """The `Place` under the mouse, or None."""
    pinRequested = Signal(int)
    """Pin the channel, or unpin it if it is pinned."""

    def __init__(self) -> None:
        super().__init__()
        self._number = 0
        self._values: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._place: tuple[int, int] | None = None
        self._title = set_names(
            QLabel("No channel selected. Click a feature map.", wordWrap=True), "channelTitle", "Channel"
        )
        self._title.setProperty("heading", True)
        self._receptive_field = set_names(
            QLabel(), "channelSight", "Receptive field", "Region of the input that each value depends on"
        )
        self._pin = set_names(QPushButton("Pin"), "pinChannel", "Pin channel", PIN_TIP)
        self._pin.setProperty("flat", True)
        self._pin.clicked.connect(lambda: self.pinRequested.emit(self._number))
        self._overlay = set_names(QSlider(Qt.Orientation.Horizontal), "overlay", "Overlay", OVERLAY_TIP)
        self._strength = set_names(QLabel("0 %"), "overlayValue", "Overlay")
        self._map = _Map()
        self._readout = set_names(QLabel(), "channelReadout", "Value under the cursor")
        for label in (self._readout, self._receptive_field):
            label.setProperty("quiet", True)
        self._histogram = Histogram()
        self._overlay.setRange(0, 100)
        self._overlay.setMinimumWidth(24)
        self._overlay.valueChanged.connect(self._set_overlay)
        self._overlay.installEventFilter(self)
        self._map.hovered.connect(self._on_hovered)
        self._lay_out()
        self._show_tools(shown=False)

    def show_channel(self, number: int, values: NDArray[np.float32], pixels: Pixels) -> None:
        """Show one channel: its values, height × width, and its RGB pixels."""
        same_shape = values.shape == self._values.shape
        if not same_shape:
            self._place = None
        self._number, self._values = number, values
        if self._title.text() != f"channel {number}":
            self._title.setText(f"channel {number}")
            self._title.setWordWrap(False)
        self._map.show_pixels(pixels)
        self._map.setAccessibleName(f"Channel {number}")
        self._histogram.set_values(values)
        if self._map.isHidden():
            self._show_tools(shown=True)
        elif not same_shape:
            self._arrange()
        self._show_value(self._place)

    def show_model_input(self, pixels: Pixels) -> None:
        """Set the network's input, which is drawn under the map as an overlay."""
        self._map.show_model_input(pixels)

    def show_receptive_field(self, text: str, tip: str) -> None:
        """Show the layer's receptive field."""
        if self._receptive_field.text() != text:
            self._receptive_field.setText(text)
        self._receptive_field.setToolTip(tip)

    def show_pinned(self, *, pinned: bool) -> None:
        """Offer to pin the channel, or to unpin it."""
        self._pin.setText("Unpin" if pinned else "Pin")
        set_names(self._pin, "pinChannel", f"{self._pin.text()} channel", UNPIN_TIP if pinned else PIN_TIP)

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), self._min_height(two_columns=self._fits_two_columns()))

    def sizeHint(self) -> QSize:
        return QSize(MIN_SIDE + GRID + MIN_DETAILS_WIDTH, self.minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if (event.oldSize().width() >= MIN_SIDE + GRID + MIN_DETAILS_WIDTH) != self._fits_two_columns():
            self.updateGeometry()
        self._arrange()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A double-click removes the overlay."""
        if event.type() == QEvent.Type.MouseButtonDblClick:
            self._overlay.setValue(0)
            return True
        return super().eventFilter(watched, event)

    def _lay_out(self) -> None:
        heading, overlay = QHBoxLayout(), QHBoxLayout()
        heading.setSpacing(GRID // 2)
        overlay.setSpacing(GRID)
        heading.addWidget(self._title, 1)
        heading.addWidget(self._receptive_field)
        heading.addWidget(self._pin)
        caption = QLabel("overlay")
        caption.setProperty("quiet", True)
        caption.setBuddy(self._overlay)
        self._strength.setMinimumWidth(self._strength.fontMetrics().horizontalAdvance("100 %"))
        self._strength.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for widget in (caption, self._overlay, self._strength):
            overlay.addWidget(widget)
        self._tools: list[QWidget] = [caption, self._overlay, self._strength, self._receptive_field]
        self._tools += [self._pin, self._map, self._histogram]
        self._details = QWidget()
        details = QVBoxLayout(self._details)
        details.setContentsMargins(0, 0, 0, 0)
        details.setSpacing(GRID // 2)
        details.addWidget(self._readout)
        details.addWidget(self._histogram)
        details.addStretch()
        self._body = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._body.addWidget(self._map, 1)
        self._body.addWidget(self._details)
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
        """Put the details (value and histogram) below the map, or in a second column if the view is low."""
        two_columns = self._fits_two_columns() and self.height() < self._min_height(two_columns=False)
        direction = QBoxLayout.Direction
        self._body.setDirection(direction.LeftToRight if two_columns else direction.TopToBottom)
        self._body.setSpacing(GRID if two_columns else GRID // 2)
        self._readout.setWordWrap(two_columns)
        height = max(MIN_SIDE, self.height() - self._min_height(two_columns=True) + MIN_SIDE)
        width = self.width() - (GRID + MIN_DETAILS_WIDTH if two_columns else 0)
        fitted = self._map.aspect().scaled(width, height, Qt.AspectRatioMode.KeepAspectRatio)
        self._map.setMaximumSize(fitted.width() if two_columns else width, max(MIN_SIDE, fitted.height()))
        self._details.setMaximumHeight(self._map.maximumHeight() if two_columns else self._details_height())

    def _fits_two_columns(self) -> bool:
        return self.width() >= MIN_SIDE + GRID + MIN_DETAILS_WIDTH

    def _min_height(self, *, two_columns: bool) -> int:
        """The minimum height, with the details in a second column or below the map."""
        below = 0 if two_columns else GRID // 2 + self._details_height()
        return self._rows.sizeHint().height() + GRID // 2 + MIN_SIDE + below

    def _details_height(self) -> int:
        """The height of the details with the value on one line."""
        return self._readout.fontMetrics().height() + GRID // 2 + self._histogram.sizeHint().height()

    def _show_tools(self, *, shown: bool) -> None:
        for tool in self._tools:
            tool.setVisible(shown)
        self._arrange()

    def _set_overlay(self, percent: int) -> None:
        self._strength.setText(f"{percent} %")
        self._map.show_overlay(percent / 100)

    def _on_hovered(self, place: tuple[int, int] | None) -> None:
        self._show_value(place)
        self.hovered.emit(None if place is None else Place(self._number, *place))

    def _show_value(self, place: tuple[int, int] | None) -> None:
        """Show the value at a row and column, or a summary of the channel for None."""
        self._place = place
        if place is None:
            self._readout.setText(channel_summary(self._values))
            self._readout.setToolTip("")
            self._histogram.set_marker(None)
        else:
            value = float(self._values[place])
            self._readout.setText(f"row {place[0]}, column {place[1]}: {significant(value)}")
            self._readout.setToolTip(repr(value))
            self._histogram.set_marker(value)


def channel_summary(values: NDArray[np.float32]) -> str:
    """Mean of the finite values and share of zeros of one channel."""
    if not values.size:
        return ""
    maps = layer_maps("", values[None])
    return f"mean {significant(maps.mean)} · {about_percent(maps.zeros).replace(' ', NBSP)}{NBSP}zeros"


class _Map(QWidget):
    """Paints the map as large as it fits, and emits the row and column under the mouse, or None."""

    hovered = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "channelMap", "Channel")
        self._image: QImage | None = None
        self._model_input: QImage | None = None
        self._overlay = 0.0
        self._shape = 0, 0
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(MIN_SIDE, MIN_SIDE)

    def sizeHint(self) -> QSize:
        return QSize(MIN_SIDE, MIN_SIDE)

    def show_pixels(self, pixels: Pixels) -> None:
        self._image, self._shape = to_qimage(pixels), pixels.shape[:2]
        self.update()

    def show_model_input(self, pixels: Pixels) -> None:
        self._model_input = to_qimage(pixels)
        if self._overlay:
            self.update()

    def show_overlay(self, share: float) -> None:
        self._overlay = share
        self.update()

    def aspect(self) -> QSize:
        """A size with the aspect ratio of the map."""
        return self._image.size() if self._image else QSize(1, 1)

    def box(self) -> QRectF:
        """Where the map is painted; null without one."""
        if self._image is None:
            return QRectF()
        size = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        return QRectF(0, 0, size.width(), size.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._image is None:
            painter.fillRect(self.rect(), QColor(theme.current().hover))
        elif self._overlay and self._model_input is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(self.box(), self._model_input)
            painter.setOpacity(1 - self._overlay)
            painter.drawImage(self.box(), self._image)
        else:
            paint_image(painter, self.box(), self._image)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.hovered.emit(self._place(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        self.hovered.emit(None)

    def _place(self, point: QPointF) -> tuple[int, int] | None:
        box = self.box()
        if self._image is None or not box.contains(point):
            return None
        rows, columns = self._shape
        row = math.floor(point.y() / box.height() * rows)
        column = math.floor(point.x() / box.width() * columns)
        return min(row, rows - 1), min(column, columns - 1)
