"""A view that knows whether it is on the screen."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QWidget


class TabView(QWidget):
    """A widget that says when its tab is opened or left, for what is computed only while somebody sees it.

    Minimizing the window counts as neither.
    """

    visibilityChanged = Signal(bool)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not event.spontaneous():
            self.visibilityChanged.emit(True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if not event.spontaneous():
            self.visibilityChanged.emit(False)
