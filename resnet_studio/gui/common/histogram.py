"""A histogram of a channel's values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from resnet_studio.formatting import significant
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names

BINS, BARS, LABELS = 32, 40, 20
SIDES = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight


class Histogram(QWidget):
    """Bars of logarithmic height, as most values after a ReLU are zero, and a marker at one value.

    The exact count of the hovered bar is shown below the bars.
    """

    def __init__(self, name: str = "channelHistogram", of: str = " in this channel", height: int = BARS) -> None:
        """`of` ends the accessible name; `height` is that of the highest bar, in pixels."""
        super().__init__()
        set_names(self, name, f"Histogram of the values{of}")  # no tooltip: it would cover the caption
        self.setAccessibleDescription("Logarithmic height")
        self._height = height
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self._range = 0.0, 0.0
        self._marker: float | None = None
        self._hovered_bar: int | None = None
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(8 * BINS, self._height + LABELS)

    def set_values(self, values: NDArray[np.float32]) -> None:
        """Count the values, without NaN and infinity."""
        finite = values[np.isfinite(values)]
        self._range = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        self._counts = bin_counts(finite, *self._range)
        self._marker = None
        self.update()

    def set_marker(self, value: float | None) -> None:
        """Mark a value; None removes the marker."""
        self._marker = value
        self.update()

    def caption(self) -> tuple[str, str, str]:
        """The texts below the bars: the ends of the range, or the hovered bar's range and count in the middle."""
        low, high = self._range
        if not self._counts.any():
            return "", "", ""
        if self._hovered_bar is None:
            return significant(low), "", significant(high) if high > low else ""
        step = (high - low) / BINS
        ends = f"{significant(low + self._hovered_bar * step)} … {significant(low + (self._hovered_bar + 1) * step)}"
        count = int(self._counts[self._hovered_bar])
        return "", f"{ends if step else significant(low)}: {count:,} value{'' if count == 1 else 's'}", ""

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._set_hovered_bar(min(max(int(event.position().x() / self.width() * BINS), 0), BINS - 1))

    def leaveEvent(self, event: QEvent) -> None:
        self._set_hovered_bar(None)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._counts.any():
            return
        painter, colors = QPainter(self), theme.current()
        heights = np.log1p(self._counts) / np.log1p(self._counts.max()) * self._height
        width = self.width() / BINS
        for number, height in enumerate(heights):
            box = QRectF(number * width, self._height - height, width - 1, height)
            painter.fillRect(box, QColor(colors.text if number == self._hovered_bar else colors.accent))
        painter.fillRect(QRectF(0, self._height, self.width(), 1), QColor(colors.rule))
        self._paint_marker(painter)
        painter.setPen(QColor(colors.muted))
        below = QRectF(0, self._height, self.width(), LABELS)
        for side, text in zip(SIDES, self.caption(), strict=True):
            painter.drawText(below, side | Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_marker(self, painter: QPainter) -> None:
        low, high = self._range
        if self._marker is not None and low <= self._marker <= high:
            at = (self._marker - low) / (high - low) if high > low else 0.0
            painter.fillRect(QRectF(at * (self.width() - 2), 0, 2, self._height), QColor(theme.current().text))

    def _set_hovered_bar(self, bar: int | None) -> None:
        if bar != self._hovered_bar:
            self._hovered_bar = bar
            self.update()


def bin_counts(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.int64]:
    """The number of values in each of the `BINS` bins between `low` and `high`."""
    if high <= low:
        return np.bincount(np.zeros(values.size, np.int64), minlength=BINS)
    # in float64: the difference of two large float32 values can overflow float32
    places = (values.astype(np.float64) - low) * (BINS / (high - low))
    return np.bincount(np.minimum(places.astype(np.int64), BINS - 1).ravel(), minlength=BINS)
