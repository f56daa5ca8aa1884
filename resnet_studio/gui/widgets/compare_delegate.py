"""Cells of a comparison: a value, and how much more or less it is than the first network's."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyleOptionViewItem

from resnet_studio.gui import theme
from resnet_studio.gui.widgets.block_delegate import BlockDelegate, Index
from resnet_studio.gui.widgets.compare_model import ENTRY_ROLE, SHARE_ROLE, Entry
from resnet_studio.gui.widgets.network_table import CELL_ROLE
from resnet_studio.gui.widgets.stage_header import ABOVE, BELOW, STAGE_ROLE

VALUE, DELTA, SHARE, GAP = 88, 62, 60, 4
"""Pixels of "1024×14×14", of "+3.76 MB" and of "+100.0 %", and between them."""
BAR, BAR_ROOM = 6, 14
EQUAL, UNEQUAL = "=", "≠"


class CompareDelegate(BlockDelegate):
    """A narrow column leaves the difference out and keeps its per cent; hovering shows both."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802  (Qt's name)
        if index.data(CELL_ROLE):
            return super().sizeHint(option, index)
        stages = self._table.stages
        tight = (ABOVE if stages.begins(index.row()) else 0) + (BELOW if stages.ends(index.row()) else 0)
        bar = BAR_ROOM + 8 if index.data(SHARE_ROLE) is not None else 0
        return QSize(0, option.fontMetrics.lineSpacing() + tight + bar)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        if index.data(CELL_ROLE) and index.data(ENTRY_ROLE).differs:
            painter.setPen(QColor(theme.current().accent))
            painter.drawText(option.rect.adjusted(2 * GAP, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, UNEQUAL)

    def paint_figure(self, painter: QPainter, rect: QRect, index: Index) -> None:
        entry: Entry = index.data(ENTRY_ROLE)
        share = index.data(SHARE_ROLE)
        line = self._table.stages.room(index.row(), rect).adjusted(0, 0, 0, 0 if share is None else -BAR_ROOM)
        self._paint_entry(painter, line, entry, first=index.column() == 0)
        if share is not None:
            self._paint_bar(painter, rect, index, share)

    def _paint_entry(self, painter: QPainter, rect: QRect, entry: Entry, *, first: bool) -> None:
        colours = theme.current()
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        wide = rect.width() >= VALUE + DELTA + SHARE + 4 * GAP
        whole = VALUE if first else VALUE + SHARE + GAP + (DELTA + GAP if wide else 0)
        left = rect.left() + max(0, rect.width() - whole) // 2
        value = QRect(left, rect.top(), VALUE, rect.height())
        painter.setPen(QColor(colours.text))
        painter.drawText(value, right, entry.value)
        if first:
            return
        painter.setPen(QColor(colours.accent if entry.differs else colours.muted))
        share = QRect(left + whole - SHARE, rect.top(), SHARE, rect.height())
        painter.drawText(share, right, entry.share or entry.delta or (UNEQUAL if entry.differs else EQUAL))
        if wide and entry.share:
            painter.drawText(value.translated(DELTA + GAP, 0), right, entry.delta)

    def _paint_bar(self, painter: QPainter, rect: QRect, index: Index, share: float) -> None:
        stage = index.model().headerData(index.row(), Qt.Orientation.Vertical, STAGE_ROLE)
        room = rect.adjusted(24, 0, -24, 0)
        bar = QRect(room.left(), rect.bottom() - BAR_ROOM - 2, max(1, round(share * room.width())), BAR)
        painter.fillRect(bar, theme.stage_colour(stage))
