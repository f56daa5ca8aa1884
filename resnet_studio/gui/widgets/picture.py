"""A small picture enlarged, each of its pixels as a square."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from resnet_studio.gui.widgets.pictures import as_image, paint_image
from resnet_studio.inference.values import Pixels

LEAST = 64


class Picture(QWidget):
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
