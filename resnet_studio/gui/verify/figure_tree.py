"""The tree of published figures, each with the reason for its verdict."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QStyledItemDelegate, QStyleOptionViewItem, QTreeView

from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.verify.figures import FigureColumn, FigureModel

Index = QModelIndex | QPersistentModelIndex
WIDTHS = {
    FigureColumn.SUBJECT: 160, FigureColumn.QUANTITY: 88, FigureColumn.PUBLISHED: 96, FigureColumn.MEASURED: 96,
    FigureColumn.DIFFERENCE: 88, FigureColumn.VERDICT: 88,
}  # fmt: skip
REASON_WIDTH = 320
"""Minimum space in pixels on the right to show the reason next to its figure instead of under it."""
PADDING, GAP, CELL_PADDING = 3, 16, 16
WRAPPED = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft


class FigureTree(QTreeView):
    """Emits `subjectSelected` with a figure's subject on double click or Enter."""

    subjectSelected = Signal(str)

    def __init__(self, model: FigureModel) -> None:
        super().__init__()
        set_names(self, "figureList", "Other published values")
        self._model = model
        self.setModel(model)
        self.setItemDelegate(_Cells(self))
        self.setVerticalScrollMode(QTreeView.ScrollMode.ScrollPerPixel)
        self.setIndentation(16)
        self._set_up_header()
        for row in range(model.rowCount()):
            self._span_texts(model.index(row, 0))
        self.expandAll()
        self.activated.connect(self._on_activated)
        model.dataChanged.connect(self.scheduleDelayedItemsLayout)

    def _set_up_header(self) -> None:
        header = self.header()
        header.setStretchLastSection(True)
        header.setSectionsMovable(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)

    def _fit_columns(self) -> None:
        """Set the default widths if they fit, and never less than the longest text of a column needs; show the column
        of reasons if there is space for it."""
        metrics, model = self.fontMetrics(), self._model
        sources = [model.index(row, 0) for row in range(model.rowCount())]
        rows = [(row, source) for source in sources for row in range(model.rowCount(source))]
        figures = [(row, source) for row, source in rows if model.node(model.index(row, 0, source)).figure]
        needed = {
            column: max(
                metrics.horizontalAdvance(str(model.index(row, column, source).data())) for row, source in figures
            )
            + (
                2 * self.indentation()
                if column == FigureColumn.SUBJECT
                else GAP
                if column == FigureColumn.VERDICT
                else 0
            )
            + CELL_PADDING
            for column in WIDTHS
        }
        available = self.viewport().width()
        usual = {column: max(width, WIDTHS[column]) for column, width in needed.items()}
        widths = usual if sum(usual.values()) <= available else needed
        hidden = available - sum(widths.values()) < REASON_WIDTH
        if hidden != self.isColumnHidden(FigureColumn.REASON):
            self.setColumnHidden(FigureColumn.REASON, hidden)
        for column, width in widths.items():
            self.header().resizeSection(column, width)

    def doItemsLayout(self) -> None:
        self._fit_columns()
        super().doItemsLayout()

    def _span_texts(self, source: QModelIndex) -> None:
        self.setFirstColumnSpanned(source.row(), QModelIndex(), True)
        for row in range(self._model.rowCount(source)):
            if self._model.node(self._model.index(row, 0, source)).figure is None:
                self.setFirstColumnSpanned(row, source, True)

    def _on_activated(self, index: QModelIndex) -> None:
        if figure := self._model.node(index).figure:
            self.subjectSelected.emit(figure.subject)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()
        self.scheduleDelayedItemsLayout()

    def drawRow(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().drawRow(painter, option, index)
        reason = self._model.node(index).reason
        row: QRect = option.rect
        if reason:
            painter.setPen(QColor(theme.current().muted))
            rect = self._reason_rect(index)
            painter.drawText(QRect(rect.left(), row.top() + rect.top(), rect.width(), row.height()), WRAPPED, reason)

    def _reason_rect(self, index: Index) -> QRect:
        """Where in its row the reason is painted: next to the figure if there is space, else under it."""
        right = self.viewport().width() - 8
        if self.isColumnHidden(FigureColumn.REASON) or self._model.node(index).figure is None:
            left = 2 * self.indentation() + 7
            return QRect(left, PADDING + self.fontMetrics().lineSpacing(), right - left, 0)
        left = self.header().sectionViewportPosition(FigureColumn.REASON) + 4
        return QRect(left, PADDING, right - left, 0)

    def row_height(self, index: Index) -> int:
        """The height of one line and of the reason."""
        line = self.fontMetrics().lineSpacing()
        reason = self._model.node(index).reason
        if not reason:
            return line + 2 * PADDING + 2
        rect = self._reason_rect(index)
        text = self.fontMetrics().boundingRect(QRect(0, 0, rect.width(), 10_000), WRAPPED, reason)
        return max(line + PADDING, rect.top() + text.height()) + PADDING + 2


class _Cells(QStyledItemDelegate):
    """Cells as high as their row. The reason is painted by `drawRow`."""

    def __init__(self, tree: FigureTree) -> None:
        super().__init__(tree)
        self._tree = tree

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        height = self._tree.row_height(index) if index.column() == FigureColumn.SUBJECT else 0
        return QSize(0, height)

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        if index.column() == FigureColumn.REASON:
            option.text = ""
        if index.column() == FigureColumn.VERDICT:  # left-aligned text right after right-aligned numbers needs a gap
            option.rect = option.rect.adjusted(GAP, 0, 0, 0)
