"""Hundreds of long curves in one plot, drawn into an image a few at a time, so that the window stays responsive.

One pyqtgraph item per curve blocks 300 ms per zoom with 200 curves of 10,000 points. Here the existing image is moved
and stretched at once, and a sharp one replaces it when it is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyqtgraph as pg
from pyqtgraph.functions import arrayToQPath
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPen

from resnet_studio.gui.plots.downsampling import IdleScheduler, extremes, means, within
from resnet_studio.training.runs.curves import Curve

FAR = 1e6
"""Pixel coordinates are clipped to this: the visible line is the same, and Qt draws it faster."""
MARKER_SPACING = 9
"""Pixels between markers, at least."""
MARKER = 4.5


@dataclass(frozen=True, slots=True)
class CurveStroke:
    """How a curve is drawn: "raw" with all extremes, "smooth", "exact" with every point, "dotted" with markers as well,
    or a single "best" or "failed" mark."""

    curve: Curve
    color: str
    kind: Literal["raw", "smooth", "exact", "dotted", "best", "failed"]
    width: float = 1.0
    dashed: bool = False


StrokeSource = Callable[[], CurveStroke | None]
"""Creates a stroke when it is about to be drawn."""


@dataclass(frozen=True, slots=True)
class PlotFrame:
    """The visible range of the data, and its size in pixels."""

    view: QRectF
    width: float
    height: float

    def map_rect(self, rect: QRectF) -> QRectF:
        """A rectangle of the data in pixels; y points up in the data and down in pixels."""
        across, up = self.width / self.view.width(), self.height / self.view.height()
        top = (self.view.bottom() - rect.bottom()) * up
        return QRectF((rect.left() - self.view.left()) * across, top, rect.width() * across, rect.height() * up)

    def to_pixels(self, curve: Curve) -> Curve:
        """The curve in pixels."""
        x = (curve.x - self.view.left()) * (self.width / self.view.width())
        y = (self.view.bottom() - curve.y) * (self.height / self.view.height())
        return Curve(np.clip(x, -FAR, FAR), np.clip(y, -FAR, FAR))


class CurveLayer(pg.GraphicsObject):  # type: ignore[misc]  # pyqtgraph has no types
    """Draws curves over a ViewBox. `logarithmic` draws log10 of y, like the axis."""

    def __init__(self, box: Any, scheduler: IdleScheduler) -> None:
        super().__init__()
        self.logarithmic = False
        self.vector = False
        """Whether to paint the strokes directly, for a vector file, instead of the image."""
        self._box, self._scheduler = box, scheduler
        self._sources: Sequence[StrokeSource] = ()
        self._image: QImage | None = None
        self._image_frame = PlotFrame(QRectF(), 0.0, 0.0)
        self.setParentItem(box)
        self.setZValue(1)
        box.sigRangeChanged.connect(self.redraw)
        box.sigResized.connect(self._on_resized)

    def set_sources(self, sources: Sequence[StrokeSource], *, clear: bool = False) -> None:
        """Draw these, the first at the bottom; `clear` removes the old image at once, as it has other axes."""
        self._sources = sources
        if clear:
            self._image = None
        self.redraw()

    def redraw(self, *_: object) -> None:
        """Start drawing a new image; the old one stays until it is complete."""
        self._scheduler.start(self, self._draw_image())
        self.update()

    def frame(self) -> PlotFrame:
        """The visible frame."""
        (left, right), (low, high) = self._box.viewRange()
        return PlotFrame(QRectF(left, low, right - left, high - low), self._box.width(), self._box.height())

    def boundingRect(self) -> QRectF:
        return QRectF(0, 0, self._box.width(), self._box.height())

    def paint(self, painter: QPainter, *_: object) -> None:
        frame = self.frame()
        if self.vector:
            for _step in self._draw(painter, frame):
                pass
        elif self._image is not None and frame == self._image_frame:
            painter.drawImage(QPointF(0, 0), self._image)  # pixel for pixel
        elif self._image is not None:
            painter.drawImage(frame.map_rect(self._image_frame.view), self._image)

    def _on_resized(self, *_: object) -> None:
        self.prepareGeometryChange()
        self.redraw()

    def _draw_image(self) -> Iterator[None]:
        """Draw an image, yielding before each stroke, and show it at the end."""
        yield
        frame = self.frame()
        views = self._box.getViewWidget()
        ratio = views.devicePixelRatioF() if views is not None else 1.0
        size = QSizeF(frame.width, frame.height) * ratio
        image = QImage(size.toSize(), QImage.Format.Format_ARGB32_Premultiplied)
        if image.isNull():
            return
        image.setDevicePixelRatio(ratio)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        try:
            yield from self._draw(painter, frame)
        finally:
            painter.end()
        self._image, self._image_frame = image, frame
        self.update()

    def _draw(self, painter: QPainter, frame: PlotFrame) -> Iterator[None]:
        for source in self._sources:
            yield
            if stroke := source():
                draw(painter, frame, self._on_axis(stroke.curve), stroke)

    def _on_axis(self, curve: Curve) -> Curve:
        if not self.logarithmic:
            return curve
        return Curve(curve.x, np.log10(curve.y, out=np.full_like(curve.y, np.nan), where=curve.y > 0))


def draw(painter: QPainter, frame: PlotFrame, curve: Curve, stroke: CurveStroke) -> None:
    """Draw one stroke; `curve` is its curve in the axis' scale."""
    low, high, columns = frame.view.left(), frame.view.right(), max(int(frame.width), 1)
    color = QColor(stroke.color)
    if stroke.kind in ("best", "failed"):
        _draw_mark(painter, frame, curve, QPen(color, stroke.width), stroke.kind)
        return
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, stroke.kind != "raw")
    pen = QPen(color, stroke.width)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    if stroke.dashed:
        pen.setDashPattern([7 / stroke.width, 4 / stroke.width])
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    reduce = {"raw": extremes, "smooth": means}.get(stroke.kind)
    points = reduce(curve, low, high, columns // 2 if stroke.kind == "smooth" else columns) if reduce else None
    line = frame.to_pixels(points or within(curve, low, high))
    if len(line.x):
        painter.drawPath(arrayToQPath(line.x, line.y, connect="finite"))
    if stroke.kind == "dotted" or len(line.x) == 1:
        _draw_markers(painter, line, color)


def _draw_markers(painter: QPainter, line: Curve, color: QColor) -> None:
    """A dot at every point, or at every n-th if they would be too close."""
    if not len(line.x):
        return
    most = max(float(line.x[-1] - line.x[0]) / MARKER_SPACING, 1.0)
    every = max(int(np.ceil(len(line.x) / most)), 1)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QBrush(color))
    for x, y in zip(line.x[::every].tolist(), line.y[::every].tolist(), strict=True):
        if y == y:  # not NaN
            painter.drawEllipse(QPointF(x, y), MARKER / 2, MARKER / 2)


def _draw_mark(painter: QPainter, frame: PlotFrame, curve: Curve, pen: QPen, kind: str) -> None:
    """A ring around the best measurement; a cross where a run failed, at the edge if its loss is out of range."""
    at = frame.to_pixels(curve)
    if not len(at.x) or not np.isfinite(at.y[0]):
        return
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(pen)
    x, y, size = float(at.x[0]), float(at.y[0]), 3 * pen.widthF()
    if kind == "best":
        painter.drawEllipse(QPointF(x, y), size, size)
        return
    y = min(max(y, 1.5 * size), frame.height - 1.5 * size)
    painter.drawLine(QPointF(x - size, y - size), QPointF(x + size, y + size))
    painter.drawLine(QPointF(x - size, y + size), QPointF(x + size, y - size))
