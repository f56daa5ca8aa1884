"""Conversion of pixel arrays to Qt images, and painting them."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from resnet_studio.inference.values import Pixels


def to_qimage(pixels: Pixels, longest: int = 1024) -> QImage:
    """A copy of the pixels with less than `2 * longest` pixels a side; larger ones are subsampled first.

    So a photograph of 50 million pixels is never copied at full size for a thumbnail.
    """
    step = max(1, max(pixels.shape[:2]) // longest)
    sampled = np.ascontiguousarray(pixels[::step, ::step])
    height, width, channels = sampled.shape
    return QImage(sampled.data, width, height, channels * width, QImage.Format.Format_RGB888).copy()


def paint_image(painter: QPainter, box: QRectF, image: QImage) -> None:
    """Fill the box; an enlarged image keeps sharp pixels, a reduced one is smoothed."""
    ratio = painter.device().devicePixelRatioF()
    shrinks = image.width() > box.width() * ratio
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, shrinks)
    painter.drawImage(box, image)


def thumbnail(image: QImage, side: int, ratio: float) -> QPixmap:
    """The center square of an image with a side of `side` logical pixels at the device pixel ratio `ratio`."""
    short = min(image.width(), image.height())
    center = image.copy((image.width() - short) // 2, (image.height() - short) // 2, short, short)
    return scaled_pixmap(center, QSize(side, side), ratio)


def scaled_pixmap(image: QImage, size: QSize, ratio: float) -> QPixmap:
    """An image in a size of logical pixels at the device pixel ratio `ratio`; enlarged, it keeps sharp pixels."""
    pixels = QSize(round(size.width() * ratio), round(size.height() * ratio))
    shrinks = image.height() > pixels.height()
    mode = Qt.TransformationMode.SmoothTransformation if shrinks else Qt.TransformationMode.FastTransformation
    pixmap = QPixmap.fromImage(image.scaled(pixels, Qt.AspectRatioMode.IgnoreAspectRatio, mode))
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


MIN_SIDE = 64


class PixelView(QWidget):
    """Shows an image at the top left, as large as fits, up to `side` pixels."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self._side = side
        self._image = QImage()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.setMinimumSize(MIN_SIDE, MIN_SIDE)

    def set_pixels(self, pixels: Pixels) -> None:
        """Show this image."""
        self._image = to_qimage(pixels)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._side, self._side)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._image.isNull():
            return
        scale = min(self.width(), self.height()) / max(self._image.width(), self._image.height())
        if scale > 1:
            scale = int(scale)  # all pixels of equal size
        paint_image(
            QPainter(self), QRectF(0, 0, scale * self._image.width(), scale * self._image.height()), self._image
        )
