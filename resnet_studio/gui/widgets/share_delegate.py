"""A share of the whole as a bar in a table's cell."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from resnet_studio.gui import theme
from resnet_studio.gui.widgets.layer_model import SHARE_ROLE, STAGE_ROLE

PERCENT_WIDTH = 52


class ShareDelegate(QStyledItemDelegate):
    """Paints the bar in the stage's colour, with the per cent before it. The costliest stage fills the column."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().paint(painter, option, index)
        share, length = index.data(SHARE_ROLE) or ("", 0.0)
        if not share:
            return
        box = QRectF(option.rect).adjusted(4, 0, -16, 0)
        painter.save()
        painter.setPen(QColor(theme.current().muted))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(box.left(), box.top(), PERCENT_WIDTH, box.height()), right, share)
        left = box.left() + PERCENT_WIDTH + 8
        width = max(1.0, length * (box.right() - left))
        painter.fillRect(QRectF(left, box.center().y() - 4, width, 8), theme.stage_colour(index.data(STAGE_ROLE)))
        painter.restore()
