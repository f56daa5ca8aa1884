"""A list of images that tells which of its rows are on the screen."""

from __future__ import annotations

from PySide6.QtCore import QElapsedTimer, QModelIndex, QPersistentModelIndex, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QApplication, QListView

from resnet_studio.gui.widgets.image_model import ImageModel
from resnet_studio.gui.widgets.named import named

SIDE = 32
LOOK_EVERY = 40
"""Milliseconds between two words on what is on the screen, however fast it scrolls."""


class ImageList(QListView):
    """Emits `walked` with the row that the user goes to, `rows_shown`, and `toggled` where Space plays or pauses."""

    walked = Signal(int)
    rows_shown = Signal(int, int)
    """First and last row on the screen."""
    toggled = Signal()

    def __init__(self, model: ImageModel) -> None:
        super().__init__()
        named(self, "imageStrip", "Images", "↑ and ↓ walk the images, Space plays them, letters find one by its name")
        self.setModel(model)
        self.setIconSize(QSize(SIDE, SIDE))
        self.setUniformItemSizes(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._typed = QElapsedTimer()
        """Since the last letter of a name that is typed: a space belongs to it, too."""
        self._soon = QTimer(self, singleShot=True, interval=LOOK_EVERY)
        self._soon.timeout.connect(self._tell_rows)
        self.verticalScrollBar().valueChanged.connect(self._look_soon)
        model.modelReset.connect(self._look_soon)

    def go_to(self, index: QModelIndex) -> None:
        """Make a row the chosen one, on the screen; an invalid index chooses none. `walked` is told as of a user."""
        if index != self.currentIndex():
            self.setCurrentIndex(index)
        self.scrollTo(index)

    def currentChanged(  # noqa: N802  (Qt's names)
        self, current: QModelIndex | QPersistentModelIndex, previous: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().currentChanged(current, previous)
        if current.isValid():
            self.walked.emit(current.row())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        typing = self._typed.isValid() and self._typed.elapsed() < QApplication.keyboardInputInterval()
        if event.key() == Qt.Key.Key_Space and not event.modifiers() and not typing:
            self.toggled.emit()
            return
        if event.text().isprintable() and event.text():
            self._typed.start()
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        if event.oldSize().height() > self.height():
            self.scrollTo(self.currentIndex())
        self._look_soon()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self._look_soon()

    def _look_soon(self) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def _tell_rows(self) -> None:
        if self.isVisible() and (rows := self.model().rowCount()):
            middle = self.viewport().width() // 2
            first = self.indexAt(QPoint(middle, 0)).row()
            last = self.indexAt(QPoint(middle, self.viewport().height() - 1)).row()
            self.rows_shown.emit(max(first, 0), last if last >= 0 else rows - 1)
