"""A bar chart of the norms of a layer's filters, sorted from the largest, in which one can be selected."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from resnet_studio.formatting import significant
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.theme import GRID

BARS_HEIGHT, MIN_BARS_HEIGHT, LABELS_HEIGHT = 56, 24, 20
MIN_BAR_WITH_GAP = 3.0  # pixels; narrower bars have no gap between them
MIN_SELECTED_WIDTH = 3.0  # pixels


class NormBars(QWidget):
    """Emits which filter is under the mouse (or None) and which is selected; ← and → step by rank."""

    filterSelected = Signal(int)
    hovered = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        tip = "L2 norm of each filter, largest first. Click selects one; ← and → step through them"
        set_names(self, "filterNorms", "Filter norms", tip)
        self._norms: NDArray[np.float64] = np.zeros(0)
        self._order: NDArray[np.intp] = np.zeros(0, np.intp)
        self._selected = 0
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)

    def sizeHint(self) -> QSize:
        return QSize(40 * GRID, BARS_HEIGHT + LABELS_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, MIN_BARS_HEIGHT + LABELS_HEIGHT)

    def show_norms(self, norms: NDArray[np.float64]) -> None:
        """Show a norm for each filter; NaN comes last."""
        self._norms, self._selected = norms, min(self._selected, len(norms) - 1)
        self._order = np.argsort(-np.nan_to_num(norms, nan=-1.0), kind="stable")
        self.update()

    def show_filter(self, number: int) -> None:
        """Mark a filter without emitting."""
        self._selected = number
        self.update()

    def rank(self, number: int) -> int:
        """The rank of a filter by its norm, from 1 for the largest."""
        return int(np.flatnonzero(self._order == number)[0]) + 1

    def paintEvent(self, event: QPaintEvent) -> None:
        if not len(self._norms):
            return
        painter, palette = QPainter(self), theme.current()
        bars = QColor(palette.muted)
        bars.setAlphaF(0.5)
        heights = self._heights()
        for left, right, height in _bar_rects(heights, self.width()):
            painter.fillRect(QRectF(left, self._baseline() - height, right - left, height), bars)
        self._paint_selected(painter, heights)
        painter.fillRect(QRectF(0, self._baseline(), self.width(), 1), QColor(palette.rule))
        self._paint_labels(painter)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.hovered.emit(self._filter_at(event.position().x()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        number = self._filter_at(event.position().x())
        if number is not None and event.button() == Qt.MouseButton.LeftButton:
            self.filterSelected.emit(number)

    def leaveEvent(self, event: QEvent) -> None:
        self.hovered.emit(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        step = steps.get(Qt.Key(event.key()))
        if step is None or not len(self._norms):
            super().keyPressEvent(event)
            return
        rank = min(max(self.rank(self._selected) - 1 + step, 0), len(self._order) - 1)
        self.filterSelected.emit(int(self._order[rank]))

    def _baseline(self) -> int:
        """The y coordinate on which the bars stand."""
        return self.height() - LABELS_HEIGHT

    def _heights(self) -> NDArray[np.float64]:
        """Height of each bar in pixels, the largest first; 0 for norms that are not finite."""
        norms = self._norms[self._order]
        finite = np.where(np.isfinite(norms), norms, 0.0)
        largest = float(finite.max())
        return finite * (self._baseline() / largest if largest else 0.0)

    def _paint_selected(self, painter: QPainter, heights: NDArray[np.float64]) -> None:
        """In the accent color, over the others, with a thin line above it by which a short bar is found."""
        rank = self.rank(self._selected) - 1
        width = self.width() / len(heights)
        bar_width = max(width - (1 if width > MIN_BAR_WITH_GAP else 0), MIN_SELECTED_WIDTH)
        left, height = min(rank * width, self.width() - bar_width), float(heights[rank])
        accent = QColor(theme.current().accent)
        painter.fillRect(QRectF(left, self._baseline() - height, bar_width, height), accent)
        painter.fillRect(QRectF(round(left + bar_width / 2), 0, 1, self._baseline() - height), accent)

    def _paint_labels(self, painter: QPainter) -> None:
        painter.setPen(QColor(theme.current().muted))
        labels = QRectF(0, self._baseline(), self.width(), LABELS_HEIGHT)
        first, last = (float(self._norms[self._order[index]]) for index in (0, -1))
        painter.drawText(labels, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, significant(first))
        if len(self._norms) > 1:
            painter.drawText(labels, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, significant(last))

    def _filter_at(self, x: float) -> int | None:
        """The filter whose bar is at that x coordinate."""
        if not len(self._norms) or not 0 <= x < self.width():
            return None
        return int(self._order[min(int(x / self.width() * len(self._order)), len(self._order) - 1)])


def _bar_rects(heights: NDArray[np.float64], width: int) -> Iterator[tuple[float, float, float]]:
    """Left, right and height of each bar; if they are too narrow for gaps, one bar per pixel column instead."""
    bar_width = width / len(heights)
    if bar_width > MIN_BAR_WITH_GAP:
        yield from (
            (rank * bar_width, (rank + 1) * bar_width - 1, height) for rank, height in enumerate(heights.tolist())
        )
    else:
        ranks = (np.arange(width) / bar_width).astype(np.intp)
        yield from ((x, x + 1, height) for x, height in enumerate(heights[ranks].tolist()))
