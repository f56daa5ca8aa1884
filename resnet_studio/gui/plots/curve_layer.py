"""Hundreds of long curves in one plot, drawn into a picture a few at a time, so that the window stays quick.

A pyqtgraph item per curve takes 300 ms per zoom with 200 curves of 10,000 points, in one go. Here the picture that is
there is moved and stretched at once, and a sharp one takes its place when it is complete.
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
"""Pixels beyond which nothing is drawn: a line to there looks the same, and Qt draws it faster."""
APART = 9
"""Pixels between measurements from which on each has its marker."""
MARKER = 4.5


@dataclass(frozen=True, slots=True)
class CurveStroke:
    """A curve as it is drawn: "raw" thin with all that sticks out, "smooth", "exact" with every point, "dotted" with
    a marker at each too, or a single "best" or "failed" mark."""

    curve: Curve
    colour: str
    kind: Literal["raw", "smooth", "exact", "dotted", "best", "failed"]
    width: float = 1.0
    dashed: bool = False


Source = Callable[[], CurveStroke | None]
"""Makes a stroke when it is about to be drawn."""


@dataclass(frozen=True, slots=True)
class PlotFrame:
    """What part of the plane is seen in how many pixels."""

    seen: QRectF
    width: float
    height: float

    def place(self, seen: QRectF) -> QRectF:
        """Where a part of the plane lies in this frame, in pixels; y goes up in the plane and down here."""
        across, up = self.width / self.seen.width(), self.height / self.seen.height()
        top = (self.seen.bottom() - seen.bottom()) * up
        return QRectF((seen.left() - self.seen.left()) * across, top, seen.width() * across, seen.height() * up)

    def pixels(self, curve: Curve) -> Curve:
        """The curve's points in pixels."""
        x = (curve.x - self.seen.left()) * (self.width / self.seen.width())
        y = (self.seen.bottom() - curve.y) * (self.height / self.seen.height())
        return Curve(np.clip(x, -FAR, FAR), np.clip(y, -FAR, FAR))


class CurveLayer(pg.GraphicsObject):  # type: ignore[misc]  # pyqtgraph has no types
    """Lies over a ViewBox. `logarithmic` takes the logarithm of y before drawing; the axis does the same."""

    def __init__(self, box: Any, slices: IdleScheduler) -> None:
        super().__init__()
        self.logarithmic = False
        self.vector = False
        """Whether to paint the strokes themselves, as a file wants them, and not the picture of them."""
        self._box, self._slices = box, slices
        self._sources: Sequence[Source] = ()
        self._image: QImage | None = None
        self._image_frame = PlotFrame(QRectF(), 0.0, 0.0)
        self.setParentItem(box)
        self.setZValue(1)
        box.sigRangeChanged.connect(self.redraw)
        box.sigResized.connect(self._resize)

    def show_sources(self, sources: Sequence[Source], *, fresh: bool = False) -> None:
        """Draw these, the first at the bottom; `fresh` takes away at once what was drawn on other axes."""
        self._sources = sources
        if fresh:
            self._image = None
        self.redraw()

    def redraw(self, *_: object) -> None:
        """Begin a new picture; the one that is there stays until it is complete."""
        self._slices.start(self, self._draw_image())
        self.update()

    def frame(self) -> PlotFrame:
        """What is seen now."""
        (left, right), (low, high) = self._box.viewRange()
        return PlotFrame(QRectF(left, low, right - left, high - low), self._box.width(), self._box.height())

    def boundingRect(self) -> QRectF:  # noqa: N802  (Qt's name)
        return QRectF(0, 0, self._box.width(), self._box.height())

    def paint(self, painter: QPainter, *_: object) -> None:
        frame = self.frame()
        if self.vector:
            for _step in self._draw(painter, frame):
                pass
        elif self._image is not None and frame == self._image_frame:
            painter.drawImage(QPointF(0, 0), self._image)  # pixel for pixel
        elif self._image is not None:
            painter.drawImage(frame.place(self._image_frame.seen), self._image)

    def _resize(self, *_: object) -> None:
        self.prepareGeometryChange()
        self.redraw()

    def _draw_image(self) -> Iterator[None]:
        """Draw a picture and show it at the end; stops before each stroke."""
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
    """Draw one stroke; `curve` is its curve as the axis has it."""
    low, high, columns = frame.seen.left(), frame.seen.right(), max(int(frame.width), 1)
    colour = QColor(stroke.colour)
    if stroke.kind in ("best", "failed"):
        _draw_mark(painter, frame, curve, QPen(colour, stroke.width), stroke.kind)
        return
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, stroke.kind != "raw")
    pen = QPen(colour, stroke.width)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    if stroke.dashed:
        pen.setDashPattern([7 / stroke.width, 4 / stroke.width])
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    thin = {"raw": extremes, "smooth": means}.get(stroke.kind)
    points = thin(curve, low, high, columns // 2 if stroke.kind == "smooth" else columns) if thin else None
    line = frame.pixels(points or within(curve, low, high))
    if len(line.x):
        painter.drawPath(arrayToQPath(line.x, line.y, connect="finite"))
    if stroke.kind == "dotted" or len(line.x) == 1:
        _draw_markers(painter, line, colour)


def _draw_markers(painter: QPainter, line: Curve, colour: QColor) -> None:
    """A dot at every point, where there is room for each; where not, at as many as there is room for."""
    if not len(line.x):
        return
    room = max(float(line.x[-1] - line.x[0]) / APART, 1.0)
    every = max(int(np.ceil(len(line.x) / room)), 1)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QBrush(colour))
    for x, y in zip(line.x[::every].tolist(), line.y[::every].tolist(), strict=True):
        if y == y:  # NaN is not
            painter.drawEllipse(QPointF(x, y), MARKER / 2, MARKER / 2)


def _draw_mark(painter: QPainter, frame: PlotFrame, curve: Curve, pen: QPen, kind: str) -> None:
    """A ring around the best measurement; a cross where a run failed, at the edge where its loss left the picture."""
    at = frame.pixels(curve)
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
