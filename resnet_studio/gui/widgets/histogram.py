"""How often which value occurs in one feature map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.widgets.named import named
from resnet_studio.gui.widgets.significant import significant

BINS, BARS, LABELS = 32, 40, 20


class Histogram(QWidget):
    """Bars with a logarithmic height, as most values after a ReLU are zero, and a mark at one value."""

    def __init__(self) -> None:
        super().__init__()
        tip = "How often each value occurs in this channel; the height is logarithmic"
        named(self, "channelHistogram", "Histogram of the channel", tip)
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self._range = 0.0, 0.0
        self._mark: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        return QSize(8 * BINS, BARS + LABELS)

    def show_values(self, values: NDArray[np.float32]) -> None:
        """Count the values; what is not a number, or infinite, has no place among them."""
        finite = values[np.isfinite(values)]
        self._range = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        self._counts = count(finite, *self._range)
        self._mark = None
        self.update()

    def show_mark(self, value: float | None) -> None:
        """Mark where a value lies; None takes the mark away."""
        self._mark = value
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        if not self._counts.any():
            return
        painter, colours = QPainter(self), theme.current()
        heights = np.log1p(self._counts) / np.log1p(self._counts.max()) * BARS
        width = self.width() / BINS
        for number, height in enumerate(heights):
            painter.fillRect(QRectF(number * width, BARS - height, width - 1, height), QColor(colours.accent))
        painter.fillRect(QRectF(0, BARS, self.width(), 1), QColor(colours.rule))
        self._paint_mark(painter)
        painter.setPen(QColor(colours.muted))
        below = QRectF(0, BARS, self.width(), LABELS)
        low, high = self._range
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, significant(low))
        if high > low:
            painter.drawText(below, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, significant(high))

    def _paint_mark(self, painter: QPainter) -> None:
        low, high = self._range
        if self._mark is not None and low <= self._mark <= high:
            at = (self._mark - low) / (high - low) if high > low else 0.0
            painter.fillRect(QRectF(at * (self.width() - 2), 0, 2, BARS), QColor(theme.current().text))


def count(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.int64]:
    """How many values each of the bins between `low` and `high` holds."""
    if high <= low:
        return np.bincount(np.zeros(values.size, np.int64), minlength=BINS)
    # in float64: the span between two large float32 values can be more than float32 holds
    places = (values.astype(np.float64) - low) * (BINS / (high - low))
    return np.bincount(np.minimum(places.astype(np.int64), BINS - 1).ravel(), minlength=BINS)
