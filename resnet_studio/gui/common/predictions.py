"""The most probable classes, each with its probability as a bar behind its name."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QSizePolicy, QStyledItemDelegate, QStyleOptionViewItem

from resnet_studio.formatting import percent
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.labels import tooltip
from resnet_studio.inference.values import Prediction
from resnet_studio.plain import plain

ROW, SHOWN, NUMBER_WIDTH = 24, 5, 56
SHINES_THROUGH = 80  # of 255: the label is read on the bar and beside it
PROBABILITY, RIGHT = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1


class PredictionBars(QListWidget):
    """Five lines that can be read out, and not chosen."""

    def __init__(self) -> None:
        super().__init__()
        named(self, "predictions", "Most probable classes")
        self.setItemDelegate(_Bar(self))
        self.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(SHOWN * ROW)

    def show_predictions(self, predictions: Sequence[Prediction], right: str = "") -> None:
        """Show these in the order given; the right class, where it is known and among them, is marked."""
        self.clear()
        for prediction in predictions[:SHOWN]:
            item = QListWidgetItem(plain(prediction.label), self)
            item.setData(RIGHT, bool(right) and prediction.label == right)
            item.setData(PROBABILITY, prediction.probability)
            said = f"{plain(prediction.label)}: {percent(prediction.probability, 2)}"
            said += ", the right class" if item.data(RIGHT) else ""
            item.setToolTip(tooltip(said))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, said)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  (Qt's name)
        super().paintEvent(event)
        if not self.count():
            painter = QPainter(self.viewport())
            painter.setPen(QColor(theme.current().muted))
            where = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.viewport().rect(), where, "The chosen image's most probable classes appear here.")


class _Bar(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:  # noqa: N802
        return QSize(0, ROW)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        colours, probability = theme.current(), float(index.data(PROBABILITY))
        box = QRectF(option.rect).adjusted(0, 1, 0, -1)
        painter.save()
        painter.fillRect(box, QColor(colours.hover))
        right = bool(index.data(RIGHT))
        bar = QColor(colours.good if right else colours.accent)
        bar.setAlpha(SHINES_THROUGH)
        painter.fillRect(QRectF(box.left(), box.top(), max(2.0, probability * box.width()), box.height()), bar)
        text = box.adjusted(8, 0, -8, 0)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(colours.text))
        label = painter.fontMetrics().elidedText(
            f"✓ {index.data()}" if right else index.data(),
            Qt.TextElideMode.ElideRight,
            int(text.width()) - NUMBER_WIDTH,
        )
        painter.drawText(text, middle | Qt.AlignmentFlag.AlignLeft, label)
        painter.drawText(text, middle | Qt.AlignmentFlag.AlignRight, percent(probability, 2))
        painter.restore()
