"""The photograph with the crop drawn on it, beside what the network gets to see of it; both take the mouse."""

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
from resnet_studio.gui.activations.input.painting import paint_crop, paint_field
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.painting import as_image, paint_image
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.cropping import frame, moved, zoomed
from resnet_studio.inference.transforms import IDENTITY, ImageTransforms, Occluder
from resnet_studio.inference.values import Frame, Photograph, Pixels, Preprocessing
from resnet_studio.networks.receptive_field import Box

HIGHEST, CAPTION = 208, 36
NOTCH = 1.1
"""Factor of a notch of the wheel."""
STEP = 0.05
"""Crops that an arrow key moves."""
TIP = (
    "Left the photograph: drag moves the crop, the wheel zooms, a double-click resets.\n"
    "Right the network's real input: drag lays a grey square there, the wheel changes its size, "
    "a double-click takes it away.\n"
    "Arrow keys move the crop, + and − zoom, 0 resets"
)


class InputView(QWidget):
    """Two pictures of one height, each with its size in pixels under it."""

    handles_wished = Signal(object, bool)
    """The handles, and whether the hand still moves."""

    def __init__(self) -> None:
        super().__init__()
        named(self, "inputView", "Photograph and network input", TIP)
        self._photograph: QImage | None = None
        self._size = QSizeF()
        self._preprocessing: Preprocessing | None = None
        self._handles = IDENTITY
        self._seen: QImage | None = None
        self._field: Box | None = None
        self._pixmaps: dict[int, tuple[tuple[object, ...], QPixmap]] = {}
        self._dragged: tuple[int, QPointF, ImageTransforms] | None = None
        """Which picture, where the drag was last, and the handles there."""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        return QSize(2 * HIGHEST + GRID, self.heightForWidth(self.width()))

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        return math.ceil(self._boxes(width)[0].height()) + CAPTION

    def show_photograph(self, photograph: Photograph) -> None:
        """Show a photograph; what was seen of the one before it goes."""
        self._photograph, self._size = as_image(photograph.pixels), QSizeF(*photograph.size)
        self._preprocessing = self._seen = None
        self._describe()

    def show_seen(self, pixels: Pixels, preprocessing: Preprocessing) -> None:
        """Show the network's input, and how it is cut out of the photograph."""
        first = self._seen is None
        self._seen, self._preprocessing = as_image(pixels), preprocessing
        if first:
            self._describe()
        self.update()

    def show_handles(self, handles: ImageTransforms) -> None:
        """Show the crop and the occluder where these handles have them."""
        self._handles = handles
        self.update()

    def show_field(self, field: Box | None) -> None:
        """Draw which pixels of the input a value depends on, on both pictures; None takes that away."""
        if field != self._field:
            self._field = field
            self.update()

    def boxes(self) -> tuple[QRectF, QRectF]:
        """Where the photograph and the input are painted."""
        return self._boxes(self.width())

    def crop(self) -> QPolygonF:
        """Where the crop is drawn, from the input's upper left corner with the clock; empty if none is known."""
        if self._preprocessing is None:
            return QPolygonF()
        return QPolygonF([self._on_screen(*corner) for corner in self._frame(self._preprocessing).corners])

    def occluder_box(self) -> QRectF:
        """Where the occluder lies on the input; null without one."""
        box, occluder = self.boxes()[1], self._handles.occluder
        if occluder is None or self._seen is None:
            return QRectF()
        side = occluder.side * box.width()
        whole = QRectF(0, 0, side, side)
        whole.moveCenter(box.topLeft() + QPointF(occluder.x * box.width(), occluder.y * box.height()))
        return whole.intersected(box)

    def fields(self) -> tuple[QPolygonF, QPolygonF]:
        """Where the field is drawn on the photograph and on the input; empty without one."""
        if self._field is None or self._seen is None or self._preprocessing is None:
            return QPolygonF(), QPolygonF()
        field, (width, height) = self._field, (self._seen.width(), self._seen.height())
        left, right = (max(0.0, min(1.0, x / width)) for x in (field.left, field.right))
        top, bottom = (max(0.0, min(1.0, y / height)) for y in (field.top, field.bottom))
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        crop, box = self._frame(self._preprocessing), self.boxes()[1]
        seen = [box.topLeft() + QPointF(x * box.width(), y * box.height()) for x, y in corners]
        return QPolygonF([self._on_screen(*crop.at(*corner)) for corner in corners]), QPolygonF(seen)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.updateGeometry()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        which = self._which(event.position())
        if event.button() == Qt.MouseButton.LeftButton and which is not None:
            self._dragged = which, event.position(), self._handles
            if which == 1:
                self._place_occluder(event.position(), moving=True)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self._dragged is None:
            which = self._which(event.position())
            shapes = {0: Qt.CursorShape.OpenHandCursor, 1: Qt.CursorShape.CrossCursor}
            self.setCursor(shapes[which] if which is not None else Qt.CursorShape.ArrowCursor)
        elif self._dragged[0] == 1:
            self._place_occluder(event.position(), moving=True)
        else:
            _, begin, handles = self._dragged
            self._wish(self._panned(handles, event.position() - begin), moving=True)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self._dragged is not None:
            self._dragged = None
            self._wish(self._handles)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        which, self._dragged = self._which(event.position()), None
        if which == 0:
            self._wish(replace(self._handles, x=0.0, y=0.0, zoom=1.0, rotation=0.0))
        elif which == 1:
            self._wish(replace(self._handles, occluder=None))

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        which, notches = self._which(event.position()), event.angleDelta().y() / 120
        if which is None or not notches:
            return
        event.accept()
        if which == 1 and (occluder := self._handles.occluder):
            side = min(max(occluder.side * NOTCH**notches, 0.02), 1.0)
            self._wish(replace(self._handles, occluder=replace(occluder, side=side)))
        else:
            self._wish(zoomed(self._handles, NOTCH**notches))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        steps = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}
        factors = {Qt.Key.Key_Plus: NOTCH, Qt.Key.Key_Equal: NOTCH, Qt.Key.Key_Minus: 1 / NOTCH}
        key = Qt.Key(event.key())
        if key in steps:
            across, down = steps[key]
            self._wish(moved(self._handles, STEP * across / self._handles.zoom, STEP * down / self._handles.zoom))
        elif key in factors:
            self._wish(zoomed(self._handles, factors[key]))
        elif key == Qt.Key.Key_0:
            self._wish(IDENTITY)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        pictures = (self._photograph, self._seen)
        waiting = ("no image", "not seen yet") if self._photograph is None else ("", "not seen yet")
        for number, (box, image, empty) in enumerate(zip(self.boxes(), pictures, waiting, strict=True)):
            if image is None:
                painter.fillRect(box, QColor(theme.current().hover))
                self._write(painter, box, empty)
            else:
                painter.drawPixmap(box.topLeft(), self._scaled(number, box, image))
        if self._photograph:
            self._caption(painter, 0)
            paint_crop(painter, self.boxes()[0], self.crop(), turned=bool(self._handles.rotation))
        if self._seen:
            self._caption(painter, 1)
            if not self.occluder_box().isNull():
                painter.setPen(QPen(QColor(theme.current().accent), 1))
                painter.drawRect(self.occluder_box().adjusted(0.5, 0.5, -0.5, -0.5))
        for box, field in zip(self.boxes(), self.fields(), strict=True):
            paint_field(painter, box, field)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme.current().accent), 1))
            painter.drawRect(self.boxes()[0].adjusted(0.5, 0.5, -0.5, -0.5))

    def _scaled(self, number: int, box: QRectF, image: QImage) -> QPixmap:
        """A picture as large as its box, kept while the hand moves over it."""
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
        height = min(float(HIGHEST), (width - GRID) / (ratio + 1))
        return QRectF(0, 0, ratio * height, height), QRectF(ratio * height + GRID, 0, height, height)

    def _frame(self, preprocessing: Preprocessing) -> Frame:
        return frame(int(self._size.width()), int(self._size.height()), preprocessing, self._handles)

    def _on_screen(self, x: float, y: float) -> QPointF:
        box = self.boxes()[0]
        return box.topLeft() + QPointF(x / self._size.width() * box.width(), y / self._size.height() * box.height())

    def _which(self, point: QPointF) -> int | None:
        """The picture under a point."""
        pictures = (self._photograph, self._seen)
        for number, (box, image) in enumerate(zip(self.boxes(), pictures, strict=True)):
            if image is not None and self._preprocessing is not None and box.contains(point):
                return number
        return None

    def _panned(self, handles: ImageTransforms, way: QPointF) -> ImageTransforms:
        """The crop follows the hand over the photograph."""
        assert self._preprocessing is not None
        box = self.boxes()[0]
        crop = frame(int(self._size.width()), int(self._size.height()), self._preprocessing)
        across = way.x() / box.width() * self._size.width() / crop.width
        return moved(handles, across, way.y() / box.height() * self._size.height() / crop.height)

    def _place_occluder(self, point: QPointF, *, moving: bool) -> None:
        box, occluder = self.boxes()[1], self._handles.occluder or Occluder()
        x, y = ((point.x() - box.left()) / box.width(), (point.y() - box.top()) / box.height())
        placed = replace(occluder, x=min(max(x, 0.0), 1.0), y=min(max(y, 0.0), 1.0))
        self._wish(replace(self._handles, occluder=placed), moving=moving)

    def _wish(self, handles: ImageTransforms, *, moving: bool = False) -> None:
        self.show_handles(handles)
        self.handles_wished.emit(handles, moving)

    def captions(self) -> tuple[str, str]:
        """What stands under the pictures."""
        seen = f"as seen\n{self._seen.width()}×{self._seen.height()}" if self._seen else ""
        return f"photograph\n{self._size.width():.0f}×{self._size.height():.0f}", seen

    def _caption(self, painter: QPainter, which: int) -> None:
        """Under the left edge of its picture; the second moves where the first or the widget's edge is in its way."""
        widths = [painter.fontMetrics().size(0, text).width() + 1 for text in self.captions()]
        left = 0.0
        if which == 1:
            left = max(min(self.boxes()[1].left(), self.width() - widths[1]), widths[0] + GRID)
        below = QRectF(left, self.boxes()[which].bottom() + 4, widths[which], CAPTION)
        self._write(painter, below, self.captions()[which], Qt.AlignmentFlag.AlignLeft)

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
