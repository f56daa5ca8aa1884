"""What a file of weights is: its identity card, with what was assumed and a click for the other answers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from resnet_studio.gui.common.button_feedback import reserve_width, show_briefly
from resnet_studio.gui.common.file_dialogs import open_dialog
from resnet_studio.gui.common.helpers import separator, set_names
from resnet_studio.gui.common.layouts import FlowLayout, VerticalScrollArea
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.weights.assumptions import Alternative, Assumption
from resnet_studio.inference.weights.identity import IdentityCard
from resnet_studio.inference.weights.identity_text import card_rows, card_text
from resnet_studio.networks.architecture import Architecture
from resnet_studio.plain import plain

WIDTH, HEIGHT = 76 * GRID, 72 * GRID
MAX_LENGTH = 1000
"""Characters of a value or a sentence."""
LABELS_FILTER = "Class names (*.txt *.json);;All files (*)"


class WeightsCard(QDialog):
    """Stays open beside the window, so that a click on another answer can be tried."""

    answerRequested = Signal(object)
    """Another answer to what the file doesn't tell, an `Alternative`."""
    networkRequested = Signal()
    """The card's network, with these weights."""
    labelsRequested = Signal(object)
    """The path of a file of class names."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_names(self, "weightsCard", "About these weights")
        self.setWindowTitle("About these weights")
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)  # the window keeps the focus
        self._card: IdentityCard | None = None
        self._content = QWidget()
        self._column = QVBoxLayout(self._content)
        self._column.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, GRID)
        self._column.setSpacing(GRID)
        self._use = set_names(QPushButton("Use this network"), "useIdentified", "Use this network with these weights")
        tip = "A text file with a class name in each line, or a JSON list"
        self._labels = set_names(QPushButton("Class names…"), "cardLabels", "Choose a file of class names", tip)
        self._copy = set_names(QPushButton("Copy"), "copyCard", "Copy the card as text")
        self._close = set_names(QPushButton("Close"), "closeCard", "Close")
        reserve_width(self._copy, "Copied")
        self._use.clicked.connect(self.networkRequested)
        self._labels.clicked.connect(self._open_labels_dialog)
        self._copy.clicked.connect(self._copy_text)
        self._close.clicked.connect(self.close)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(2 * GRID, 0, 2 * GRID, GRID)
        for button in (self._use, self._labels):
            buttons.addWidget(button)
        buttons.addStretch(1)
        for button in (self._copy, self._close):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, GRID // 2)
        column.setSpacing(GRID)
        column.addWidget(VerticalScrollArea(self._content), 1)
        column.addLayout(buttons)
        self.resize(WIDTH, HEIGHT)

    def show_card(self, card: IdentityCard, current: Architecture) -> None:
        """Show a card in a window that is not in the way; `current` is the network in use."""
        self._card = card
        self._clear()
        for widget in self._parts(card):
            self._column.addWidget(widget)
        self._column.addStretch(1)
        self._use.setVisible(card.architecture is not None)
        self._labels.setVisible(card.architecture is not None and bool(card.head))
        self.show_current(current)
        self.show()

    def show_current(self, architecture: Architecture) -> None:
        """Offer the card's network, unless it is the one in use."""
        in_use = self._card is not None and self._card.architecture == architecture
        self._use.setEnabled(not in_use)
        self._use.setToolTip("This network is in use" if in_use else "Switch to this network and load the weights")

    def _parts(self, card: IdentityCard) -> Iterator[QWidget]:
        yield _label(card.name, "cardTitle", "headline")
        yield _grid(card)
        if card.doubts:
            yield _label("\n".join(card.doubts), "cardDoubts", "warning")
        if card.assumptions:
            yield separator()
            yield _label("What the file doesn't tell", "cardAssumed", "quiet")
        for assumption in card.assumptions:
            yield self._assumption(assumption)
        if card.ignored:
            yield separator()
            yield _label("\n".join(card.ignored), "cardIgnored", "quiet")

    def _assumption(self, assumption: Assumption) -> QWidget:
        """What is assumed, and a button for each other answer."""
        widget = QWidget()
        flow = FlowLayout()
        text = f"{assumption.what}: {assumption.taken}"
        label = _label(text, f"assumed{assumption.what.split(' ')[0]}", "")
        label.setWordWrap(False)
        label.setToolTip(assumption.reason)
        flow.addWidget(label)
        for alternative in assumption.alternatives:
            button = self._alternative(alternative, assumption)
            label.setMinimumHeight(button.sizeHint().height())  # so that both are on one line
            flow.addWidget(button)
        reason = _label(assumption.reason, f"why{assumption.what.split(' ')[0]}", "quiet")
        column = QVBoxLayout(widget)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(flow)
        column.addWidget(reason)
        return widget

    def _alternative(self, alternative: Alternative, assumption: Assumption) -> QPushButton:
        name = f"answer-{alternative.field}-{alternative.value}"
        button = set_names(QPushButton(plain(alternative.title)), name, f"{assumption.what}: {alternative.title}")
        button.setAutoDefault(False)
        button.clicked.connect(partial(self.answerRequested.emit, alternative))
        return button

    def _clear(self) -> None:
        while (item := self._column.takeAt(0)) is not None:
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()

    def _open_labels_dialog(self) -> None:
        dialog = open_dialog(self, "labelsDialog", "Class names", LABELS_FILTER)
        dialog.fileSelected.connect(lambda path: self.labelsRequested.emit(Path(path)))

    def _copy_text(self) -> None:
        if self._card:
            QGuiApplication.clipboard().setText(card_text(self._card))
            show_briefly(self._copy, "Copied")


def _grid(card: IdentityCard) -> QWidget:
    """What is known of the file, as names and values."""
    widget = QWidget()
    grid = QGridLayout(widget)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(2 * GRID)
    grid.setVerticalSpacing(GRID // 2)
    grid.setColumnStretch(1, 1)
    for row, (name, value) in enumerate(card_rows(card)):
        caption = _label(name.capitalize() if name.islower() else name, "", "quiet")
        caption.setWordWrap(False)
        grid.addWidget(caption, row, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(_label(value, f"card-{name.replace(' ', '-')}", ""), row, 1)
    return widget


def _label(text: str, name: str, tone: str) -> QLabel:
    label = set_names(
        QLabel("\n".join(plain(line, MAX_LENGTH) for line in text.split("\n")), wordWrap=True), name, text
    )
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    if tone:
        label.setProperty(tone, True)
    return label
