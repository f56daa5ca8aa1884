"""What an experiment's numbers say, in words that can be copied."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from resnet_studio.gui.theme import GRID
from resnet_studio.gui.widgets.answers import answer, make_room
from resnet_studio.gui.widgets.named import named
from resnet_studio.training.verdict import Verdict

FIXED = "\N{NO-BREAK SPACE}"


class VerdictPanel(QWidget):
    """Scrolls where there is not room for all of it."""

    def __init__(self) -> None:
        super().__init__()
        self._copied = ""
        self._head = QLabel("Verdict")
        self._head.setProperty("heading", True)
        self._copy = named(QPushButton("Copy"), "copyVerdict", "Copy the verdict", "Copy the verdict and its rule")
        make_room(self._copy, "Copied")
        self._copy.clicked.connect(self._put_on_clipboard)
        self._text = named(QLabel(wordWrap=True), "verdict", "Verdict in words")
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._rule = named(QLabel(wordWrap=True), "verdictRule", "When a network counts as worse")
        self._rule.setProperty("quiet", True)
        self._rule.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._lay_out()

    def show_verdict(self, verdict: Verdict) -> None:
        """Show what the numbers say so far."""
        text = unbroken("\n\n".join(verdict.sentences))
        if self._text.text() != text:
            self._text.setText(text)
        self._rule.setText(verdict.rule)
        self._copied = "\n".join(filter(None, [*verdict.sentences, verdict.rule]))

    def _put_on_clipboard(self) -> None:
        QApplication.clipboard().setText(self._copied)
        answer(self._copy, "Copied")

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self._head, 1)
        head.addWidget(self._copy)
        words = QWidget()
        column = QVBoxLayout(words)
        column.setContentsMargins(0, 0, GRID, 0)
        column.setSpacing(GRID)
        column.addWidget(self._text)
        column.addWidget(self._rule)
        column.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(words)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(GRID)
        whole.addLayout(head)
        whole.addWidget(scroll, 1)


def unbroken(text: str) -> str:
    """The text with every number and its unit on one line."""
    return text.replace(" %", f"{FIXED}%").replace(" ×", f"{FIXED}×")
