"""A line of text that is never wider than its place."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy

from resnet_studio.gui.plain_text import tooltip
from resnet_studio.plain import printable


class Elided(QLabel):
    """Shorter, or in the end with "…", where there is no room for all of it; the whole is its tooltip then."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._forms: tuple[str, ...] = ("",)
        self._more = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.say(text)

    def say(self, text: str, more: str = "", *shorter: str) -> None:
        """Show a line, or the first of the shorter ones that fits; `more` is what hovering over it tells beside it."""
        text = printable(text)
        self._forms, self._more = (text, *map(printable, shorter)), more
        self.setAccessibleDescription(text)
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  (Qt's name)
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        room, metrics, whole = self.contentsRect().width(), self.fontMetrics(), self._forms[0]
        text = next((form for form in self._forms if metrics.horizontalAdvance(form) <= room), self._forms[-1])
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
        self.setText(shown)
        self.setToolTip(tooltip("\n".join(filter(None, (whole if shown != whole else "", self._more)))))
