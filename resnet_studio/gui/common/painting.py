"""Pixels of an array as an image that Qt paints."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from resnet_studio.inference.values import Pixels


def as_image(pixels: Pixels, longest: int = 1024) -> QImage:
    """An image of its own, of at most twice that many pixels a side: rows and columns of larger ones are left out.

    A photograph of 50 million pixels is never copied whole on its way to a thumbnail.
    """
    step = max(1, max(pixels.shape[:2]) // longest)
    kept = np.ascontiguousarray(pixels[::step, ::step])
    height, width, channels = kept.shape
    return QImage(kept.data, width, height, channels * width, QImage.Format.Format_RGB888).copy()


def paint_image(painter: QPainter, box: QRectF, image: QImage) -> None:
    """Fill the box: small images keep their pixels' edges, large ones are smoothed."""
    ratio = painter.device().devicePixelRatioF()
    shrinks = image.width() > box.width() * ratio
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, shrinks)
    painter.drawImage(box, image)


def thumbnail(image: QImage, side: int, ratio: float) -> QPixmap:
    """The middle of an image as a square of `side` pixels of the window, `ratio` pixels of the screen each."""
    short = min(image.width(), image.height())
    middle = image.copy((image.width() - short) // 2, (image.height() - short) // 2, short, short)
    real = round(side * ratio)
    how = Qt.TransformationMode.SmoothTransformation if short > real else Qt.TransformationMode.FastTransformation
    pixmap = QPixmap.fromImage(middle.scaled(real, real, Qt.AspectRatioMode.IgnoreAspectRatio, how))
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


LEAST = 64


class PixelView(QWidget):
    """As large as its place allows, up to `side` pixels, and in the upper left of it."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self._side = side
        self._image = QImage()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.setMinimumSize(LEAST, LEAST)

    def show_pixels(self, pixels: Pixels) -> None:
        """Show this picture."""
        self._image = as_image(pixels)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        return QSize(self._side, self._side)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        if self._image.isNull():
            return
        scale = min(self.width(), self.height()) / max(self._image.width(), self._image.height())
        if scale > 1:
            scale = int(scale)  # every pixel as large as every other
        paint_image(
            QPainter(self), QRectF(0, 0, scale * self._image.width(), scale * self._image.height()), self._image
        )
