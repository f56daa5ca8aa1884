"""A line of text that is never wider than its place."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy

from resnet_studio.gui.plain_text import tooltip
from resnet_studio.plain import printable


class Elided(QLabel):
    """Shorter, or ends in "…", where there is no room for all of it; the whole is its tooltip then."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._whole = self._more = self._shorter = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.say(text)

    def say(self, text: str, more: str = "", shorter: str = "") -> None:
        """Show a line, or a shorter one; `more` is what hovering over it tells beside it."""
        text = printable(text)
        self._whole, self._more, self._shorter = text, more, printable(shorter) or text
        self.setAccessibleDescription(text)
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  (Qt's name)
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        room = self.contentsRect().width()
        text = self._whole if self.fontMetrics().horizontalAdvance(self._whole) <= room else self._shorter
        shown = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room)
        self.setText(shown)
        self.setToolTip(tooltip("\n".join(filter(None, (self._whole if shown != self._whole else "", self._more)))))
