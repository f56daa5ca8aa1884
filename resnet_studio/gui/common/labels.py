"""Labels that elide or have a fixed height, and helpers for plain text and tooltips."""

from __future__ import annotations

import html
from typing import TypeVar

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtGui import Qt as RichTextQt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from resnet_studio.formatting import maps_size
from resnet_studio.gui.theme import GRID
from resnet_studio.plain import plain, printable


class ElidedLabel(QLabel):
    """Shows a shorter form, or elides, if its text does not fit; the tooltip then has the full text."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._forms: tuple[str, ...] = ("",)
        self._details = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.set_text(text)

    def set_text(self, text: str, details: str = "", *shorter: str) -> None:
        """Show a line, or the first of the shorter ones that fits; `details` is added to the tooltip."""
        text = printable(text)
        self._forms, self._details = (text, *map(printable, shorter)), details
        self.setAccessibleDescription(text)
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        width, metrics, full = self.contentsRect().width(), self.fontMetrics(), self._forms[0]
        text = next((form for form in self._forms if metrics.horizontalAdvance(form) <= width), self._forms[-1])
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)
        self.setText(shown)
        self.setToolTip(tooltip("\n".join(filter(None, (full if shown != full else "", self._details)))))


class FixedHeightLabel(QWidget):
    """Holds a label at a fixed height, so that a change of its text triggers no layout.

    A label in a layout makes the whole window lay out at every change, which takes longer than drawing a layer's maps.
    """

    def __init__(self, label: QLabel, lines: int = 1, longest: str = "") -> None:
        """`longest` is the longest possible text: the height is what it takes at the current width."""
        super().__init__()
        self._label, self._lines, self._longest = label, lines, longest
        label.setWordWrap(label.wordWrap() or bool(longest))
        label.setParent(self)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(0, self._lines * self._label.fontMetrics().lineSpacing() + 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._label.setGeometry(self.rect())
        if self._longest and event.oldSize().width() != self.width():
            metrics = self._label.fontMetrics()
            available = QRect(0, 0, max(self.width(), 1), 10_000)
            height = metrics.boundingRect(available, Qt.TextFlag.TextWordWrap, self._longest).height()
            self._lines = max(1, round(height / metrics.lineSpacing()))
            self.updateGeometry()


L = TypeVar("L", bound=QLabel)


def as_plain_text(label: L) -> L:
    """Set a label to plain text, and return it."""
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def labeled(text: str, field: QWidget) -> QWidget:
    """A field with a label in front of it."""
    widget, label = QWidget(), QLabel(text)
    label.setProperty("quiet", True)
    label.setBuddy(field)
    row = QHBoxLayout(widget)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(GRID)
    row.addWidget(label)
    row.addWidget(field)
    return widget


def tooltip(text: str) -> str:
    """A tooltip that shows multiline text literally, escaped if Qt would take it for HTML."""
    text = printable(text)
    return f"<p style='white-space:pre-wrap'>{html.escape(text)}</p>" if RichTextQt.mightBeRichText(text) else text


def layer_heading(name: str, shape: tuple[int, ...]) -> str:
    """A layer's name in bold and the size of its maps, as HTML."""
    return f"<b>{escape_html(name)}</b> · {maps_size(shape)}"


def escape_html(name: str) -> str:
    """A name, escaped for HTML that the program composes."""
    return html.escape(plain(name))
