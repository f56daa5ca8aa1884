"""The photograph with the crop drawn on it, next to the network's input; both take the mouse."""

from __future__ import annotations

import math
from dataclasses import replace

from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.activations.input.geometry import MAX_HEIGHT, InputGeometry
from resnet_studio.gui.activations.input.painting import paint_crop, paint_outline, paint_receptive_field
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.painting import paint_image, to_qimage
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.cropping import moved, zoomed
from resnet_studio.inference.transforms import IDENTITY, ImageTransforms
from resnet_studio.inference.values import Photograph, Pixels, Preprocessing
from resnet_studio.networks.receptive_field import Box

CAPTION_HEIGHT = 36
ZOOM_PER_NOTCH = 1.1
"""Zoom factor of one notch of the wheel."""
KEY_STEP = 0.05
"""How far an arrow key moves the crop, as a share of its side."""
TIP = (
    "Left: the image. Drag moves the crop, wheel zooms, double-click resets.\n"
    "Right: the network input. Drag places a gray patch, wheel resizes it, "
    "double-click removes it.\n"
    "Arrow keys move the crop, + and − zoom, 0 resets"
)


class InputView(QWidget):
    """Photograph and network input at one height, each with its size in pixels below."""

    transformsRequested = Signal(object, bool)
    """The `ImageTransforms`, and whether the user still drags."""

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "inputView", "Image and network input", TIP)
        self._photograph: QImage | None = None
        self._size = QSizeF()
        self._preprocessing: Preprocessing | None = None
        self._transforms = IDENTITY
        self._model_input: QImage | None = None
        self._input_ratio = 1.0
        """Width divided by height of the newest input, whose place stays while the next is computed."""
        self._receptive_field: Box | None = None
        self._pixmaps: dict[int, tuple[tuple[object, ...], QPixmap]] = {}
        self._dragged: tuple[int, QPointF, InputGeometry] | None = None
        """Which picture is dragged (0 or 1), where the drag began, and the geometry then."""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def sizeHint(self) -> QSize:
        return QSize(2 * MAX_HEIGHT + GRID, self.heightForWidth(self.width()))

    def heightForWidth(self, width: int) -> int:
        return math.ceil(replace(self.picture_geometry, width=width).boxes[0].height()) + CAPTION_HEIGHT

    def show_photograph(self, photograph: Photograph) -> None:
        """Show a photograph, and clear the network's input until its own comes."""
        self._photograph, self._size = to_qimage(photograph.pixels), QSizeF(*photograph.size)
        self._preprocessing = self._model_input = None
        self._update_description()

    def show_model_input(self, pixels: Pixels, preprocessing: Preprocessing) -> None:
        """Show the network's input, and how it is cropped from the photograph."""
        size = None if self._model_input is None else self._model_input.size()
        self._model_input, self._preprocessing = to_qimage(pixels), preprocessing
        if size != self._model_input.size():
            self._input_ratio = self._model_input.width() / self._model_input.height()
            self._update_description()
        self.update()

    def show_transforms(self, transforms: ImageTransforms) -> None:
        """Show the crop and the occluder of these transforms."""
        self._transforms = transforms
        self.update()

    def show_receptive_field(self, field: Box | None) -> None:
        """Draw a receptive field, in pixels of the input, on both pictures; None removes it."""
        if field != self._receptive_field:
            self._receptive_field = field
            self.update()

    @property
    def picture_geometry(self) -> InputGeometry:
        """Where the pictures and everything on them are drawn now."""
        model_input = self._model_input.size().toSizeF() if self._model_input else QSizeF()
        return InputGeometry(
            self.width(), self._size, model_input, self._preprocessing, self._transforms, self._receptive_field,
            self._input_ratio,
        )  # fmt: skip

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.updateGeometry()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        which = self.picture_geometry.picture_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and which is not None:
            self._dragged = which, event.position(), self.picture_geometry
            if which == 1:
                self._request(self.picture_geometry.with_occluder_at(event.position()), moving=True)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragged is None:
            shapes = {0: Qt.CursorShape.OpenHandCursor, 1: Qt.CursorShape.CrossCursor, None: Qt.CursorShape.ArrowCursor}
            self.setCursor(shapes[self.picture_geometry.picture_at(event.position())])
            return
        which, begin, geometry = self._dragged
        if which == 1:
            self._request(self.picture_geometry.with_occluder_at(event.position()), moving=True)
        else:
            self._request(geometry.moved_by(event.position() - begin), moving=True)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._dragged is not None:
            self._dragged = None
            self._request(self._transforms)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        which, self._dragged = self.picture_geometry.picture_at(event.position()), None
        if which == 0:
            self._request(replace(self._transforms, x=0.0, y=0.0, zoom=1.0, rotation=0.0))
        elif which == 1:
            self._request(replace(self._transforms, occluder=None))

    def wheelEvent(self, event: QWheelEvent) -> None:
        which, notches = self.picture_geometry.picture_at(event.position()), event.angleDelta().y() / 120
        if which is None or not notches:
            return
        event.accept()
        if which == 1 and (occluder := self._transforms.occluder):
            side = min(max(occluder.side * ZOOM_PER_NOTCH**notches, 0.02), 1.0)
            self._request(replace(self._transforms, occluder=replace(occluder, side=side)))
        else:
            self._request(zoomed(self._transforms, ZOOM_PER_NOTCH**notches))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}
        factors = {
            Qt.Key.Key_Plus: ZOOM_PER_NOTCH,
            Qt.Key.Key_Equal: ZOOM_PER_NOTCH,
            Qt.Key.Key_Minus: 1 / ZOOM_PER_NOTCH,
        }
        key = Qt.Key(event.key())
        if key in steps:
            across, down = steps[key]
            self._request(
                moved(
                    self._transforms, KEY_STEP * across / self._transforms.zoom, KEY_STEP * down / self._transforms.zoom
                )
            )
        elif key in factors:
            self._request(zoomed(self._transforms, factors[key]))
        elif key == Qt.Key.Key_0:
            self._request(IDENTITY)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, geometry = QPainter(self), self.picture_geometry
        pictures = (self._photograph, self._model_input)
        waiting = ("no image", "not computed yet") if self._photograph is None else ("", "not computed yet")
        for number, (box, image, empty) in enumerate(zip(geometry.boxes, pictures, waiting, strict=True)):
            if image is None:
                painter.fillRect(box, QColor(theme.current().hover))
                self._draw_text(painter, box, empty)
            else:
                painter.drawPixmap(box.topLeft(), self._scaled(number, box, image))
                self._draw_caption(painter, geometry, number)
        if self._photograph:
            paint_crop(painter, geometry.boxes[0], geometry.crop, rotated=bool(self._transforms.rotation))
        if not geometry.occluder.isNull():
            paint_outline(painter, geometry.occluder)
        for box, field in zip(geometry.boxes, geometry.receptive_field_polygons, strict=True):
            paint_receptive_field(painter, box, field)
        if self.hasFocus():
            paint_outline(painter, geometry.boxes[0])

    def _scaled(self, number: int, box: QRectF, image: QImage) -> QPixmap:
        """An image scaled to its box, cached by image, size and device pixel ratio."""
        key = image.cacheKey(), box.width(), box.height(), self.devicePixelRatioF()
        if self._pixmaps.get(number, ((), None))[0] != key:
            ratio = self.devicePixelRatioF()
            pixmap = QPixmap((box.size() * ratio).toSize())
            pixmap.setDevicePixelRatio(ratio)
            painter = QPainter(pixmap)
            paint_image(painter, QRectF(QPointF(), box.size()), image)
            painter.end()
            self._pixmaps[number] = key, pixmap
        return self._pixmaps[number][1]

    def _request(self, transforms: ImageTransforms, *, moving: bool = False) -> None:
        self.show_transforms(transforms)
        self.transformsRequested.emit(transforms, moving)

    def captions(self) -> tuple[str, str]:
        """The texts under the pictures."""
        on_input = f"network input\n{_size_text(self._model_input)}" if self._model_input else ""
        return f"image\n{self._size.width():.0f}×{self._size.height():.0f}", on_input

    def _draw_caption(self, painter: QPainter, geometry: InputGeometry, which: int) -> None:
        """Draw it under its picture's left edge; the second moves aside for the first or the widget's edge."""
        box, captions = geometry.boxes[which], self.captions()
        widths = [painter.fontMetrics().size(0, text).width() + 1 for text in captions]
        left = max(min(box.left(), self.width() - widths[1]), widths[0] + GRID) if which == 1 else 0.0
        below = QRectF(left, box.bottom() + 4, widths[which], CAPTION_HEIGHT)
        self._draw_text(painter, below, captions[which], Qt.AlignmentFlag.AlignLeft)

    def _draw_text(
        self, painter: QPainter, box: QRectF, text: str, where: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignCenter
    ) -> None:
        painter.setPen(QColor(theme.current().muted))
        painter.drawText(box, where | Qt.TextFlag.TextWordWrap, text)

    def _update_description(self) -> None:
        on_input = f"; network input {_size_text(self._model_input)}" if self._model_input else ""
        self.setAccessibleDescription(f"Image, {self._size.width():.0f}×{self._size.height():.0f}{on_input}")
        self.updateGeometry()
        self.update()


def _size_text(image: QImage) -> str:
    """Height and width, as sizes of inputs and maps are written everywhere; said where it makes a difference."""
    order = "" if image.height() == image.width() else " (h×w)"
    return f"{image.height()}×{image.width()}{order}"
