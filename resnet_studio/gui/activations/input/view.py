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
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.activations.input.painting import paint_crop, paint_receptive_field
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.painting import paint_image, to_qimage
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.cropping import frame, moved, zoomed
from resnet_studio.inference.transforms import IDENTITY, ImageTransforms, Occluder
from resnet_studio.inference.values import Frame, Photograph, Pixels, Preprocessing
from resnet_studio.networks.receptive_field import Box

MAX_HEIGHT, CAPTION_HEIGHT = 208, 36
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
        self._receptive_field: Box | None = None
        self._pixmaps: dict[int, tuple[tuple[object, ...], QPixmap]] = {}
        self._dragged: tuple[int, QPointF, ImageTransforms] | None = None
        """Which picture is dragged (0 or 1), where the drag began, and the transforms then."""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def sizeHint(self) -> QSize:
        return QSize(2 * MAX_HEIGHT + GRID, self.heightForWidth(self.width()))

    def heightForWidth(self, width: int) -> int:
        return math.ceil(self._boxes(width)[0].height()) + CAPTION_HEIGHT

    def show_photograph(self, photograph: Photograph) -> None:
        """Show a photograph, and clear the network's input until its own comes."""
        self._photograph, self._size = to_qimage(photograph.pixels), QSizeF(*photograph.size)
        self._preprocessing = self._model_input = None
        self._update_description()

    def show_model_input(self, pixels: Pixels, preprocessing: Preprocessing) -> None:
        """Show the network's input, and how it is cropped from the photograph."""
        first = self._model_input is None
        self._model_input, self._preprocessing = to_qimage(pixels), preprocessing
        if first:
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

    def boxes(self) -> tuple[QRectF, QRectF]:
        """Where the photograph and the input are painted."""
        return self._boxes(self.width())

    def crop(self) -> QPolygonF:
        """The crop on the photograph, clockwise from the input's upper left corner; empty if unknown."""
        if self._preprocessing is None:
            return QPolygonF()
        return QPolygonF([self._to_screen(*corner) for corner in self._frame(self._preprocessing).corners])

    def occluder_box(self) -> QRectF:
        """Where the occluder lies on the input; null without one."""
        box, occluder = self.boxes()[1], self._transforms.occluder
        if occluder is None or self._model_input is None:
            return QRectF()
        side = occluder.side * box.width()
        whole = QRectF(0, 0, side, side)
        whole.moveCenter(box.topLeft() + QPointF(occluder.x * box.width(), occluder.y * box.height()))
        return whole.intersected(box)

    def receptive_field_polygons(self) -> tuple[QPolygonF, QPolygonF]:
        """The receptive field on the photograph and on the input; empty without one."""
        if self._receptive_field is None or self._model_input is None or self._preprocessing is None:
            return QPolygonF(), QPolygonF()
        field, (width, height) = self._receptive_field, (self._model_input.width(), self._model_input.height())
        left, right = (max(0.0, min(1.0, x / width)) for x in (field.left, field.right))
        top, bottom = (max(0.0, min(1.0, y / height)) for y in (field.top, field.bottom))
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        crop, box = self._frame(self._preprocessing), self.boxes()[1]
        on_input = [box.topLeft() + QPointF(x * box.width(), y * box.height()) for x, y in corners]
        return QPolygonF([self._to_screen(*crop.at(*corner)) for corner in corners]), QPolygonF(on_input)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.updateGeometry()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        which = self._picture_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and which is not None:
            self._dragged = which, event.position(), self._transforms
            if which == 1:
                self._place_occluder(event.position(), moving=True)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragged is None:
            which = self._picture_at(event.position())
            shapes = {0: Qt.CursorShape.OpenHandCursor, 1: Qt.CursorShape.CrossCursor}
            self.setCursor(shapes[which] if which is not None else Qt.CursorShape.ArrowCursor)
        elif self._dragged[0] == 1:
            self._place_occluder(event.position(), moving=True)
        else:
            _, begin, transforms = self._dragged
            self._request(self._panned(transforms, event.position() - begin), moving=True)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._dragged is not None:
            self._dragged = None
            self._request(self._transforms)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        which, self._dragged = self._picture_at(event.position()), None
        if which == 0:
            self._request(replace(self._transforms, x=0.0, y=0.0, zoom=1.0, rotation=0.0))
        elif which == 1:
            self._request(replace(self._transforms, occluder=None))

    def wheelEvent(self, event: QWheelEvent) -> None:
        which, notches = self._picture_at(event.position()), event.angleDelta().y() / 120
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
        painter = QPainter(self)
        pictures = (self._photograph, self._model_input)
        waiting = ("no image", "not computed yet") if self._photograph is None else ("", "not computed yet")
        for number, (box, image, empty) in enumerate(zip(self.boxes(), pictures, waiting, strict=True)):
            if image is None:
                painter.fillRect(box, QColor(theme.current().hover))
                self._draw_text(painter, box, empty)
            else:
                painter.drawPixmap(box.topLeft(), self._scaled(number, box, image))
        if self._photograph:
            self._draw_caption(painter, 0)
            paint_crop(painter, self.boxes()[0], self.crop(), rotated=bool(self._transforms.rotation))
        if self._model_input:
            self._draw_caption(painter, 1)
            if not self.occluder_box().isNull():
                painter.setPen(QPen(QColor(theme.current().accent), 1))
                painter.drawRect(self.occluder_box().adjusted(0.5, 0.5, -0.5, -0.5))
        for box, field in zip(self.boxes(), self.receptive_field_polygons(), strict=True):
            paint_receptive_field(painter, box, field)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme.current().accent), 1))
            painter.drawRect(self.boxes()[0].adjusted(0.5, 0.5, -0.5, -0.5))

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

    def _boxes(self, width: float) -> tuple[QRectF, QRectF]:
        ratio = min(max(self._size.width() / self._size.height(), 0.25), 4.0) if self._size.height() else 1.5
        height = min(float(MAX_HEIGHT), (width - GRID) / (ratio + 1))
        return QRectF(0, 0, ratio * height, height), QRectF(ratio * height + GRID, 0, height, height)

    def _frame(self, preprocessing: Preprocessing) -> Frame:
        return frame(int(self._size.width()), int(self._size.height()), preprocessing, self._transforms)

    def _to_screen(self, x: float, y: float) -> QPointF:
        box = self.boxes()[0]
        return box.topLeft() + QPointF(x / self._size.width() * box.width(), y / self._size.height() * box.height())

    def _picture_at(self, point: QPointF) -> int | None:
        """The picture under a point."""
        pictures = (self._photograph, self._model_input)
        for number, (box, image) in enumerate(zip(self.boxes(), pictures, strict=True)):
            if image is not None and self._preprocessing is not None and box.contains(point):
                return number
        return None

    def _panned(self, transforms: ImageTransforms, offset: QPointF) -> ImageTransforms:
        """Move the crop along with the mouse on the photograph."""
        assert self._preprocessing is not None
        box = self.boxes()[0]
        crop = frame(int(self._size.width()), int(self._size.height()), self._preprocessing)
        across = offset.x() / box.width() * self._size.width() / crop.width
        return moved(transforms, across, offset.y() / box.height() * self._size.height() / crop.height)

    def _place_occluder(self, point: QPointF, *, moving: bool) -> None:
        box, occluder = self.boxes()[1], self._transforms.occluder or Occluder()
        x, y = ((point.x() - box.left()) / box.width(), (point.y() - box.top()) / box.height())
        placed = replace(occluder, x=min(max(x, 0.0), 1.0), y=min(max(y, 0.0), 1.0))
        self._request(replace(self._transforms, occluder=placed), moving=moving)

    def _request(self, transforms: ImageTransforms, *, moving: bool = False) -> None:
        self.show_transforms(transforms)
        self.transformsRequested.emit(transforms, moving)

    def captions(self) -> tuple[str, str]:
        """The texts under the pictures."""
        given = self._model_input
        on_input = f"network input\n{given.width()}×{given.height()}" if given else ""
        return f"image\n{self._size.width():.0f}×{self._size.height():.0f}", on_input

    def _draw_caption(self, painter: QPainter, which: int) -> None:
        """Draw it under its picture's left edge; the second moves aside for the first or the widget's edge."""
        widths = [painter.fontMetrics().size(0, text).width() + 1 for text in self.captions()]
        left = 0.0
        if which == 1:
            left = max(min(self.boxes()[1].left(), self.width() - widths[1]), widths[0] + GRID)
        below = QRectF(left, self.boxes()[which].bottom() + 4, widths[which], CAPTION_HEIGHT)
        self._draw_text(painter, below, self.captions()[which], Qt.AlignmentFlag.AlignLeft)

    def _draw_text(
        self, painter: QPainter, box: QRectF, text: str, where: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignCenter
    ) -> None:
        painter.setPen(QColor(theme.current().muted))
        painter.drawText(box, where | Qt.TextFlag.TextWordWrap, text)

    def _update_description(self) -> None:
        on_input = (
            f"; network input {self._model_input.width()}×{self._model_input.height()}" if self._model_input else ""
        )
        self.setAccessibleDescription(f"Image, {self._size.width():.0f}×{self._size.height():.0f}{on_input}")
        self.updateGeometry()
        self.update()
