"""Lines of text that change with every frame."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget


class Readout(QWidget):
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
