"""The most probable classes of sides A and B in two columns; a line connects each class that both list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from resnet_studio.formatting import about_percent
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.labels import tooltip
from resnet_studio.gui.common.predictions import paint_prediction
from resnet_studio.inference.values import Prediction
from resnet_studio.plain import plain

ROW_HEIGHT, MIN_ROWS, MAX_ROWS = 20, 3, 5
GAP_WIDTH = 32
"""Pixels between the columns, where the lines are drawn."""
NOT_A_NUMBER = "output is NaN: no prediction"


class PairedPredictions(QWidget):
    """Shows as many of the first five classes as fit; a tooltip shows the probability of a class on both sides."""

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "pairedPredictions", "Top classes of A and B")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Maximum)
        self._rows = MAX_ROWS
        self._sides: tuple[tuple[Prediction, ...] | None, ...] = (None, None)

    def set_rows(self, rows: int) -> None:
        """Set the preferred number of rows."""
        self._rows = rows
        self.updateGeometry()

    def show_predictions(self, a: Sequence[Prediction] | None, b: Sequence[Prediction] | None) -> None:
        """Show predictions; None leaves a side blank, an empty sequence means that its output is not a number."""
        self._sides = tuple(
            None if side is None else tuple(replace(prediction, label=plain(prediction.label)) for prediction in side)
            for side in (a, b)
        )
        self.setAccessibleDescription("; ".join(map(self._description, range(2))))
        self.update()

    def show_side_b(self, b: Sequence[Prediction] | None) -> None:
        """Replace side B's predictions."""
        self.show_predictions(self._sides[0], b)

    def shared_rows(self) -> list[tuple[int, int]]:
        """The rows, in A and in B, of each class that both sides show."""
        a, b = (self._labels(side) for side in range(2))
        return [(row, b.index(label)) for row, label in enumerate(a) if label in b]

    def row_rect(self, side: int, row: int) -> QRectF:
        """The rectangle in which a class is painted."""
        width = (self.width() - GAP_WIDTH) / 2
        return QRectF(side * (width + GAP_WIDTH), row * ROW_HEIGHT + 1, width, ROW_HEIGHT - 2)

    def sizeHint(self) -> QSize:
        return QSize(40 * ROW_HEIGHT, self._rows * ROW_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(8 * ROW_HEIGHT, MIN_ROWS * ROW_HEIGHT)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), tooltip(self._tooltip_text(event.pos().toPointF())), self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        shared_classes = self.shared_rows()
        for side in range(2):
            shared = {rows[side] for rows in shared_classes}
            for row, prediction in enumerate(self._visible_predictions(side)):
                color = theme.current().accent if row in shared else theme.current().muted
                box = self.row_rect(side, row)
                paint_prediction(painter, box, prediction.label, prediction.probability, color)
            if self._sides[side] == ():
                painter.setPen(QColor(theme.current().muted))
                painter.drawText(self.row_rect(side, 0), Qt.AlignmentFlag.AlignCenter, NOT_A_NUMBER)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.current().accent), 1.5))
        for row, other in shared_classes:
            left, right = self.row_rect(0, row), self.row_rect(1, other)
            painter.drawLine(
                QPointF(left.right() + 3, left.center().y()), QPointF(right.left() - 3, right.center().y())
            )

    def _visible_predictions(self, side: int) -> tuple[Prediction, ...]:
        return (self._sides[side] or ())[: self.height() // ROW_HEIGHT]

    def _labels(self, side: int) -> list[str]:
        return [prediction.label for prediction in self._visible_predictions(side)]

    def _tooltip_text(self, point: QPointF) -> str:
        for side in range(2):
            for row, prediction in enumerate(self._visible_predictions(side)):
                if self.row_rect(side, row).contains(point):
                    lines = [
                        f"{name} {self._probability_text(number, prediction.label)}" for number, name in enumerate("AB")
                    ]
                    return "\n".join((prediction.label, *lines))
        return ""

    def _probability_text(self, side: int, label: str) -> str:
        probabilities = {prediction.label: prediction.probability for prediction in self._sides[side] or ()}
        return about_percent(probabilities[label]) if label in probabilities else "not in its top 5"

    def _description(self, side: int) -> str:
        classes = ", ".join(f"{one.label} {about_percent(one.probability)}" for one in self._sides[side] or ())
        return f"{'AB'[side]}: {classes or 'no prediction'}"
