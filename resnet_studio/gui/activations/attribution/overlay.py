"""A network's input with colours laid over it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QSlider, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.painting import as_image
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.values import Pixels

SMALLEST, PREFERRED = 120, 320
COARSE = 4.0
"""Pixels of the screen that a pixel of the input has at least where it is drawn with edges."""


class OverlayView(QWidget):
    """As large as its place allows, in the upper middle of it. Rows and columns are pixels of the input."""

    hovered = Signal(object)
    """Row and column of the pixel under the mouse, or None."""
    clicked = Signal(int, int)

    def __init__(self, name: str, spoken: str, tip: str = "") -> None:
        super().__init__()
        named(self, name, spoken, tip)
        self._seen: QImage | None = None
        self._colours: QImage | None = None
        self._strength = 1.0
        self._marks: tuple[QRect, ...] = ()
        self._frame: QRect | None = None
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setMinimumSize(SMALLEST, SMALLEST)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's names)
        return QSize(PREFERRED, PREFERRED)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.setMaximumHeight(max(SMALLEST, self.width()))  # what it has no use for is left under it

    def show_pictures(self, seen: Pixels | None, colours: Pixels, known: NDArray[np.bool_] | None = None) -> None:
        """Show colours over the input, of whatever size, or alone; where nothing is `known` there are none."""
        self._seen = None if seen is None else as_image(seen)
        alpha = np.full(colours.shape[:2], 255, np.uint8) if known is None else np.where(known, 255, 0).astype(np.uint8)
        whole = np.ascontiguousarray(np.dstack([colours, alpha]))
        height, width = alpha.shape
        self._colours = QImage(whole.data, width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
        self.update()

    def show_nothing(self) -> None:
        """There is nothing to show yet, or no longer."""
        self._seen = self._colours = self._frame = None
        self._marks = ()
        self.update()

    def show_strength(self, share: float) -> None:
        """How strongly the colours cover the input, 0 … 1."""
        self._strength = share
        self.update()

    def show_marks(self, marks: tuple[QRect, ...]) -> None:
        """Put a dot into the middle of each of these boxes, in pixels of the input."""
        self._marks = marks
        self.update()

    def show_frame(self, frame: QRect | None) -> None:
        """Draw a box, in pixels of the input."""
        if frame != self._frame:
            self._frame = frame
            self.update()

    def box(self) -> QRectF:
        """Where the picture is painted; null without one."""
        shown = self._shown()
        if shown is None:
            return QRectF()
        size = shown.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        return QRectF((self.width() - size.width()) // 2, 0, size.width(), size.height())

    def centre(self, row: int, column: int) -> QPoint:
        """Where a pixel of the input is on the widget."""
        return self._on_screen(QRect(column, row, 1, 1)).center().toPoint()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        if self._colours is None:
            painter.fillRect(self.rect(), QColor(theme.current().hover))
            return
        if self._seen is not None:
            self._paint(painter, self._seen)
            painter.setOpacity(self._strength)
        self._paint(painter, self._colours)
        painter.setOpacity(1)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_marks(painter)
        if self._frame is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for colour, width in ((QColor(255, 255, 255, 220), 4), (QColor(theme.LIGHT.accent), 2)):
                painter.setPen(QPen(colour, width, j=Qt.PenJoinStyle.MiterJoin))
                painter.drawRect(self._on_screen(self._frame).adjusted(1, 1, -1, -1))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self.hovered.emit(self._pixel(event.position()))

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        self.hovered.emit(None)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        pixel = self._pixel(event.position())
        if pixel and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(*pixel)

    def _paint(self, painter: QPainter, image: QImage) -> None:
        """Large pixels have edges, small ones flow into one another."""
        smooth = self.box().width() < COARSE * image.width()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.drawImage(self.box(), image)

    def _paint_marks(self, painter: QPainter) -> None:
        painter.setPen(QPen(QColor(0, 0, 0, 160), 1))
        painter.setBrush(QColor("#ffffff"))
        for mark in self._marks:
            painter.drawEllipse(self._on_screen(mark).center(), 3, 3)

    def _shown(self) -> QImage | None:
        return self._seen or self._colours

    def _on_screen(self, part: QRect) -> QRectF:
        shown, box = self._shown(), self.box()
        if shown is None:
            return QRectF()
        scale = box.width() / shown.width()
        corner = box.topLeft() + QPointF(part.x() * scale, part.y() * scale)
        return QRectF(corner.x(), corner.y(), part.width() * scale, part.height() * scale)

    def _pixel(self, point: QPointF) -> tuple[int, int] | None:
        shown, box = self._shown(), self.box()
        if shown is None or not box.contains(point):
            return None
        row = math.floor((point.y() - box.top()) / box.height() * shown.height())
        column = math.floor((point.x() - box.left()) / box.width() * shown.width())
        return min(row, shown.height() - 1), min(column, shown.width() - 1)


USUAL = 60


class StrengthSlider(QWidget):
    """Emits the share, 0 … 1."""

    moved = Signal(float)

    def __init__(self, name: str) -> None:
        super().__init__()
        tip = "How strongly the colours cover the network's input"
        self._slider = named(QSlider(Qt.Orientation.Horizontal), name, "Strength", tip)
        self._slider.setRange(0, 100)
        self._slider.setMinimumWidth(24)
        words, self._value = QLabel("strength"), named(QLabel(), f"{name}Value", "Strength")
        words.setProperty("quiet", True)
        words.setBuddy(self._slider)
        self._value.setMinimumWidth(self._value.fontMetrics().horizontalAdvance("100 %"))
        self._value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        for widget in (words, self._slider, self._value):
            row.addWidget(widget)
        self._slider.valueChanged.connect(self._take)
        self._slider.setValue(USUAL)

    def share(self) -> float:
        return self._slider.value() / 100

    def _take(self, percent: int) -> None:
        self._value.setText(f"{percent} %")
        self.moved.emit(percent / 100)
