"""Pixels of an array as an image that Qt paints."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPixmap

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
