"""The list of published figures, each with the reason for its verdict in a sentence."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QStyledItemDelegate, QStyleOptionViewItem, QTreeView

from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.verify.figures import FigureColumn, FigureModel

Index = QModelIndex | QPersistentModelIndex
WIDTHS = {
    FigureColumn.SUBJECT: 160, FigureColumn.QUANTITY: 88, FigureColumn.PUBLISHED: 96, FigureColumn.MEASURED: 96,
    FigureColumn.DIFFERENCE: 88, FigureColumn.VERDICT: 88,
}  # fmt: skip
BESIDE = 400
"""Pixels that have to be left on the right for the reason to stand beside its figure instead of under it."""
PADDING, GAP, CELL_PADDING = 3, 16, 16
WRAPPED = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft


class FigureTree(QTreeView):
    """Emits `subject_chosen` with a network's name at a double click or Enter."""

    subject_chosen = Signal(str)

    def __init__(self, model: FigureModel) -> None:
        super().__init__()
        named(self, "figureList", "Other published figures")
        self._model = model
        self.setModel(model)
        self.setItemDelegate(_Cells(self))
        self.setVerticalScrollMode(QTreeView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setIndentation(16)
        self._dress_header()
        for row in range(model.rowCount()):
            self._span_texts(model.index(row, 0))
        self.expandAll()
        self.activated.connect(self._choose)
        model.dataChanged.connect(self.scheduleDelayedItemsLayout)

    def _dress_header(self) -> None:
        header = self.header()
        header.setStretchLastSection(True)
        header.setSectionsMovable(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)

    def _fit_columns(self) -> None:
        """The usual widths where there is room, and never less than the longest text of a column needs."""
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
        roomy = sum(max(needed[column], WIDTHS[column]) for column in WIDTHS) <= self.viewport().width()
        for column, width in needed.items():
            self.header().resizeSection(column, max(width, WIDTHS[column]) if roomy else width)

    def doItemsLayout(self) -> None:  # noqa: N802  (Qt's name)
        self._fit_columns()
        super().doItemsLayout()

    def _span_texts(self, source: QModelIndex) -> None:
        self.setFirstColumnSpanned(source.row(), QModelIndex(), True)
        for row in range(self._model.rowCount(source)):
            if self._model.node(self._model.index(row, 0, source)).figure is None:
                self.setFirstColumnSpanned(row, source, True)

    def _choose(self, index: QModelIndex) -> None:
        if figure := self._model.node(index).figure:
            self.subject_chosen.emit(figure.subject)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  (Qt's names)
        super().resizeEvent(event)
        self._fit_columns()
        taken = sum(map(self.header().sectionSize, WIDTHS))
        self.setColumnHidden(FigureColumn.REASON, self.viewport().width() - taken < BESIDE)
        self.scheduleDelayedItemsLayout()

    def drawRow(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: N802
        super().drawRow(painter, option, index)
        reason = self._model.node(index).reason
        row: QRect = option.rect
        if reason:
            painter.setPen(QColor(theme.current().muted))
            room = self._reason_room(index)
            painter.drawText(QRect(room.left(), row.top() + room.top(), room.width(), row.height()), WRAPPED, reason)

    def _reason_room(self, index: Index) -> QRect:
        """Where the reason stands in its row: beside the figure where there is space, else under it."""
        right = self.viewport().width() - 8
        if self.isColumnHidden(FigureColumn.REASON) or self._model.node(index).figure is None:
            left = 2 * self.indentation() + 7
            return QRect(left, PADDING + self.fontMetrics().lineSpacing(), right - left, 0)
        left = self.header().sectionViewportPosition(FigureColumn.REASON) + 4
        return QRect(left, PADDING, right - left, 0)

    def row_height(self, index: Index) -> int:
        """A line, and what its reason needs besides."""
        line = self.fontMetrics().lineSpacing()
        reason = self._model.node(index).reason
        if not reason:
            return line + 2 * PADDING + 2
        room = self._reason_room(index)
        text = self.fontMetrics().boundingRect(QRect(0, 0, room.width(), 10_000), WRAPPED, reason)
        return max(line + PADDING, room.top() + text.height()) + PADDING + 2


class _Cells(QStyledItemDelegate):
    """Cells as high as their row; the reason is the row's to write."""

    def __init__(self, tree: FigureTree) -> None:
        super().__init__(tree)
        self._tree = tree

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        height = self._tree.row_height(index) if index.column() == FigureColumn.SUBJECT else 0
        return QSize(0, height)

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: N802
        super().initStyleOption(option, index)
        if index.column() == FigureColumn.REASON:
            option.text = ""
        if (
            index.column() == FigureColumn.VERDICT
        ):  # its text begins on the left, right after numbers that end on the right
            option.rect = option.rect.adjusted(GAP, 0, 0, 0)
