"""Paints cells like the paper's Table 1: convolutions in tall brackets, and figures under them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from resnet_studio.analysis.table_one import BlockCell
from resnet_studio.gui import theme
from resnet_studio.gui.network_table.table import CELL_ROLE, NetworkTable

CENTER = Qt.AlignmentFlag.AlignCenter
Index = QModelIndex | QPersistentModelIndex
HOOK, INSIDE, GAP, ABOVE = 4, 6, 5, 3
"""Pixels: length of a bracket's horizontal strokes, text to bracket, bracket to "× 3", cell to text."""


class CellModel(Protocol):
    """What the delegate needs of a model besides its items."""

    def cell(self, row: int, column: int) -> BlockCell | None: ...
    def rowCount(self) -> int: ...
    def columnCount(self) -> int: ...


class BlockDelegate(QStyledItemDelegate):
    """Brackets of one column have the same width and are aligned."""

    def __init__(self, model: CellModel, table: NetworkTable) -> None:
        super().__init__(table)
        self._model, self._table = model, table
        self._margin = GAP
        table.cell_widths = self.cell_widths

    def cell_widths(self, available: int) -> list[int]:
        """The width that each column needs, given that of all columns together."""
        return [self._cells_width(column) for column in range(self._model.columnCount())]

    def _cells_width(self, column: int) -> int:
        """The width that the blocks of a column need."""
        metrics = self._table.fontMetrics()
        cells = [cell for row in range(self._model.rowCount()) if (cell := self._model.cell(row, column))]
        texts = [text for cell in cells for text in _pieces(cell)]
        blocks = [self._block_width(column, metrics)] if any(cell.times for cell in cells) else []
        return max((*map(metrics.horizontalAdvance, texts), *blocks), default=0) + 2 * self._margin

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        metrics = self._table.fontMetrics()
        cell: BlockCell | None = index.data(CELL_ROLE)
        lines = sum(map(len, self._lines(cell, index, metrics))) if cell else 1
        return QSize(0, lines * metrics.lineSpacing() + 2 * ABOVE)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._table.font())
        if state & QStyle.StateFlag.State_Selected and self._table.span(index) == 1:
            painter.fillRect(rect, QColor(theme.current().selected))
        cell: BlockCell | None = index.data(CELL_ROLE)
        if cell:
            self._paint_cell(painter, QRectF(rect), cell, index)
        else:
            self.paint_figure(painter, rect, index)
        painter.restore()

    def paint_figure(self, painter: QPainter, rect: QRect, index: Index) -> None:
        """Paint an item without a `BlockCell`."""
        painter.drawText(rect, CENTER, str(index.data()))

    def _paint_cell(self, painter: QPainter, rect: QRectF, cell: BlockCell, index: Index) -> None:
        metrics = painter.fontMetrics()
        pools, main, below = self._lines(cell, index, metrics)
        pitch = metrics.lineSpacing()
        top = rect.center().y() - (len(pools) + len(main) + len(below)) * pitch / 2
        texts = [*pools, *([""] * len(main) if cell.times else main), *below]
        for number, text in enumerate(texts):
            quiet = number >= len(pools) + len(main)
            painter.setPen(QColor(theme.current().muted if quiet else theme.current().text))
            painter.drawText(QRectF(rect.left(), top + number * pitch, rect.width(), pitch), CENTER, text)
        if cell.times:
            block = QRectF(rect.left(), top + len(pools) * pitch, rect.width(), len(main) * pitch)
            self._paint_blocks(painter, block, cell, index)

    def _paint_blocks(self, painter: QPainter, rect: QRectF, cell: BlockCell, index: Index) -> None:
        """The lines of a block in their brackets, with "× 3" after them."""
        inside, after = self._widths(index.column(), painter.fontMetrics())
        left = rect.center().x() - self._block_width(index.column(), painter.fontMetrics()) / 2
        box = QRectF(left, rect.top() + 1, inside + 2 * INSIDE, rect.height() - 2)
        painter.setPen(QPen(QColor(theme.current().muted), 1.2))
        for edge, hook in ((box.left(), HOOK), (box.right(), -HOOK)):
            ends = [(edge + hook, box.top()), (edge, box.top()), (edge, box.bottom()), (edge + hook, box.bottom())]
            painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in ends]))
        painter.setPen(QColor(theme.current().text))
        pitch = rect.height() / len(cell.lines)
        for number, text in enumerate(cell.lines):
            line = QRectF(left + INSIDE - 1, rect.top() + number * pitch, inside + 2, pitch)
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, text)
        times = QRectF(box.right() + GAP, rect.top(), after + 2, rect.height())
        painter.drawText(times, Qt.AlignmentFlag.AlignVCenter, _times(cell))

    def _block_width(self, column: int, metrics: QFontMetrics) -> int:
        """The width of a column's brackets with their text and the "× 3" after them."""
        return sum(self._widths(column, metrics)) + 2 * INSIDE + GAP

    def _widths(self, column: int, metrics: QFontMetrics) -> tuple[int, int]:
        """The widths of the widest text in a column's brackets, and of the widest "× 3" after them."""
        cells = [self._model.cell(row, column) for row in range(self._model.rowCount())]
        blocks = [cell for cell in cells if cell and cell.times]
        return (
            max(metrics.horizontalAdvance(line) for cell in blocks for line in cell.lines),
            max(metrics.horizontalAdvance(_times(cell)) for cell in blocks),
        )

    def _lines(self, cell: BlockCell, index: Index, metrics: QFontMetrics) -> tuple[list[str], list[str], list[str]]:
        """The lines of a cell: its pool, its text or block, and the quiet lines below."""
        width = self._table.span_width(index) - 2 * self._margin
        main = list(cell.lines) if cell.times else _wrapped(cell.lines, width, metrics)
        below = [line for text in cell.below for line in _wrapped(text.split(", "), width, metrics)]
        return _wrapped(cell.pool, width, metrics), main, below


def _pieces(cell: BlockCell) -> list[str]:
    """The texts of a cell that are never wrapped, without those in brackets."""
    main = () if cell.times else cell.lines
    return [*cell.pool, *main, *(piece for text in cell.below for piece in text.split(", "))]


def _times(cell: BlockCell) -> str:
    return f"× {cell.times}"


def _wrapped(parts: Sequence[str], width: int, metrics: QFontMetrics) -> list[str]:
    """The parts joined into as few lines as the width allows."""
    lines: list[str] = []
    for part in parts:
        joined = f"{lines[-1]}, {part}" if lines else part
        if lines and metrics.horizontalAdvance(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(part)
    return lines
