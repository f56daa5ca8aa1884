"""A network's input with a heatmap over it, and the slider for the heatmap's opacity."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QSlider, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.painting import to_qimage
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.values import Pixels

MIN_SIZE, PREFERRED_SIZE = 120, 320
MIN_SHARP_SCALE = 4.0
"""Screen pixels per image pixel from which the image is drawn without smoothing."""


class OverlayView(QWidget):
    """Fills its widget from the top, centered horizontally. Rows and columns are pixels of the input."""

    hovered = Signal(object)
    """Row and column of the pixel under the mouse, or None."""
    clicked = Signal(int, int)

    def __init__(self, name: str, accessible_name: str, tip: str = "") -> None:
        super().__init__()
        set_names(self, name, accessible_name, tip)
        self._input: QImage | None = None
        self._heatmap: QImage | None = None
        self._strength = 1.0
        self._marks: tuple[QRect, ...] = ()
        self._frame: QRect | None = None
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setMinimumSize(MIN_SIZE, MIN_SIZE)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        return QSize(PREFERRED_SIZE, PREFERRED_SIZE)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._limit_height()

    def show_images(self, model_input: Pixels | None, colors: Pixels, known: NDArray[np.bool_] | None = None) -> None:
        """Show RGB colors, of any size, over the input or alone; where `known` is false they are transparent."""
        self._input = None if model_input is None else to_qimage(model_input)
        alpha = np.full(colors.shape[:2], 255, np.uint8) if known is None else np.where(known, 255, 0).astype(np.uint8)
        rgba = np.ascontiguousarray(np.dstack([colors, alpha]))
        height, width = alpha.shape
        self._heatmap = QImage(rgba.data, width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
        self._limit_height()
        self.update()

    def set_strength(self, share: float) -> None:
        """Set the opacity of the colors over the input, 0 … 1."""
        self._strength = share
        self.update()

    def show_marks(self, marks: tuple[QRect, ...]) -> None:
        """Draw a dot in the center of each of these rectangles, in pixels of the input."""
        self._marks = marks
        self.update()

    def show_frame(self, frame: QRect | None) -> None:
        """Draw a rectangle, in pixels of the input."""
        if frame != self._frame:
            self._frame = frame
            self.update()

    def image_rect(self) -> QRectF:
        """The rectangle in which the image is painted; null without one."""
        image = self._image()
        if image is None:
            return QRectF()
        size = image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        return QRectF((self.width() - size.width()) // 2, 0, size.width(), size.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._heatmap is None:
            painter.fillRect(self.rect(), QColor(theme.current().hover))
            return
        if self._input is not None:
            self._paint(painter, self._input)
            painter.setOpacity(self._strength)
        self._paint(painter, self._heatmap)
        painter.setOpacity(1)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_marks(painter)
        if self._frame is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for color, width in ((QColor(255, 255, 255, 220), 4), (QColor(theme.LIGHT.accent), 2)):
                painter.setPen(QPen(color, width, j=Qt.PenJoinStyle.MiterJoin))
                painter.drawRect(self._on_screen(self._frame).adjusted(1, 1, -1, -1))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.hovered.emit(self._pixel_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        self.hovered.emit(None)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pixel = self._pixel_at(event.position())
        if pixel and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(*pixel)

    def _paint(self, painter: QPainter, image: QImage) -> None:
        """Paint enlarged pixels as squares, and smooth the image otherwise."""
        smooth = self.image_rect().width() < MIN_SHARP_SCALE * image.width()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.drawImage(self.image_rect(), image)

    def _paint_marks(self, painter: QPainter) -> None:
        painter.setPen(QPen(QColor(0, 0, 0, 160), 1))
        painter.setBrush(QColor("#ffffff"))
        for mark in self._marks:
            painter.drawEllipse(self._on_screen(mark).center(), 3, 3)

    def _image(self) -> QImage | None:
        return self._input or self._heatmap

    def _limit_height(self) -> None:
        """Leave no free space in the view under the image."""
        image = self._image()
        ratio = image.height() / image.width() if image else 1
        self.setMaximumHeight(max(MIN_SIZE, math.ceil(self.width() * ratio)))

    def _on_screen(self, area: QRect) -> QRectF:
        image, rect = self._image(), self.image_rect()
        if image is None:
            return QRectF()
        across, down = rect.width() / image.width(), rect.height() / image.height()
        top_left = rect.topLeft() + QPointF(area.x() * across, area.y() * down)
        return QRectF(top_left.x(), top_left.y(), area.width() * across, area.height() * down)

    def _pixel_at(self, point: QPointF) -> tuple[int, int] | None:
        image, rect = self._image(), self.image_rect()
        if image is None or not rect.contains(point):
            return None
        row = math.floor((point.y() - rect.top()) / rect.height() * image.height())
        column = math.floor((point.x() - rect.left()) / rect.width() * image.width())
        return min(row, image.height() - 1), min(column, image.width() - 1)


DEFAULT_STRENGTH = 60


class StrengthSlider(QWidget):
    """Emits the opacity of the heatmap, 0 … 1."""

    strengthChanged = Signal(float)

    def __init__(self, name: str) -> None:
        super().__init__()
        tip = "Opacity of the colors over the network input"
        self._slider = set_names(QSlider(Qt.Orientation.Horizontal), name, "Opacity", tip)
        self._slider.setRange(0, 100)
        self._slider.setMinimumWidth(24)
        caption, self._value = QLabel("opacity"), set_names(QLabel(), f"{name}Value", "Opacity")
        caption.setProperty("quiet", True)
        caption.setBuddy(self._slider)
        self._value.setMinimumWidth(self._value.fontMetrics().horizontalAdvance("100 %"))
        self._value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        for widget in (caption, self._slider, self._value):
            row.addWidget(widget)
        self._slider.valueChanged.connect(self._on_value_changed)
        self._slider.setValue(DEFAULT_STRENGTH)

    def strength(self) -> float:
        return self._slider.value() / 100

    def _on_value_changed(self, percent: int) -> None:
        self._value.setText(f"{percent} %")
        self.strengthChanged.emit(percent / 100)
