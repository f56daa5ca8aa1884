"""What went wrong, why, and what to do: a strip over the window instead of a dialog in its way."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QHideEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QSizePolicy, QVBoxLayout

from resnet_studio.gui import theme
from resnet_studio.gui.common.button_feedback import answer, make_room
from resnet_studio.gui.common.helpers import dress, named
from resnet_studio.gui.theme import GRID
from resnet_studio.plain import printable

DETAILS_HEIGHT = 168
MOST_OFFERS = 4


class MessageBar(QFrame):
    """Hidden until `tell`. The text can be copied with its details; an offer that is pressed emits its number."""

    offer_taken = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        named(self, "banner", "Message")
        self._text = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._offers = [self._make_offer(number) for number in range(MOST_OFFERS)]
        self._more = named(QPushButton("Details"), "bannerMore", "Details", "Show or hide the details")
        self._more.setCheckable(True)
        copy = named(QPushButton("Copy"), "bannerCopy", "Copy the message", "Copy the message and its details")
        make_room(copy, "Copied")
        copy.clicked.connect(self._copy)
        self._copy_button = copy
        close = named(QPushButton("Close"), "bannerClose", "Close the message", "Put this message away")
        close.clicked.connect(self.hide)
        self._details = named(QPlainTextEdit(readOnly=True), "bannerDetails", "Details")
        self._details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._details.setFont(theme.mono_font())
        self._details.setFixedHeight(DETAILS_HEIGHT)
        self._more.toggled.connect(self._details.setVisible)
        self._reading = QTimer(self, interval=READING, singleShot=True)
        self._reading.timeout.connect(self.hide)
        self._lay_out(copy, close)
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text()

    def tell(
        self, message: str, details: str = "", offers: Sequence[str] = (),
        tone: Literal["problem", "warning", "news"] = "problem",
    ) -> None:  # fmt: skip
        """Show a message. `details` (a table, a traceback) are a press away, and so is what each of the `offers` says.

        News goes away by itself after a while.
        """
        self._text.setText(printable(message))
        self._details.setPlainText(printable(details))
        self._more.setChecked(False)
        self._more.setVisible(bool(details))
        self._details.hide()
        for number, button in enumerate(self._offers):
            button.setText(offers[number].replace("&", "&&") if number < len(offers) else "")
            button.setVisible(number < len(offers))
        dress(self, warning=tone != "problem")
        self.show()
        self._reading.stop() if tone != "news" else self._reading.start()

    def withdraw(self, message: str) -> None:
        """Put a message away if it is the one that is shown: what it speaks of is over."""
        if self._text.text() == message:
            self.hide()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802  (Qt's name)
        self._reading.stop()
        super().hideEvent(event)

    def _make_offer(self, number: int) -> QPushButton:
        name = f"bannerOffer{number}" if number else "bannerOffer"
        button = named(QPushButton(), name, "What can be done", "Do this about it")
        button.clicked.connect(partial(self._take_offer, number))
        return button

    def _lay_out(self, *others: QPushButton) -> None:
        """What can be done is under the text: what is said first, then what to do."""
        said, offers, row = QVBoxLayout(), QHBoxLayout(), QHBoxLayout()
        offers.setSpacing(GRID)
        for button in self._offers:
            offers.addWidget(button)
        offers.addStretch(1)
        said.setSpacing(GRID)
        said.addWidget(self._text)
        said.addLayout(offers)
        row.setSpacing(GRID)
        row.addLayout(said, 1)
        for widget in (self._more, *others):
            row.addWidget(widget, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        column.addLayout(row)
        column.addWidget(self._details)

    def _take_offer(self, number: int) -> None:
        self.hide()
        self.offer_taken.emit(number)

    def _copy(self) -> None:
        parts = (self._text.text(), self._details.toPlainText())
        QGuiApplication.clipboard().setText("\n\n".join(filter(None, parts)))
        answer(self._copy_button, "Copied")


READING, WITH_UNDO = 6_000, 20_000
"""Milliseconds that it stays."""


class NoticeLine(QFrame):
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
