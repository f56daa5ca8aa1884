"""Where the photograph and the network's input are drawn, and which of their points belong together."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QPolygonF

from resnet_studio.gui.theme import GRID
from resnet_studio.inference.cropping import frame, moved
from resnet_studio.inference.transforms import IDENTITY, ImageTransforms, Occluder
from resnet_studio.inference.values import Frame, Preprocessing
from resnet_studio.networks.receptive_field import Box

MAX_HEIGHT, MAX_RATIO = 208, 4.0
"""Largest height in pixels, and how many times as wide as high, or as high as wide, a picture is drawn."""


@dataclass(frozen=True, slots=True)
class InputGeometry:
    """Two pictures of one height side by side: the photograph, 0, and the network's input, 1.

    Rectangles, polygons, points and offsets are in the widget's pixels.
    """

    width: float
    """Of the widget."""
    photograph: QSizeF
    """Size of the photograph in its own pixels; empty without one."""
    model_input: QSizeF
    """Size of the network's input in its own pixels; empty without one."""
    preprocessing: Preprocessing | None
    """How the input is cropped from the photograph, if known."""
    transforms: ImageTransforms
    receptive_field: Box | None
    """In pixels of the network's input."""
    input_ratio: float = 1.0
    """Width divided by height of the network's input, which is known before the input itself."""

    @property
    def boxes(self) -> tuple[QRectF, QRectF]:
        """Where the pictures are painted; very long ones are drawn shorter than they are."""
        size = self.photograph
        ratio = _shortened(size.width() / size.height()) if size.height() else 1.5
        input_ratio = _shortened(self.input_ratio)
        height = min(float(MAX_HEIGHT), (self.width - GRID) / (ratio + input_ratio))
        return QRectF(0, 0, ratio * height, height), QRectF(ratio * height + GRID, 0, input_ratio * height, height)

    @property
    def crop(self) -> QPolygonF:
        """The crop on the photograph, clockwise from the input's upper left corner; empty if unknown."""
        if self.preprocessing is None:
            return QPolygonF()
        return QPolygonF([self._on_photograph(*corner) for corner in self._frame(self.transforms).corners])

    @property
    def occluder(self) -> QRectF:
        """Where the occluder lies on the input; null without one."""
        box, occluder = self.boxes[1], self.transforms.occluder
        if occluder is None or self.model_input.isEmpty():
            return QRectF()
        width, height = self.model_input.width(), self.model_input.height()
        side = occluder.side * min(width, height)
        whole = QRectF(0, 0, side / width * box.width(), side / height * box.height())
        whole.moveCenter(_point_in(box, occluder.x, occluder.y))
        return whole.intersected(box)

    @property
    def receptive_field_polygons(self) -> tuple[QPolygonF, QPolygonF]:
        """The receptive field on both pictures; empty without one, or if the crop is unknown."""
        field = self.receptive_field
        if field is None or self.model_input.isEmpty() or self.preprocessing is None:
            return QPolygonF(), QPolygonF()
        width, height = self.model_input.width(), self.model_input.height()
        left, right = (max(0.0, min(1.0, x / width)) for x in (field.left, field.right))
        top, bottom = (max(0.0, min(1.0, y / height)) for y in (field.top, field.bottom))
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        crop, box = self._frame(self.transforms), self.boxes[1]
        on_photograph = [self._on_photograph(*crop.at(*corner)) for corner in corners]
        return QPolygonF(on_photograph), QPolygonF([_point_in(box, *corner) for corner in corners])

    def picture_at(self, point: QPointF) -> int | None:
        """The picture under a point, once the crop is known."""
        if self.preprocessing is None or self.photograph.isEmpty():
            return None
        return next((number for number, box in enumerate(self.boxes) if box.contains(point)), None)

    def moved_by(self, offset: QPointF) -> ImageTransforms:
        """The transforms with the crop moved along with the mouse on the photograph."""
        box, crop = self.boxes[0], self._frame(IDENTITY)
        across = offset.x() / box.width() * self.photograph.width() / crop.width
        return moved(self.transforms, across, offset.y() / box.height() * self.photograph.height() / crop.height)

    def with_occluder_at(self, point: QPointF) -> ImageTransforms:
        """The transforms with the occluder moved to a point, or to the nearest edge of the input."""
        box, occluder = self.boxes[1], self.transforms.occluder or Occluder()
        x, y = (point.x() - box.left()) / box.width(), (point.y() - box.top()) / box.height()
        placed = replace(occluder, x=min(max(x, 0.0), 1.0), y=min(max(y, 0.0), 1.0))
        return replace(self.transforms, occluder=placed)

    def _frame(self, transforms: ImageTransforms) -> Frame:
        assert self.preprocessing is not None
        return frame(int(self.photograph.width()), int(self.photograph.height()), self.preprocessing, transforms)

    def _on_photograph(self, x: float, y: float) -> QPointF:
        """The point at a pixel of the photograph."""
        return _point_in(self.boxes[0], x / self.photograph.width(), y / self.photograph.height())


def _shortened(ratio: float) -> float:
    return min(max(ratio, 1 / MAX_RATIO), MAX_RATIO)


def _point_in(box: QRectF, x: float, y: float) -> QPointF:
    """The point at these shares of a box's width and height."""
    return box.topLeft() + QPointF(x * box.width(), y * box.height())
