"""A column that scrolls up and down where the window is too low for it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

LOWEST = 96


class Tall(QScrollArea):
    """Is never narrower than what it holds.

    The bar has its room also where nothing is to scroll: pictures that are higher where there is more width would
    else make it come and go without end.
    """

    def __init__(self, held: QWidget) -> None:
        self._held, self._width = held, 0
        super().__init__(widgetResizable=True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.verticalScrollBar().rangeChanged.connect(lambda low, high: self.verticalScrollBar().setEnabled(low < high))
        self.verticalScrollBar().setEnabled(False)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
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
