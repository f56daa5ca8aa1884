"""The most probable classes, each with its probability as a bar behind its name."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QSizePolicy, QStyledItemDelegate, QStyleOptionViewItem

from resnet_studio.formatting import about_percent
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.labels import tooltip
from resnet_studio.inference.values import Prediction
from resnet_studio.plain import plain

ROW_HEIGHT, MAX_SHOWN, NUMBER_WIDTH = 24, 5, 56
BAR_ALPHA = 80  # of 255; the label must be legible on the bar
PROBABILITY_ROLE, CORRECT_ROLE = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1


class PredictionBars(QListWidget):
    """Five rows that can be read but not selected."""

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "predictions", "Top predictions")
        self.setItemDelegate(_Bar(self))
        self.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(MAX_SHOWN * ROW_HEIGHT)

    def set_predictions(self, predictions: Sequence[Prediction], correct: str = "") -> None:
        """Show these in the given order; the correct class is marked if it is known and among them."""
        self.clear()
        for prediction in predictions[:MAX_SHOWN]:
            item = QListWidgetItem(plain(prediction.label), self)
            item.setData(CORRECT_ROLE, bool(correct) and prediction.label == correct)
            item.setData(PROBABILITY_ROLE, prediction.probability)
            text = f"{plain(prediction.label)}: {about_percent(prediction.probability)}"
            text += ", correct class" if item.data(CORRECT_ROLE) else ""
            item.setToolTip(tooltip(text))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, text)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.count():
            painter = QPainter(self.viewport())
            painter.setPen(QColor(theme.current().muted))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.viewport().rect(), flags, "Top predictions for the selected image appear here.")


class _Bar(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(0, ROW_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        correct = bool(index.data(CORRECT_ROLE))
        painter.save()
        paint_prediction(
            painter,
            QRectF(option.rect).adjusted(0, 1, 0, -1),
            f"✓ {index.data()}" if correct else str(index.data()),
            float(index.data(PROBABILITY_ROLE)),
            theme.current().good if correct else theme.current().accent,
        )
        painter.restore()


def paint_prediction(painter: QPainter, box: QRectF, label: str, probability: float, color: str) -> None:
    """A class and its probability, on a bar whose length shows the probability."""
    painter.fillRect(box, QColor(theme.current().hover))
    bar = QColor(color)
    bar.setAlpha(BAR_ALPHA)
    painter.fillRect(QRectF(box.left(), box.top(), max(2.0, probability * box.width()), box.height()), bar)
    text, middle = box.adjusted(8, 0, -8, 0), Qt.AlignmentFlag.AlignVCenter
    width = max(0, int(text.width()) - NUMBER_WIDTH)
    painter.setPen(QColor(theme.current().text))
    elided = painter.fontMetrics().elidedText(label, Qt.TextElideMode.ElideRight, width)
    painter.drawText(text, middle | Qt.AlignmentFlag.AlignLeft, elided)
    painter.drawText(text, middle | Qt.AlignmentFlag.AlignRight, about_percent(probability))
