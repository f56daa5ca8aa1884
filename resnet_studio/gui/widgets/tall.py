"""A column that scrolls up and down where the window is too low for it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

LOWEST = 96


class Tall(QScrollArea):
    """Is never narrower than what it holds."""

    def __init__(self, held: QWidget) -> None:
        super().__init__(widgetResizable=True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._held, self._width = held, 0
        self.setWidget(held)
        held.setAutoFillBackground(False)
        self.viewport().setAutoFillBackground(False)

    def minimumSizeHint(self) -> QSize:  # noqa: N802  (Qt's names)
        return QSize(self._held.minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width(), LOWEST)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """What it holds may need another width."""
        needed = self._held.minimumSizeHint().width() if event.type() == QEvent.Type.LayoutRequest else self._width
        if needed != self._width:
            self._width = needed
            self.updateGeometry()
        return super().eventFilter(watched, event)
