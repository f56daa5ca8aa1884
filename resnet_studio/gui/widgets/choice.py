"""A choice of words in a list that opens; `Segmented` for more words than fit side by side."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QSizePolicy

from resnet_studio.gui.plain_text import tooltip
from resnet_studio.gui.widgets.named import named
from resnet_studio.plain import plain

LONG = 500
USUAL_WIDTH = QComboBox.SizeAdjustPolicy.AdjustToContentsOnFirstShow
SOME_WIDTH = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon


class _Words(QAbstractListModel):
    """Values and what is shown for them: a deep network has thousands of layers, of which a list shows some."""

    def __init__(self, values: Mapping[str, str], tips: Mapping[str, str], parent: QObject) -> None:
        super().__init__(parent)
        self._values, self._labels, self._tips = list(values), list(values.values()), tips

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:  # noqa: N802  (Qt's name)
        return 0 if parent and parent.isValid() else len(self._values)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return plain(self._labels[index.row()])
            case Qt.ItemDataRole.UserRole:
                return self._values[index.row()]
            case Qt.ItemDataRole.ToolTipRole:
                return tooltip(self._tips.get(self._values[index.row()], ""))
        return None


class Choice(QComboBox):
    """Emits `chosen` when the user takes a value. The wheel turns it only while it has the focus, so that a form that
    is scrolled stays as it is."""

    chosen = Signal(str)

    def __init__(self, values: Mapping[str, str], object_name: str, spoken: str, tip: str) -> None:
        """`values` maps what is emitted to what is shown."""
        super().__init__()
        named(self, object_name, spoken, tip)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.show_values(values)
        self.activated.connect(lambda row: self.chosen.emit(self.itemData(row)))

    def show_values(self, values: Mapping[str, str], tips: Mapping[str, str] | None = None) -> None:
        """Offer these; the chosen one stays so if it is among them. Of the first ones offered, the first is."""
        chosen = self.currentData() if self.count() else next(iter(values), "")
        self._rows = {value: row for row, value in enumerate(values)}
        self.setModel(_Words(values, tips or {}, self))  # which deletes the one before
        long = len(values) > LONG
        self.setSizeAdjustPolicy(SOME_WIDTH if long else USUAL_WIDTH)  # the usual one measures every word
        self.show_value(chosen)

    def value(self) -> str:
        """The value shown as chosen; empty if none is."""
        return str(self.currentData() or "")

    def show_value(self, value: str) -> None:
        """Show a value as chosen, without emitting; none if it is not among them."""
        self.setCurrentIndex(self._rows.get(value, -1))

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802  (Qt's name)
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()
