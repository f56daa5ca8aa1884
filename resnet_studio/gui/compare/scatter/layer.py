"""What is drawn between the axes of a scatter plot: points, the front, and labels that cover nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from resnet_studio.analysis.scatter import Scatter
from resnet_studio.gui import theme
from resnet_studio.gui.compare.scatter.markers import FRONT_SIZE, RING_SIZE, front_pen, paint_marker, paint_ring
from resnet_studio.gui.plots.label_placement import LabelRequest, PlacedLabel, Rect, place_labels

LABEL_SIZE, LONGEST = 8.5, 30
"""Points of a label's font; characters after which a title is elided."""
EDGE = 4
"""Pixels between a label and an axis."""
HIT_RADIUS, NEAR = 12.0, 60.0
"""Pixels from a point within which a click means it; within which others crowd it."""
ALL_LABELED = 400
"""With more points than these only those on the front and the current network are labeled."""


class ScatterLayer(pg.GraphicsObject):  # type: ignore[misc]  # pyqtgraph has no types
    """Points in the pixels of the plot's scene. `place` is told the range of the axes and works out everything else."""

    def __init__(self) -> None:
        super().__init__()
        self.setZValue(10)
        self._scatter: Scatter | None = None
        self._coordinates: NDArray[np.float64] = np.zeros((0, 2))
        self._pixels: NDArray[np.float64] = np.zeros((0, 2))
        self._visible: NDArray[np.bool_] = np.zeros(0, dtype=bool)
        self._area = QRectF()
        self._labels: list[PlacedLabel] = []
        self.current: int | None = None
        self.hovered: int | None = None

    @property
    def labels(self) -> tuple[PlacedLabel, ...]:
        """The labels that found a place."""
        return tuple(self._labels)

    def set_points(self, found: Scatter, coordinates: NDArray[np.float64], current: int | None) -> None:
        """Draw these points, whose coordinates on the axes (N × 2) are logarithms where an axis is logarithmic."""
        self._scatter, self._coordinates, self.current, self.hovered = found, coordinates, current, None

    def place(self, area: QRectF, x_range: Sequence[float], y_range: Sequence[float]) -> None:
        """Move everything to where it is between axes of these ranges that enclose the area."""
        self.prepareGeometryChange()
        self._area = area
        low, high = np.array([x_range[0], y_range[0]]), np.array([x_range[1], y_range[1]])
        shares = (self._coordinates - low) / np.maximum(high - low, 1e-12)
        size, corner = np.array([area.width(), -area.height()]), np.array([area.left(), area.bottom()])
        self._pixels = corner + shares * size
        self._visible = np.all((shares >= 0) & (shares <= 1), axis=1)
        self._labels = self._placed()
        self.update()

    def set_hovered(self, index: int | None) -> None:
        """Mark the point under the mouse; None for none."""
        if index != self.hovered:
            self.hovered = index
            self.update()

    def point_at(self, position: QPointF) -> int | None:
        """The index of the point nearest to a place in the scene, if one is near."""
        if not self._visible.any() or not self._area.contains(position):
            return None
        distances = np.hypot(*(self._pixels - (position.x(), position.y())).T)
        distances[~self._visible] = np.inf
        nearest = int(np.argmin(distances))
        return nearest if distances[nearest] <= HIT_RADIUS else None

    def position(self, index: int) -> QPointF:
        """Where a point is in the scene."""
        return QPointF(*self._pixels[index])

    def boundingRect(self) -> QRectF:
        return self._area

    def paint(self, painter: QPainter, *_: Any) -> None:
        if self._scatter is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(self._area, Qt.ClipOperation.IntersectClip)
        self._paint_front(painter)
        self._paint_points(painter)
        self._paint_labels(painter)
        self._paint_hovered(painter)
        painter.restore()

    def _paint_front(self, painter: QPainter) -> None:
        painter.setPen(front_pen())
        painter.drawPolyline([QPointF(*corner) for corner in self._steps()])

    def _paint_points(self, painter: QPainter) -> None:
        assert self._scatter is not None
        front = set(self._scatter.front)
        order = sorted(np.flatnonzero(self._visible).tolist(), key=lambda at: (at in front, at == self.current))
        for at in order:
            paint_marker(painter, self.position(at), self._scatter.points[at].family, on_front=at in front)
        if self.current is not None and self._visible[self.current]:
            paint_ring(painter, self.position(self.current))

    def _paint_labels(self, painter: QPainter) -> None:
        colors = theme.current()
        for label in self._labels:
            important = self._is_important(label.index)
            if label.leader is not None:
                painter.setPen(QPen(QColor(colors.muted), 0.8))
                painter.drawLine(*(QPointF(*end) for end in label.leader))
            painter.setFont(label_font(bold=important))
            painter.setPen(QColor(colors.text if important else colors.muted))
            left, top, right, bottom = label.rect
            where = QRectF(left, top, right - left, bottom - top)
            painter.drawText(where, Qt.AlignmentFlag.AlignCenter, self._text(label.index))

    def _paint_hovered(self, painter: QPainter) -> None:
        """The point under the mouse gets a ring, and its title over everything else if it has no label."""
        if self.hovered is None or not self._visible[self.hovered]:
            return
        position = self.position(self.hovered)
        if self.hovered != self.current:
            paint_ring(painter, position, dashed=True)
        if any(label.index == self.hovered for label in self._labels):
            return
        font, text = label_font(bold=True), self._text(self.hovered)
        width, height = _text_size(font, text)
        box = QRectF(position.x() + RING_SIZE / 2 + 2, position.y() - height / 2 - 2, width + 8, height + 4)
        if box.right() > self._area.right():
            box.moveRight(position.x() - RING_SIZE / 2 - 2)
        painter.setPen(QPen(QColor(theme.current().rule), 1))
        painter.setBrush(QColor(theme.current().panel))
        painter.drawRoundedRect(box, 3, 3)
        painter.setFont(font)
        painter.setPen(QColor(theme.current().text))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _steps(self) -> list[tuple[float, float]]:
        """The corners of the line along the front: at each x the best y that is to be had."""
        if self._scatter is None or len(self._scatter.front) < 2:
            return []
        corners = [tuple(self._pixels[at]) for at in self._scatter.front]
        line = [corners[0]]
        for (_, y), (x, lower) in pairwise(corners):
            line += [(x, y), (x, lower)]
        return line

    def _placed(self) -> list[PlacedLabel]:
        if self._scatter is None or not self._visible.any():
            return []
        inner = self._area.adjusted(EDGE, EDGE, -EDGE, -EDGE)
        area = inner.left(), inner.top(), inner.right(), inner.bottom()
        lines = [_thick(one, other) for one, other in pairwise(self._steps())]
        radii = [(RING_SIZE if at == self.current else FRONT_SIZE) / 2 for at in range(len(self._pixels))]
        points = [(float(x), float(y), radius) for (x, y), radius in zip(self._pixels, radii, strict=True)]
        return place_labels(points, self._requests(), area, lines)

    def _requests(self) -> Iterator[LabelRequest]:
        """The current network's label first, then the front's, then those of points with few others around them."""
        assert self._scatter is not None
        wanted = [] if self.current is None else [self.current]
        wanted += self._scatter.front
        if len(self._pixels) <= ALL_LABELED:
            wanted += np.argsort(self._crowding(), kind="stable").tolist()
        for at in dict.fromkeys(wanted):
            if self._visible[at]:
                important = self._is_important(at)
                width, height = _text_size(label_font(bold=important), self._text(at))
                yield LabelRequest(at, width, height, important)

    def _crowding(self) -> NDArray[np.int64]:
        """How many points are near each."""
        gaps = self._pixels[:, None, :] - self._pixels[None, :, :]
        near: NDArray[np.int64] = (np.hypot(gaps[..., 0], gaps[..., 1]) < NEAR).sum(axis=1)
        return near

    def _is_important(self, index: int) -> bool:
        return index == self.current or (self._scatter is not None and index in self._scatter.front)

    def _text(self, index: int) -> str:
        assert self._scatter is not None
        title = self._scatter.points[index].title
        return title if len(title) <= LONGEST else f"{title[: LONGEST - 1]}…"


def label_font(*, bold: bool) -> QFont:
    """The font of a point's label; those on the front are bold."""
    font = theme.text_font(LABEL_SIZE)
    font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return font


def _text_size(font: QFont, text: str) -> tuple[float, float]:
    metrics = QFontMetricsF(font)
    return metrics.horizontalAdvance(text) + 2, metrics.height()


def _thick(one: tuple[float, float], other: tuple[float, float]) -> Rect:
    """A horizontal or vertical line as a rectangle that no label may cover."""
    (left, top), (right, bottom) = map(min, zip(one, other, strict=True)), map(max, zip(one, other, strict=True))
    return left - 1, top - 1, right + 1, bottom + 1
