"""A line of text that is never wider than its place."""

from __future__ import annotations

import html
from typing import TypeVar

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtGui import Qt as Guessing
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from resnet_studio.plain import plain, printable


class ElidedLabel(QLabel):
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


class FixedHeightLabel(QWidget):
    """Gives a label a place of fixed height: whatever it says, nothing around it is laid out and painted anew.

    A label in a layout has the whole window laid out at every change, which takes longer than to draw a layer's maps.
    """

    def __init__(self, label: QLabel, lines: int = 1, longest: str = "") -> None:
        """`longest` is the longest text that may come: there are as many lines as it takes at the present width."""
        super().__init__()
        self._label, self._lines, self._longest = label, lines, longest
        label.setWordWrap(label.wordWrap() or bool(longest))
        label.setParent(self)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's names)
        return QSize(0, self._lines * self._label.fontMetrics().lineSpacing() + 2)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        self._label.setGeometry(self.rect())
        if self._longest and event.oldSize().width() != self.width():
            metrics = self._label.fontMetrics()
            room = QRect(0, 0, max(self.width(), 1), 10_000)
            height = metrics.boundingRect(room, Qt.TextFlag.TextWordWrap, self._longest).height()
            self._lines = max(1, round(height / metrics.lineSpacing()))
            self.updateGeometry()


L = TypeVar("L", bound=QLabel)


def plain_label(label: L) -> L:
    """Have a label show its text letter for letter, and return it."""
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def tooltip(text: str) -> str:
    """A tooltip that shows a text of some lines letter for letter."""
    text = printable(text)
    return f"<p style='white-space:pre-wrap'>{html.escape(text)}</p>" if Guessing.mightBeRichText(text) else text


def in_html(name: str) -> str:
    """A name within HTML of the window's own."""
    return html.escape(plain(name))
