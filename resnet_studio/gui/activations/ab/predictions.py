"""The most probable classes of two looks beside each other; what both name is joined by a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from resnet_studio.formatting import percent
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.labels import tooltip
from resnet_studio.inference.values import Prediction
from resnet_studio.plain import plain

ROW, FEWEST, MOST = 20, 3, 5
BETWEEN = 32
"""Pixels between the sides, where the lines are drawn."""
NUMBER_WIDTH = 52
SHINES_THROUGH = 80  # of 255: the label is read on the bar and beside it
NOT_A_NUMBER = "not a number: no prediction"


class PairedPredictions(QWidget):
    """As many of the first five as there is room for; hovering over a class tells what both sides give it."""

    def __init__(self) -> None:
        super().__init__()
        named(self, "pairedPredictions", "Most probable classes of A and B")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Maximum)
        self._rows = MOST
        self._sides: tuple[tuple[Prediction, ...] | None, ...] = (None, None)

    def show_rows(self, rows: int) -> None:
        """Take room for so many classes."""
        self._rows = rows
        self.updateGeometry()

    def show_predictions(self, a: Sequence[Prediction] | None, b: Sequence[Prediction] | None) -> None:
        """Show these; None leaves a side blank, none says that its output is not a number."""
        self._sides = tuple(
            None if side is None else tuple(replace(one, label=plain(one.label)) for one in side) for side in (a, b)
        )
        self.setAccessibleDescription("; ".join(map(self._said, range(2))))
        self.update()

    def show_second(self, b: Sequence[Prediction] | None) -> None:
        """Show other classes for the second side."""
        self.show_predictions(self._sides[0], b)

    def joined(self) -> list[tuple[int, int]]:
        """The rows of each class that both sides name."""
        a, b = (self._labels(side) for side in range(2))
        return [(row, b.index(label)) for row, label in enumerate(a) if label in b]

    def row_box(self, side: int, row: int) -> QRectF:
        """Where a class is painted."""
        width = (self.width() - BETWEEN) / 2
        return QRectF(side * (width + BETWEEN), row * ROW + 1, width, ROW - 2)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's names)
        return QSize(40 * ROW, self._rows * ROW)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(8 * ROW, FEWEST * ROW)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), tooltip(self._tip(event.pos().toPointF())), self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        joined = self.joined()
        for side in range(2):
            shared = {rows[side] for rows in joined}
            for row, prediction in enumerate(self._shown(side)):
                self._paint_row(painter, self.row_box(side, row), prediction, shared=row in shared)
            if self._sides[side] == ():
                painter.setPen(QColor(theme.current().muted))
                painter.drawText(self.row_box(side, 0), Qt.AlignmentFlag.AlignCenter, NOT_A_NUMBER)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.current().accent), 1.5))
        for row, other in joined:
            left, right = self.row_box(0, row), self.row_box(1, other)
            painter.drawLine(
                QPointF(left.right() + 3, left.center().y()), QPointF(right.left() - 3, right.center().y())
            )

    def _paint_row(self, painter: QPainter, box: QRectF, prediction: Prediction, *, shared: bool) -> None:
        colours = theme.current()
        painter.fillRect(box, QColor(colours.hover))
        bar = QColor(colours.accent if shared else colours.muted)
        bar.setAlpha(SHINES_THROUGH)
        width = max(2.0, prediction.probability * box.width())
        painter.fillRect(QRectF(box.topLeft(), QSizeF(width, box.height())), bar)
        text, middle = box.adjusted(6, 0, -6, 0), Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(colours.text))
        room = max(0, int(text.width()) - NUMBER_WIDTH)
        label = painter.fontMetrics().elidedText(prediction.label, Qt.TextElideMode.ElideRight, room)
        painter.drawText(text, middle | Qt.AlignmentFlag.AlignLeft, label)
        painter.drawText(text, middle | Qt.AlignmentFlag.AlignRight, percent(prediction.probability, 2))

    def _shown(self, side: int) -> tuple[Prediction, ...]:
        return (self._sides[side] or ())[: self.height() // ROW]

    def _labels(self, side: int) -> list[str]:
        return [prediction.label for prediction in self._shown(side)]

    def _tip(self, at: QPointF) -> str:
        for side in range(2):
            for row, prediction in enumerate(self._shown(side)):
                if self.row_box(side, row).contains(at):
                    told = [f"{name} {self._told(number, prediction.label)}" for number, name in enumerate("AB")]
                    return "\n".join((prediction.label, *told))
        return ""

    def _told(self, side: int, label: str) -> str:
        found = {one.label: one.probability for one in self._sides[side] or ()}
        return percent(found[label], 2) if label in found else "not among its first five"

    def _said(self, side: int) -> str:
        told = ", ".join(f"{one.label} {percent(one.probability, 2)}" for one in self._sides[side] or ())
        return f"{'AB'[side]}: {told or 'nothing'}"
