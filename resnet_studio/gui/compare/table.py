"""The table of a comparison, with a button in the line that stands for the equal rows."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton

from resnet_studio.analysis.comparison_rows import Shown
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.compare.delegate import CompareDelegate
from resnet_studio.gui.compare.model import CompareModel
from resnet_studio.gui.network_table.headers import NetworkHeader, StageHeader
from resnet_studio.gui.network_table.table import NetworkTable

EDGE, NARROWEST = 134, 72
"""Pixels: width of the stages' names and labels; minimum width of a column."""
SPARE: dict[Shown, int] = {"all": 5, "blocks": 12}
"""Pixels that a row may grow if there is space; rows with bars may grow more."""
SPARE_OF_BARS = 32
FOLD_TIP = "Show or hide the rows that are the same in all networks"


class CompareTable(NetworkTable):
    """Keeps the current column when its rows change."""

    _fold: QToolButton | None = None
    """None while Qt lays the table out for the first time."""

    def __init__(self, model: CompareModel) -> None:
        header = NetworkHeader(removable=True)
        header.sectionMoved.connect(self._on_section_moved)
        super().__init__(model, header, StageHeader(EDGE, at_top=True), NARROWEST, SPARE["all"])
        self._compare_model = model
        set_names(self, "compareTable", "Network comparison")
        self.setItemDelegate(CompareDelegate(model, self))
        self._fold = fold = set_names(QToolButton(self.viewport()), "compareFold", "", FOLD_TIP)
        fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        fold.setCheckable(True)
        fold.setAutoRaise(True)
        fold.toggled.connect(lambda unfolded: self.change_rows(lambda: model.set_unfolded(unfolded)))

    def change_rows(self, change: Callable[[], None]) -> None:
        """Change what the model lists."""
        column, scrolled = self.current_column(), self.verticalScrollBar().value()
        change()
        self.update_rows()
        if column >= 0:
            self.select_column(column)
        self.verticalScrollBar().setValue(scrolled)

    def show_only(self, shown: Shown) -> None:
        """Select what is compared."""
        self.extra_height = SPARE.get(shown, SPARE_OF_BARS)
        self.change_rows(lambda: self._compare_model.show_only(shown))

    def update_rows(self) -> None:
        """Update the height of the rows, and the line for the equal ones, after the model was reset."""
        self.set_spans(())
        assert self._fold
        self._fold.setText(f" {self._compare_model.fold_text}")
        self._fold.setArrowType(Qt.ArrowType.DownArrow if self._fold.isChecked() else Qt.ArrowType.RightArrow)
        self._fold.setVisible(self._compare_model.fold_row is not None)

    def doItemsLayout(self) -> None:
        super().doItemsLayout()
        self._place_fold()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        super().scrollContentsBy(dx, dy)
        self._place_fold()

    def _place_fold(self) -> None:
        if self._fold and (row := self._compare_model.fold_row) is not None:
            top, height = self.rowViewportPosition(row), self.rowHeight(row)
            self._fold.setGeometry(0, top + 2, self._fold.sizeHint().width(), height - 5)

    def _on_section_moved(self, _column: int, old: int, new: int) -> None:
        """After a header was dragged, move it back and request the new order instead."""
        header = self.horizontalHeader()
        header.blockSignals(True)
        header.moveSection(new, old)
        header.blockSignals(False)
        self.moveRequested.emit(old, new)
