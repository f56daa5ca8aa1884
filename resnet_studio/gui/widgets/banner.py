"""What went wrong, why, and what to do: a strip over the window instead of a dialog in its way."""

from __future__ import annotations

from typing import Literal

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from resnet_studio.gui.widgets.named import named


class Banner(QFrame):
    """Hidden until `tell`; the text can be copied, and Close puts it away."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "banner", "Message")
        self._text = QLabel(wordWrap=True)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._details = ""
        copy = named(QPushButton("Copy"), "bannerCopy", "Copy the message", "Copy the message and its details")
        copy.clicked.connect(self._copy)
        close = named(QPushButton("Close"), "bannerClose", "Close the message", "Put this message away")
        close.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(8)
        for widget in (self._text, copy, close):
            row.addWidget(widget)
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text()

    def tell(self, message: str, details: str = "", tone: Literal["problem", "warning"] = "problem") -> None:
        """Show a message; `details` (a traceback, say) go with it when it is copied."""
        self._text.setText(message)
        self._details = details
        self.setProperty("tone", tone)
        self.style().unpolish(self)
        self.style().polish(self)
        self.show()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText("\n\n".join(filter(None, (self._text.text(), self._details))))
