"""What is around the figure: a remark that lies over it, and the zoom."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.theme import GRID

SHOWN_MS = 8000
"""Milliseconds that a passing remark is shown."""
WIDTH = 8 * GRID
"""Pixels of the zoom: enough for "1600 %"."""
STEP = 1.25
"""Of a click on + or −."""


class FigureNote(QFrame):
    """A remark at the bottom of the widget that it lies over, with a button for what it offers."""

    accepted = Signal()
    """The button was clicked."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        set_names(self, "figureNote", "Remark")
        self._over = over
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        over.installEventFilter(self)
        self._lasting = ("", "")
        self._text = set_names(QLabel(), "figureNoteText", "Remark")
        self._button = set_names(QPushButton("Add it"), "figureNoteAction", "", "Do what the remark offers")
        self._button.clicked.connect(self._accept)
        row = self._row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID, GRID, GRID, GRID)
        row.setSpacing(2 * GRID)
        row.addWidget(self._text)
        row.addWidget(self._button)
        self._passing = QTimer(self, interval=SHOWN_MS, singleShot=True)
        self._passing.timeout.connect(self.end_passing)
        self.hide()

    def show_note(self, text: str, action: str) -> None:
        """Show a remark, and what can be done; nothing if the text is empty."""
        self._lasting = text, action
        self._passing.stop()
        self._show(text, action)

    def show_briefly(self, text: str, action: str = "") -> None:
        """Show a remark for a while, in place of the lasting one."""
        self._passing.start()
        self._show(text, action)

    def end_passing(self) -> None:
        """Show the lasting remark again, if there is one."""
        self._passing.stop()
        self._show(*self._lasting)

    def _accept(self) -> None:
        self.end_passing()
        self.accepted.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self._place()
        return super().eventFilter(watched, event)

    def _show(self, text: str, action: str) -> None:
        self._text.setText(text)
        self._button.setText(action)
        self._button.setToolTip(f"{action}: {text}")
        self._button.setVisible(bool(action))
        self.setVisible(bool(text))
        self._place()

    def _place(self) -> None:
        """Take the place at the bottom; a text that is too long for a line is wrapped."""
        available = self._over.width() - 4 * GRID
        self._text.setWordWrap(False)
        width = self.sizeHint().width()
        self._text.setWordWrap(width > available)
        width = min(width, available)
        height = self._row.totalHeightForWidth(width) if self._text.wordWrap() else self.sizeHint().height()
        self.resize(width, height)
        self.move((self._over.width() - width) // 2, self._over.height() - height - 3 * GRID)


class ZoomBar(QWidget):
    """Larger, the zoom, smaller, and the whole figure, below one another."""

    zoomRequested = Signal(float)
    """By that factor."""
    fullRequested = Signal()
    """100 %."""
    fitRequested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._percent = _button("zoomFull", "100 %", "Show at 100 %", "1")
        self._percent.clicked.connect(self.fullRequested)
        self.setFixedWidth(WIDTH)
        smaller, larger = _button("zoomOut", "−", "Zoom out", "−"), _button("zoomIn", "+", "Zoom in", "+")
        smaller.clicked.connect(partial(self.zoomRequested.emit, 1 / STEP))
        larger.clicked.connect(partial(self.zoomRequested.emit, STEP))
        fit = _button("zoomFit", "Fit", "Show the whole figure", "0")
        fit.clicked.connect(self.fitRequested)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        column.addStretch(1)
        for button in (larger, self._percent, smaller, fit):
            button.setProperty("dense", True)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            column.addWidget(button)

    def show_zoom(self, zoom: float) -> None:
        """Show the zoom; 1 is 100 %."""
        self._percent.setText(f"{100 * zoom:.0f} %")


def _button(name: str, text: str, tip: str, key: str) -> QToolButton:
    button = set_names(QToolButton(), name, tip, f"{tip} ({key})")
    button.setText(text)
    return button
