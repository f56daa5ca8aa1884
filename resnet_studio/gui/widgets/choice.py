"""A choice of words in a list that opens; `Segmented` for more words than fit side by side."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QSizePolicy

from resnet_studio.gui.plain_text import tooltip
from resnet_studio.gui.widgets.named import named
from resnet_studio.plain import plain


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
        self.clear()
        for row, (value, label) in enumerate(values.items()):
            self.addItem(plain(label), value)
            self.setItemData(row, tooltip((tips or {}).get(value, "")), Qt.ItemDataRole.ToolTipRole)
        self.show_value(chosen)

    def value(self) -> str:
        """The value shown as chosen; empty if none is."""
        return str(self.currentData() or "")

    def show_value(self, value: str) -> None:
        """Show a value as chosen, without emitting; none if it is not among them."""
        self.setCurrentIndex(self.findData(value))

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802  (Qt's name)
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()
