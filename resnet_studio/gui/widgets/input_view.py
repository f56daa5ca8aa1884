"""The photograph with the crop drawn on it, beside what the network gets to see of it."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.widgets.named import named
from resnet_studio.gui.widgets.pictures import as_image, paint_image
from resnet_studio.inference.values import Photograph, Pixels

HIGHEST, CAPTION = 144, 36
Crop = tuple[float, float, float, float]


class InputView(QWidget):
    """Two pictures of one height, each with its size in pixels under it."""

    def __init__(self) -> None:
        super().__init__()
        tip = "Left the photograph, with the crop that the network gets; right the network's real input"
        named(self, "inputView", "Photograph and network input", tip)
        self._photograph: QImage | None = None
        self._size = QSizeF()
        self._crop: Crop | None = None
        self._seen: QImage | None = None
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        return QSize(2 * HIGHEST + GRID, self.heightForWidth(self.width()))

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        return math.ceil(self._boxes(width)[0].height()) + CAPTION

    def show_photograph(self, photograph: Photograph) -> None:
        """Show a photograph; what was seen of the one before it goes."""
        height, width = photograph.pixels.shape[:2]
        self._photograph, self._size = as_image(photograph.pixels), QSizeF(width, height)
        self._crop = self._seen = None
        self._describe()

    def show_seen(self, pixels: Pixels, crop: Crop) -> None:
        """Show the network's input, and where it lies in the photograph: left, top, width, height."""
        self._seen, self._crop = as_image(pixels), crop
        self._describe()

    def boxes(self) -> tuple[QRectF, QRectF]:
        """Where the photograph and the input are painted."""
        return self._boxes(self.width())

    def crop_box(self) -> QRectF:
        """Where the crop is drawn; null as long as none is known."""
        if self._crop is None:
            return QRectF()
        box, (left, top, width, height) = self.boxes()[0], self._crop
        across, down = box.width() / self._size.width(), box.height() / self._size.height()
        whole = QRectF(left * across, top * down, width * across, height * down)
        return whole.translated(box.topLeft()).intersected(box)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.updateGeometry()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        pictures = (self._photograph, self._seen)
        waiting = ("no image", "not seen yet") if self._photograph is None else ("", "not seen yet")
        for box, image, empty in zip(self.boxes(), pictures, waiting, strict=True):
            if image is None:
                painter.fillRect(box, QColor(theme.current().hover))
                self._write(painter, box, empty)
            else:
                paint_image(painter, box, image)
        if self._photograph:
            self._caption(painter, 0, f"photograph\n{self._size.width():.0f}×{self._size.height():.0f}")
            self._paint_crop(painter)
        if self._seen:
            self._caption(painter, 1, f"as seen\n{self._seen.width()}×{self._seen.height()}")

    def _boxes(self, width: float) -> tuple[QRectF, QRectF]:
        ratio = min(max(self._size.width() / self._size.height(), 0.25), 4.0) if self._size.height() else 1.5
        height = min(float(HIGHEST), (width - GRID) / (ratio + 1))
        return QRectF(0, 0, ratio * height, height), QRectF(ratio * height + GRID, 0, height, height)

    def _paint_crop(self, painter: QPainter) -> None:
        crop = self.crop_box()
        if crop.isNull():
            return
        outside = QPainterPath()
        outside.addRect(self.boxes()[0])
        outside.addRect(crop)  # a path is filled where an odd number of its parts lie
        painter.fillPath(outside, QColor(0, 0, 0, 120))
        painter.setPen(QPen(QColor("#ffffff"), 1))
        painter.drawRect(crop.adjusted(0.5, 0.5, -0.5, -0.5))

    def _caption(self, painter: QPainter, which: int, text: str) -> None:
        box = self.boxes()[which]
        below = QRectF(box.left(), box.bottom() + 4, self.width() - box.left(), CAPTION)
        self._write(painter, below, text, Qt.AlignmentFlag.AlignLeft)

    def _write(
        self, painter: QPainter, box: QRectF, text: str, where: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignCenter
    ) -> None:
        painter.setPen(QColor(theme.current().muted))
        painter.drawText(box, where | Qt.TextFlag.TextWordWrap, text)

    def _describe(self) -> None:
        seen = f"; the network sees {self._seen.width()}×{self._seen.height()}" if self._seen else ""
        self.setAccessibleDescription(f"Photograph, {self._size.width():.0f}×{self._size.height():.0f}{seen}")
        self.updateGeometry()
        self.update()
