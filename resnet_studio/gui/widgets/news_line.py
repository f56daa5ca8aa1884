"""What has just been done, in a line that goes away by itself, with a way back where there is one."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton

from resnet_studio.gui.theme import GRID
from resnet_studio.gui.widgets.dressed import dress
from resnet_studio.gui.widgets.named import named
from resnet_studio.plain import printable

READING, WITH_UNDO = 6_000, 20_000
"""Milliseconds that it stays."""


class NewsLine(QFrame):
    """Hidden until `tell`."""

    undo_wished = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._text = named(QLabel(wordWrap=True), "newsText", "What was done")
        self._undo = named(QPushButton("Undo"), "newsUndo", "", "Take this back")
        self._undo.clicked.connect(self._take_back)
        self._reading = QTimer(self, singleShot=True)
        self._reading.timeout.connect(self.hide)
        self._undoing = QTimer(self, singleShot=True, interval=WITH_UNDO)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(self._undo)
        row.addWidget(self._text, 1)
        self.hide()

    def tell(self, text: str, *, undo: bool = False, problem: bool = False) -> None:
        """Say something for a while. The way back from what was done before stays for its own time."""
        self._text.setText(printable(text))
        dress(self._text, problem=problem, quiet=not problem)
        if undo:
            self._undoing.start()
        self._undo.setVisible(self._undoing.isActive())
        self.show()
        least = WITH_UNDO if problem else READING
        self._reading.start(max(least, self._undoing.remainingTime()))

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802  (Qt's name)
        if not event.spontaneous():
            self._reading.stop()
            self._undoing.stop()
        super().hideEvent(event)

    def _take_back(self) -> None:
        self.hide()
        self.undo_wished.emit()
