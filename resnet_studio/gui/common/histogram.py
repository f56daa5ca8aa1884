"""How often which value occurs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from resnet_studio.formatting import significant
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import named

BINS, BARS, LABELS = 32, 40, 20
SIDES = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight


class Histogram(QWidget):
    """Bars with a logarithmic height, as most values after a ReLU are zero, and a mark at one value.

    Under a bar that the mouse is on stands the exact number of its values.
    """

    def __init__(self, name: str = "channelHistogram", of: str = " in this channel", height: int = BARS) -> None:
        """`of` ends the sentence about what is counted; `height` is that of the highest bar, in pixels."""
        super().__init__()
        named(self, name, f"How often each value occurs{of}")  # a tip would cover what stands under the bars
        self.setAccessibleDescription("The height is logarithmic")
        self._height = height
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self._range = 0.0, 0.0
        self._mark: float | None = None
        self._bar: int | None = None
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        return QSize(8 * BINS, self._height + LABELS)

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

    def caption(self) -> tuple[str, str, str]:
        """What stands under the bars: the ends of their range, or between them what the mouse is on."""
        low, high = self._range
        if not self._counts.any():
            return "", "", ""
        if self._bar is None:
            return significant(low), "", significant(high) if high > low else ""
        step = (high - low) / BINS
        ends = f"{significant(low + self._bar * step)} … {significant(low + (self._bar + 1) * step)}"
        count = int(self._counts[self._bar])
        return "", f"{ends if step else significant(low)}: {count:,} value{'' if count == 1 else 's'}", ""

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._point_at(min(max(int(event.position().x() / self.width() * BINS), 0), BINS - 1))

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        self._point_at(None)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        if not self._counts.any():
            return
        painter, colours = QPainter(self), theme.current()
        heights = np.log1p(self._counts) / np.log1p(self._counts.max()) * self._height
        width = self.width() / BINS
        for number, height in enumerate(heights):
            box = QRectF(number * width, self._height - height, width - 1, height)
            painter.fillRect(box, QColor(colours.text if number == self._bar else colours.accent))
        painter.fillRect(QRectF(0, self._height, self.width(), 1), QColor(colours.rule))
        self._paint_mark(painter)
        painter.setPen(QColor(colours.muted))
        below = QRectF(0, self._height, self.width(), LABELS)
        for side, text in zip(SIDES, self.caption(), strict=True):
            painter.drawText(below, side | Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_mark(self, painter: QPainter) -> None:
        low, high = self._range
        if self._mark is not None and low <= self._mark <= high:
            at = (self._mark - low) / (high - low) if high > low else 0.0
            painter.fillRect(QRectF(at * (self.width() - 2), 0, 2, self._height), QColor(theme.current().text))

    def _point_at(self, bar: int | None) -> None:
        if bar != self._bar:
            self._bar = bar
            self.update()


def count(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.int64]:
    """How many values each of the bins between `low` and `high` holds."""
    if high <= low:
        return np.bincount(np.zeros(values.size, np.int64), minlength=BINS)
    # in float64: the span between two large float32 values can be more than float32 holds
    places = (values.astype(np.float64) - low) * (BINS / (high - low))
    return np.bincount(np.minimum(places.astype(np.int64), BINS - 1).ravel(), minlength=BINS)
