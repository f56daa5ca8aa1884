"""What augmentation makes of a few images: each as it is, and as a step may see it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.widgets.class_table import APART, sample_side
from resnet_studio.gui.widgets.named import named
from resnet_studio.gui.widgets.pictures import as_image, thumbnail
from resnet_studio.training.sources import DataView

ARROW = 24


class AugmentedView(QWidget):
    """A row for each image: the original, an arrow, what became of it."""

    def __init__(self) -> None:
        super().__init__()
        tip = "Left an image of the training set, right of it what the network may be shown instead"
        named(self, "augmented", "What augmentation makes of some images", tip)
        self._rows: list[list[QImage]] = []
        self._side = 0
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_data(self, view: DataView) -> None:
        """Show these data's augmented images."""
        self._side = sample_side(view)
        originals = [view.samples[number] for number in view.augmented_of]
        self._rows = [
            [as_image(pixels, 2 * self._side) for pixels in (original, *made)]
            for original, made in zip(originals, view.augmented, strict=True)
        ]
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        longest = max(map(len, self._rows), default=0)
        return QSize(longest * (self._side + APART) + ARROW, len(self._rows) * (self._side + 2 * APART))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setPen(QColor(theme.current().muted))
        for number, images in enumerate(self._rows):
            y = number * (self._side + 2 * APART)
            for place, image in enumerate(images):
                x = place * (self._side + APART) + (ARROW if place else 0)
                painter.drawPixmap(x, y, thumbnail(image, self._side, self.devicePixelRatioF()))
            arrow = QRectF(self._side, y, ARROW + APART, self._side)
            painter.drawText(arrow, Qt.AlignmentFlag.AlignCenter, "→")
