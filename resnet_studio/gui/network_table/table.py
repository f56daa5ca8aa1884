"""A table whose columns are networks and whose rows belong to their stages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import cast

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QLabel, QSizePolicy, QStyleOptionViewItem, QTableView

from resnet_studio.gui import theme
from resnet_studio.gui.network_table.headers import PADDING, NetworkHeader, StageHeader

Index = QModelIndex | QPersistentModelIndex
CELL_ROLE = Qt.ItemDataRole.UserRole
"""The `BlockCell` of a stage, where an item shows one."""
Span = tuple[int, int, int, int]
"""Row, column, how many rows, how many columns."""

STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}


class NetworkTable(QTableView):
    """Arrow keys move between columns; a double-click or Enter selects one, Delete removes and Alt+arrow moves it.

    Rows are as high as their content, and up to `extra_height` pixels higher if there is space.
    """

    networkSelected = Signal(int)
    removeRequested = Signal(int)
    moveRequested = Signal(int, int)
    """Old and new column."""

    def __init__(
        self,
        model: QAbstractTableModel,
        header: NetworkHeader,
        stage_header: StageHeader,
        min_width: int,
        extra_height: int,
    ) -> None:
        super().__init__()
        self.stage_header, self.extra_height, self._min_width = stage_header, extra_height, min_width
        self.cell_widths: Callable[[int], Sequence[int]] = lambda _available: ()
        """Set by the delegate: the pixels that each column's cells need, given the width of all columns together."""
        self._spans: list[Span] = []
        self._corner = QLabel(stage_header.heading, self)
        self._corner.setProperty("quiet", True)
        self._corner.setAlignment(Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignRight)
        self._corner.setContentsMargins(0, 0, PADDING, PADDING)
        self.setModel(model)
        self.setHorizontalHeader(header)
        self.setVerticalHeader(stage_header)
        self.setCornerButtonEnabled(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.sectionResized.connect(self.scheduleDelayedItemsLayout)  # text wraps differently
        header.sectionDoubleClicked.connect(self.networkSelected)
        header.removeRequested.connect(self.removeRequested)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectColumns)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)

    def current_column(self) -> int:
        """The current column; −1 if there is none."""
        return self.currentIndex().column()

    def select_column(self, column: int) -> None:
        """Make a column the current one."""
        self.setCurrentIndex(self._index_in(column))

    def _index_in(self, column: int) -> QModelIndex:
        """An index of a column in a visible row, so that selecting it scrolls horizontally only."""
        return self.model().index(max(self.rowAt(self.viewport().height() // 2), 0), column)

    def set_spans(self, spans: Iterable[Span]) -> None:
        """Join cells and update the height of the rows. Call this after a model reset."""
        self.clearSpans()
        self._spans = list(spans)
        for span in self._spans:
            self.setSpan(*span)
        self.scheduleDelayedItemsLayout()

    def doItemsLayout(self) -> None:
        self._fit_columns()
        heights = [self.sizeHintForRow(row) for row in range(self.model().rowCount())]
        left_over = (self.viewport().height() - sum(heights)) // max(len(heights), 1)
        for row, height in enumerate(heights):
            self.setRowHeight(row, height + min(max(left_over, 0), self.extra_height))
        super().doItemsLayout()
        self.updateGeometry()

    def _fit_columns(self) -> None:
        """Give every column the width that its content needs, and its share of what is left; if that is too little for
        all, the table scrolls."""
        header, available = cast("NetworkHeader", self.horizontalHeader()), self.viewport().width()
        widths = zip(self.cell_widths(available), map(header.needed_width, range(header.count())), strict=False)
        needed = [max(self._min_width, *pair) for pair in widths]
        for column, width in enumerate(shared_widths(needed, available)):
            header.resizeSection(column, width)

    def sizeHintForRow(self, row: int) -> int:
        """The height of a row's highest cell, visible or not; cells that span several rows are left out."""
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        joined = {
            column
            for top, left, rows, columns in self._spans
            if top <= row < top + rows
            for column in range(left + (rows == 1), left + columns)
        }
        cells = [self.model().index(row, c) for c in range(self.model().columnCount()) if c not in joined]
        return max((self.itemDelegate().sizeHint(option, cell).height() for cell in cells), default=0)

    def span(self, index: Index) -> int:
        """The number of columns that a cell spans."""
        return self.columnSpan(index.row(), index.column())

    def span_width(self, index: Index) -> int:
        """The width of a cell over all its columns."""
        return sum(self.columnWidth(index.column() + offset) for offset in range(self.span(index)))

    def sizeHint(self) -> QSize:
        rows = sum(self.sizeHintForRow(row) + self.extra_height for row in range(self.model().rowCount()))
        bar = self.horizontalScrollBar()
        below = bar.sizeHint().height() if bar.maximum() > bar.minimum() else 0
        return QSize(super().sizeHint().width(), rows + self.horizontalHeader().sizeHint().height() + below + 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.scheduleDelayedItemsLayout()

    def updateGeometries(self) -> None:
        super().updateGeometries()
        self._corner.setGeometry(0, 0, self.stage_header.width(), self.horizontalHeader().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        for row in range(self.model().rowCount()):
            if self.stage_header.ends_group(row):
                bottom = self.rowViewportPosition(row) + self.rowHeight(row) - 1
                painter.fillRect(0, bottom, self.viewport().width(), 1, QColor(theme.current().rule))

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        moves = QAbstractItemView.CursorAction
        last = self.model().columnCount() - 1
        columns = {
            moves.MoveLeft: self.current_column() - 1,
            moves.MovePrevious: self.current_column() - 1,
            moves.MoveRight: self.current_column() + 1,
            moves.MoveNext: self.current_column() + 1,
            moves.MoveHome: 0,
            moves.MoveEnd: last,
        }
        if action in columns:
            return self._index_in(min(max(columns[action], 0), last))
        step = {moves.MoveUp: -1, moves.MovePageUp: -10, moves.MoveDown: 1, moves.MovePageDown: 10}.get(action, 0)
        self.verticalScrollBar().setValue(self.verticalScrollBar().value() + step * self.fontMetrics().lineSpacing())
        return self.currentIndex()

    def _request_move(self, to: int) -> None:
        if 0 <= to < self.model().columnCount():
            self.moveRequested.emit(self.current_column(), to)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        column = self.columnAt(int(event.position().x()))
        if column >= 0:
            self.select_column(column)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        column = self.columnAt(int(event.position().x()))
        if column >= 0:
            self.select_column(column)
            self.networkSelected.emit(column)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current_column() >= 0:
            self.networkSelected.emit(self.current_column())
        elif event.key() == Qt.Key.Key_Delete and self.current_column() >= 0:
            self.removeRequested.emit(self.current_column())
        elif event.modifiers() & Qt.KeyboardModifier.AltModifier and event.key() in STEPS:
            self._request_move(self.current_column() + STEPS[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)


def shared_widths(needed: Sequence[int], available: int) -> list[int]:
    """Widths of columns that need these, in a table of that width: equal ones if these fit, else what each needs and
    its share of the rest. In too little space each has what it needs."""
    count = len(needed)
    equal = max(needed, default=0) * count <= available
    wanted = [0] * count if equal else list(needed)
    spare = max(0, available - sum(wanted))
    return [width + spare // max(count, 1) + (at < spare % max(count, 1)) for at, width in enumerate(wanted)]
