"""Cells of the paper's Table 1: a network's blocks in brackets, and its FLOPs under them."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QPainter

from resnet_studio.gui import theme
from resnet_studio.gui.widgets.block_delegate import BlockDelegate, Index
from resnet_studio.gui.widgets.table_one_model import TONE_ROLE

WIDEST = "−00.000 G"
"""Figures end on one vertical line, which leaves this text in the middle of its column."""


class TableOneDelegate(BlockDelegate):
    """Figures of a column stand below one another, coloured by what they say."""

    def paint_figure(self, painter: QPainter, rect: QRect, index: Index) -> None:
        colours = theme.current()
        tones = {"good": colours.good, "bad": colours.bad, "muted": colours.muted}
        painter.setPen(QColor(tones.get(index.data(TONE_ROLE), colours.text)))
        spare = max(0, rect.width() - painter.fontMetrics().horizontalAdvance(WIDEST)) // 2
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(rect.adjusted(0, 0, -spare, 0), right, str(index.data()))
