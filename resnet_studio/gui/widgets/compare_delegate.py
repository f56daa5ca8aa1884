"""Cells of a comparison: a value, and how much more or less it is than the first network's."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter
from PySide6.QtWidgets import QStyleOptionViewItem

from resnet_studio.gui import theme
from resnet_studio.gui.widgets.block_delegate import BlockDelegate, Cells, Index
from resnet_studio.gui.widgets.compare_model import ENTRY_ROLE
from resnet_studio.gui.widgets.compare_rows import Entry
from resnet_studio.gui.widgets.network_table import NetworkTable
from resnet_studio.gui.widgets.stage_header import ABOVE, BELOW, STAGE_ROLE

VALUE, DELTA, SHARE, GAP = 88, 68, 60, 4
"""Pixels of "128×112×112", of "−28.9 MB" and of "+100.0 %", and between them."""
BAR, UNDER, ASIDE = 8, 8, 24
"""Pixels: a bar's height, what is between it and the text over it, and left free on both sides of it."""
EQUAL, UNEQUAL = "=", "≠"
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class CompareDelegate(BlockDelegate):
    """A narrow column leaves the difference out and keeps its per cent; hovering shows both."""

    def __init__(self, model: Cells, table: NetworkTable) -> None:
        super().__init__(model, table)
        self._margin = 5 * GAP  # for the ≠

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802  (Qt's name)
        entry: Entry = index.data(ENTRY_ROLE)
        if entry.blocks:
            return super().sizeHint(option, index)
        stages, row = self._table.stages, index.row()
        ends = (ABOVE if stages.begins(row) else 0) + (BELOW if stages.ends(row) else 0)
        bar = 0 if entry.bar is None else BAR + UNDER
        return QSize(0, option.fontMetrics.lineSpacing() + ends + bar)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        entry: Entry = index.data(ENTRY_ROLE)
        if entry.blocks and entry.differs:
            painter.setPen(QColor(theme.current().accent))
            painter.drawText(option.rect.adjusted(2 * GAP, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, UNEQUAL)

    def paint_figure(self, painter: QPainter, rect: QRect, index: Index) -> None:
        entry: Entry = index.data(ENTRY_ROLE)
        stage = index.model().headerData(index.row(), Qt.Orientation.Vertical, STAGE_ROLE)
        if not stage:
            font = QFont(painter.font())
            font.setWeight(QFont.Weight.DemiBold)
            painter.setFont(font)
        room = self._table.stages.room(index.row(), rect)
        line = painter.fontMetrics().lineSpacing()
        if entry.bar is not None:
            room = QRect(rect.left(), rect.center().y() - (line + UNDER + BAR) // 2, rect.width(), line)
            width = max(1, round(entry.bar * (rect.width() - 2 * ASIDE)))
            bar = QRect(rect.left() + ASIDE, room.bottom() + UNDER, width, BAR)
            painter.fillRect(bar, theme.stage_colour(stage))
        _paint_entry(painter, room, entry, first=index.column() == 0)


def _paint_entry(painter: QPainter, rect: QRect, entry: Entry, *, first: bool) -> None:
    """The value, the difference and its per cent, each ending on a line of its own; the three are centred."""
    colours = theme.current()
    wide = rect.width() >= VALUE + DELTA + SHARE + 4 * GAP
    whole = VALUE if first else VALUE + SHARE + GAP + (DELTA + GAP if wide else 0)
    left = rect.left() + max(0, rect.width() - whole) // 2
    value = QRect(left, rect.top(), VALUE, rect.height())
    painter.setPen(QColor(colours.text))
    painter.drawText(value.adjusted(-GAP, 0, 0, 0), RIGHT, entry.value)
    if first:
        return
    painter.setPen(QColor(colours.accent if entry.differs else colours.muted))
    share = QRect(left + whole - SHARE, rect.top(), SHARE, rect.height())
    painter.drawText(share, RIGHT, entry.share or entry.delta or (UNEQUAL if entry.differs else EQUAL))
    if wide and entry.share:
        painter.drawText(value.translated(DELTA + GAP, 0), RIGHT, entry.delta)
