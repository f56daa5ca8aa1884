"""Cells of the paper's Table 1: a network's blocks in brackets, and its FLOPs under them."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QPainter

from resnet_studio.gui import theme
from resnet_studio.gui.widgets.block_delegate import BlockDelegate, Index
from resnet_studio.gui.widgets.network_table import NetworkTable
from resnet_studio.gui.widgets.table_one_model import TONE_ROLE, TableOneModel

WIDEST = "−00.000 G"
"""Figures end on one vertical line, which leaves this text, or a wider one, in the middle of its column."""


class TableOneDelegate(BlockDelegate):
    """Figures of a column stand below one another, coloured by what they say."""

    def __init__(self, model: TableOneModel, table: NetworkTable) -> None:
        super().__init__(model, table)
        self._items = model
        self._figure = 0
        """Pixels of the widest figure."""

    def lay_out(self, column_width: int) -> int:
        metrics, model = self._table.fontMetrics(), self._items
        places = [(row, column) for row in range(model.rowCount()) for column in range(model.columnCount())]
        texts = [str(model.index(*place).data()) for place in places if model.cell(*place) is None]
        self._figure = max(map(metrics.horizontalAdvance, (WIDEST, *texts)))
        return max(super().lay_out(column_width), self._figure + 2 * self._margin)

    def paint_figure(self, painter: QPainter, rect: QRect, index: Index) -> None:
        colours = theme.current()
        tones = {"good": colours.good, "bad": colours.bad, "muted": colours.muted}
        painter.setPen(QColor(tones.get(index.data(TONE_ROLE), colours.text)))
        spare = max(0, rect.width() - self._figure) // 2
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(rect.adjusted(0, 0, -spare, 0), right, str(index.data()))
