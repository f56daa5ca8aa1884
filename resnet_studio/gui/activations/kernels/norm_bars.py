"""How large each filter of a layer is: bars from the largest to the smallest, one of which can be chosen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from resnet_studio.formatting import significant
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.theme import GRID

BARS, LEAST, LABELS = 56, 24, 20
THIN = 3.0  # pixels below which bars have no gap between them
MARK = 3.0  # pixels that the chosen one is wide at least


class NormBars(QWidget):
    """Emits which filter is under the mouse (or None) and which is chosen; ← and → walk from rank to rank."""

    filter_chosen = Signal(int)
    hovered = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        tip = "The L2 norm of each filter, the largest first. Click chooses one, ← and → walk them"
        named(self, "filterNorms", "Norms of the filters", tip)
        self._norms: NDArray[np.float64] = np.zeros(0)
        self._order: NDArray[np.intp] = np.zeros(0, np.intp)
        self._chosen = 0
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's names)
        return QSize(40 * GRID, BARS + LABELS)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(0, LEAST + LABELS)

    def show_norms(self, norms: NDArray[np.float64]) -> None:
        """Show a norm for each filter; one that is no number comes last."""
        self._norms, self._chosen = norms, min(self._chosen, len(norms) - 1)
        self._order = np.argsort(-np.nan_to_num(norms, nan=-1.0), kind="stable")
        self.update()

    def show_chosen(self, number: int) -> None:
        """Mark a filter."""
        self._chosen = number
        self.update()

    def rank(self, number: int) -> int:
        """Which place a filter has, the largest being the first: 1."""
        return int(np.flatnonzero(self._order == number)[0]) + 1

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        if not len(self._norms):
            return
        painter, colours = QPainter(self), theme.current()
        bars = QColor(colours.muted)
        bars.setAlphaF(0.5)
        heights = self._heights()
        for left, right, height in _boxes(heights, self.width()):
            painter.fillRect(QRectF(left, self._base() - height, right - left, height), bars)
        self._paint_chosen(painter, heights)
        painter.fillRect(QRectF(0, self._base(), self.width(), 1), QColor(colours.rule))
        self._paint_ends(painter)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self.hovered.emit(self._at(event.position().x()))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        number = self._at(event.position().x())
        if number is not None and event.button() == Qt.MouseButton.LeftButton:
            self.filter_chosen.emit(number)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        self.hovered.emit(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        step = steps.get(Qt.Key(event.key()))
        if step is None or not len(self._norms):
            super().keyPressEvent(event)
            return
        rank = min(max(self.rank(self._chosen) - 1 + step, 0), len(self._order) - 1)
        self.filter_chosen.emit(int(self._order[rank]))

    def _base(self) -> int:
        """Where the bars stand."""
        return self.height() - LABELS

    def _heights(self) -> NDArray[np.float64]:
        """Pixels of each bar, the largest first; what is no number has none."""
        norms = self._norms[self._order]
        known = np.where(np.isfinite(norms), norms, 0.0)
        largest = float(known.max())
        return known * (self._base() / largest if largest else 0.0)

    def _paint_chosen(self, painter: QPainter, heights: NDArray[np.float64]) -> None:
        """In the accent, over the others, with a thin line up to where short bars can be found by."""
        rank = self.rank(self._chosen) - 1
        width = self.width() / len(heights)
        wide = max(width - (1 if width > THIN else 0), MARK)
        left, height = min(rank * width, self.width() - wide), float(heights[rank])
        accent = QColor(theme.current().accent)
        painter.fillRect(QRectF(left, self._base() - height, wide, height), accent)
        painter.fillRect(QRectF(round(left + wide / 2), 0, 1, self._base() - height), accent)

    def _paint_ends(self, painter: QPainter) -> None:
        painter.setPen(QColor(theme.current().muted))
        below = QRectF(0, self._base(), self.width(), LABELS)
        first, last = (float(self._norms[self._order[place]]) for place in (0, -1))
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, significant(first))
        if len(self._norms) > 1:
            painter.drawText(below, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, significant(last))

    def _at(self, x: float) -> int | None:
        """The filter whose bar is at that distance from the left."""
        if not len(self._norms) or not 0 <= x < self.width():
            return None
        return int(self._order[min(int(x / self.width() * len(self._order)), len(self._order) - 1)])


def _boxes(heights: NDArray[np.float64], width: int) -> Iterator[tuple[float, float, float]]:
    """Left, right and height of bars; where they are thinner than a gap can be, of the screen's columns."""
    wide = width / len(heights)
    if wide > THIN:
        yield from ((rank * wide, (rank + 1) * wide - 1, height) for rank, height in enumerate(heights.tolist()))
    else:
        ranks = (np.arange(width) / wide).astype(np.intp)
        yield from ((x, x + 1, height) for x, height in enumerate(heights[ranks].tolist()))
