"""Messages inside the window: the bar at its top, and a line for notices with Undo."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QHideEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QSizePolicy, QVBoxLayout

from resnet_studio.gui import theme
from resnet_studio.gui.common.button_feedback import reserve_width, show_briefly
from resnet_studio.gui.common.helpers import set_names, set_style_property
from resnet_studio.gui.theme import GRID
from resnet_studio.plain import printable

DETAILS_HEIGHT = 168
MAX_OFFERS = 4


class MessageBar(QFrame):
    """Hidden until `show_message`. The text can be copied with its details; a clicked action emits its number."""

    offerSelected = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "banner", "Message")
        self._text = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._offers = [self._make_offer(number) for number in range(MAX_OFFERS)]
        self._details_button = set_names(QPushButton("Details"), "bannerMore", "Details", "Show or hide the details")
        self._details_button.setCheckable(True)
        copy = set_names(QPushButton("Copy"), "bannerCopy", "Copy the message", "Copy the message and its details")
        reserve_width(copy, "Copied")
        copy.clicked.connect(self._copy)
        self._copy_button = copy
        close = set_names(QPushButton("Close"), "bannerClose", "Close the message", "Close the message")
        close.clicked.connect(self.hide)
        self._details = set_names(QPlainTextEdit(readOnly=True), "bannerDetails", "Details")
        self._details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._details.setFont(theme.mono_font())
        self._details.setFixedHeight(DETAILS_HEIGHT)
        self._details_button.toggled.connect(self._details.setVisible)
        self._hide_timer = QTimer(self, interval=MESSAGE_TIME, singleShot=True)
        self._hide_timer.timeout.connect(self.hide)
        self._lay_out(copy, close)
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text()

    def show_message(
        self, message: str, details: str = "", offers: Sequence[str] = (),
        tone: Literal["problem", "warning", "news"] = "problem",
    ) -> None:  # fmt: skip
        """Show a message with optional `details` (a table, a traceback) and a button for each of the `offers`.

        A message of tone "news" hides after `MESSAGE_TIME`.
        """
        self._text.setText(printable(message))
        self._details.setPlainText(printable(details))
        self._details_button.setChecked(False)
        self._details_button.setVisible(bool(details))
        self._details.hide()
        for number, button in enumerate(self._offers):
            button.setText(offers[number].replace("&", "&&") if number < len(offers) else "")
            button.setVisible(number < len(offers))
        set_style_property(self, warning=tone != "problem")
        self.show()
        self._hide_timer.stop() if tone != "news" else self._hide_timer.start()

    def clear_message(self, message: str) -> None:
        """Hide a message if it is the one shown."""
        if self._text.text() == message:
            self.hide()

    def hideEvent(self, event: QHideEvent) -> None:
        if not event.spontaneous():  # a minimized window hides nothing
            self._hide_timer.stop()
        super().hideEvent(event)

    def _make_offer(self, number: int) -> QPushButton:
        name = f"bannerOffer{number}" if number else "bannerOffer"
        button = set_names(QPushButton(), name, "Suggested action", "Suggested action")
        button.clicked.connect(partial(self._on_offer_clicked, number))
        return button

    def _lay_out(self, *others: QPushButton) -> None:
        """Put the actions under the text, and the other buttons to the right."""
        left, offers, row = QVBoxLayout(), QHBoxLayout(), QHBoxLayout()
        offers.setSpacing(GRID)
        for button in self._offers:
            offers.addWidget(button)
        offers.addStretch(1)
        left.setSpacing(GRID)
        left.addWidget(self._text)
        left.addLayout(offers)
        row.setSpacing(GRID)
        row.addLayout(left, 1)
        for widget in (self._details_button, *others):
            row.addWidget(widget, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        column.addLayout(row)
        column.addWidget(self._details)

    def _on_offer_clicked(self, number: int) -> None:
        self.hide()
        self.offerSelected.emit(number)

    def _copy(self) -> None:
        parts = (self._text.text(), self._details.toPlainText())
        QGuiApplication.clipboard().setText("\n\n".join(filter(None, parts)))
        show_briefly(self._copy_button, "Copied")


MESSAGE_TIME, UNDO_TIME = 6_000, 20_000
"""Milliseconds that a message stays, without and with Undo or a problem."""


class NoticeLine(QFrame):
    """A notice with an optional Undo button; hidden until `show_message`."""

    undoRequested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._text = set_names(QLabel(wordWrap=True), "newsText", "Notice")
        self._undo = set_names(QPushButton("Undo"), "newsUndo", "", "Undo this")
        self._undo.clicked.connect(self._on_undo_clicked)
        self._hide_timer = QTimer(self, singleShot=True)
        self._hide_timer.timeout.connect(self.hide)
        self._undo_timer = QTimer(self, singleShot=True, interval=UNDO_TIME)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(self._undo)
        row.addWidget(self._text, 1)
        self.hide()

    def show_message(self, text: str, *, undo: bool = False, problem: bool = False) -> None:
        """Show a notice for a while. Undo of an earlier action stays for its own time."""
        self._text.setText(printable(text))
        set_style_property(self._text, problem=problem, quiet=not problem)
        if undo:
            self._undo_timer.start()
        self._undo.setVisible(self._undo_timer.isActive())
        self.show()
        duration = UNDO_TIME if problem else MESSAGE_TIME
        self._hide_timer.start(max(duration, self._undo_timer.remainingTime()))

    def hideEvent(self, event: QHideEvent) -> None:
        if not event.spontaneous():
            self._hide_timer.stop()
            self._undo_timer.stop()
        super().hideEvent(event)

    def _on_undo_clicked(self) -> None:
        self.hide()
        self.undoRequested.emit()
