"""A table whose columns are networks and whose rows belong to their stages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
    """Arrow keys walk columns; a double click or Enter chooses one, Delete wishes it away, Alt and an arrow elsewhere.

    Rows are as high as what is in them, and up to `spare` pixels higher where there is room.
    """

    network_chosen = Signal(int)
    removal_wished = Signal(int)
    move_wished = Signal(int, int)
    """From which place to which."""

    def __init__(
        self, model: QAbstractTableModel, header: NetworkHeader, stages: StageHeader, narrowest: int, spare: int
    ) -> None:
        super().__init__()
        self.stages, self.spare, self._narrowest = stages, spare, narrowest
        self.widest_cell: Callable[[int], int] = lambda _column_width: 0
        """Its delegate's: pixels that the widest cell needs in columns that would be that wide."""
        self._spans: list[Span] = []
        self._corner = QLabel(stages.heading, self)
        self._corner.setProperty("quiet", True)
        self._corner.setAlignment(Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignRight)
        self._corner.setContentsMargins(0, 0, PADDING, PADDING)
        self.setModel(model)
        self.setHorizontalHeader(header)
        self.setVerticalHeader(stages)
        self.setCornerButtonEnabled(False)
        header.setMinimumSectionSize(narrowest)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.sectionResized.connect(self.scheduleDelayedItemsLayout)  # lines break elsewhere
        header.sectionDoubleClicked.connect(self.network_chosen)
        header.removed.connect(self.removal_wished)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectColumns)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)

    def current(self) -> int:
        """The column that is chosen; −1 if none is."""
        return self.currentIndex().column()

    def choose(self, column: int) -> None:
        """Make a column the current one."""
        self.setCurrentIndex(self._at(column))

    def _at(self, column: int) -> QModelIndex:
        """An item of a column that is in sight, so that going there scrolls to the side only."""
        return self.model().index(max(self.rowAt(self.viewport().height() // 2), 0), column)

    def lay_out(self, spans: Iterable[Span]) -> None:
        """Join cells and give every row the height of what is in it. Call it when the model was reset."""
        self.clearSpans()
        self._spans = list(spans)
        for span in self._spans:
            self.setSpan(*span)
        self.scheduleDelayedItemsLayout()

    def doItemsLayout(self) -> None:  # noqa: N802  (Qt's names)
        self._widen_columns()
        heights = [self.sizeHintForRow(row) for row in range(self.model().rowCount())]
        left_over = (self.viewport().height() - sum(heights)) // max(len(heights), 1)
        for row, height in enumerate(heights):
            self.setRowHeight(row, height + min(max(left_over, 0), self.spare))
        super().doItemsLayout()
        self.updateGeometry()

    def _widen_columns(self) -> None:
        """No column is narrower than its widest cell; what is too much for the window scrolls."""
        header = cast("NetworkHeader", self.horizontalHeader())
        share = self.viewport().width() // max(self.model().columnCount(), 1)
        needed = max(self._narrowest, self.widest_cell(share))
        if needed != header.minimumSectionSize():
            header.setMinimumSectionSize(needed)
            header.resizeSections()

    def sizeHintForRow(self, row: int) -> int:  # noqa: N802
        """The highest cell of a row, seen or not; what reaches over several rows has room enough in them."""
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
        """How many columns a cell reaches over."""
        return self.columnSpan(index.row(), index.column())

    def span_width(self, index: Index) -> int:
        """How wide a cell is, with those that are joined to it."""
        return sum(self.columnWidth(index.column() + further) for further in range(self.span(index)))

    def sizeHint(self) -> QSize:  # noqa: N802
        rows = sum(self.sizeHintForRow(row) + self.spare for row in range(self.model().rowCount()))
        bar = self.horizontalScrollBar()
        below = bar.sizeHint().height() if bar.maximum() > bar.minimum() else 0
        return QSize(super().sizeHint().width(), rows + self.horizontalHeader().sizeHint().height() + below + 1)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.scheduleDelayedItemsLayout()

    def updateGeometries(self) -> None:  # noqa: N802
        super().updateGeometries()
        self._corner.setGeometry(0, 0, self.stages.width(), self.horizontalHeader().height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        for row in range(self.model().rowCount()):
            if self.stages.ends(row):
                bottom = self.rowViewportPosition(row) + self.rowHeight(row) - 1
                painter.fillRect(0, bottom, self.viewport().width(), 1, QColor(theme.current().rule))

    def moveCursor(  # noqa: N802
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        moves = QAbstractItemView.CursorAction
        last = self.model().columnCount() - 1
        columns = {
            moves.MoveLeft: self.current() - 1,
            moves.MovePrevious: self.current() - 1,
            moves.MoveRight: self.current() + 1,
            moves.MoveNext: self.current() + 1,
            moves.MoveHome: 0,
            moves.MoveEnd: last,
        }
        if action in columns:
            return self._at(min(max(columns[action], 0), last))
        step = {moves.MoveUp: -1, moves.MovePageUp: -10, moves.MoveDown: 1, moves.MovePageDown: 10}.get(action, 0)
        self.verticalScrollBar().setValue(self.verticalScrollBar().value() + step * self.fontMetrics().lineSpacing())
        return self.currentIndex()

    def _wish_move(self, to: int) -> None:
        if 0 <= to < self.model().columnCount():
            self.move_wished.emit(self.current(), to)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        column = self.columnAt(int(event.position().x()))
        if column >= 0:
            self.choose(column)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        column = self.columnAt(int(event.position().x()))
        if column >= 0:
            self.choose(column)
            self.network_chosen.emit(column)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current() >= 0:
            self.network_chosen.emit(self.current())
        elif event.key() == Qt.Key.Key_Delete and self.current() >= 0:
            self.removal_wished.emit(self.current())
        elif event.modifiers() & Qt.KeyboardModifier.AltModifier and event.key() in STEPS:
            self._wish_move(self.current() + STEPS[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)
