"""Text of strangers in Qt, which takes whatever looks like HTML for HTML, in labels and tooltips alike."""

from __future__ import annotations

import html
from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtGui import Qt as Guessing
from PySide6.QtWidgets import QLabel

from resnet_studio.plain import plain, printable

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
