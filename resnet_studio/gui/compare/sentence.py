"""The sentence above the comparison: what a network and the reference differ in, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy

from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.labels import tooltip

MOST_LINES = 3


class SentenceLabel(QLabel):
    """Shows one of several sentences in a form that fits. It has the height of the longest, so that nothing moves when
    another one is shown."""

    def __init__(self) -> None:
        super().__init__(wordWrap=True)
        set_names(self, "compareSentence", "Difference from the reference")
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setAlignment(Qt.AlignmentFlag.AlignTop)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._sentences: Sequence[Sequence[str]] = ()
        self._number = 0

    def show_sentence(self, sentences: Sequence[Sequence[str]], number: int, details: str) -> None:
        """Show one of the sentences, each in several forms, the longest first; `details` are the tooltip."""
        self._number = number
        if sentences != self._sentences:
            self._sentences = sentences
            self.updateGeometry()
        self.setToolTip(tooltip(details))
        self.setVisible(bool(sentences))
        self._show_fitting()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_fitting()

    def heightForWidth(self, width: int) -> int:
        heights = (self._height(self._fitting(forms, width), width) for forms in self._sentences)
        return max(heights, default=0)

    def sizeHint(self) -> QSize:
        return QSize(0, self.heightForWidth(max(self.width(), 1)))

    def minimumSizeHint(self) -> QSize:
        return QSize(0, 0)

    def _show_fitting(self) -> None:
        if self._sentences:
            text = self._fitting(self._sentences[self._number], self.width())
            self.setText(text)
            self.setAccessibleDescription(self._sentences[self._number][0])

    def _fitting(self, forms: Sequence[str], width: int) -> str:
        """The first form that fits into the lines, else the shortest."""
        most = MOST_LINES * self.fontMetrics().lineSpacing()
        return next((form for form in forms if self._height(form, width) <= most), forms[-1])

    def _height(self, text: str, width: int) -> int:
        available = QRect(0, 0, max(width, 1), 10_000)
        return self.fontMetrics().boundingRect(available, Qt.TextFlag.TextWordWrap, text).height()
