"""A list of images that tells which of its rows are on the screen."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QElapsedTimer,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QColor, QIcon, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QApplication, QListView

from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.labels import tooltip
from resnet_studio.inference.values import image_title
from resnet_studio.plain import plain

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


Index = QModelIndex | QPersistentModelIndex
REFERENCE = Qt.ItemDataRole.UserRole
MOST_TILES, LONGEST = 600, 4096
"""Thumbnails that are held, a dozen screens full; others are asked for again when they come on the screen."""


@dataclass(frozen=True, slots=True)
class ImageTile:
    """What is known of an image that has been opened."""

    title: str
    icon: QIcon | None = None
    reason: str = ""
    """Why it can't be opened."""


class ImageModel(QAbstractListModel):
    """Holds references, and of the newest few their tiles."""

    def __init__(self) -> None:
        super().__init__()
        self._references: tuple[str, ...] = ()
        self._rows: dict[str, int] = {}
        self._tiles: OrderedDict[str, ImageTile] = OrderedDict()
        self._waiting = self._refused = QIcon()

    def show_images(self, references: Sequence[str]) -> None:
        """List these; each is there once."""
        self.beginResetModel()
        self._references = tuple(references)
        self._rows = {reference: row for row, reference in enumerate(self._references)}
        self.endResetModel()

    def show_tile(self, reference: str, tile: ImageTile) -> None:
        """Show what is known of an image now."""
        self._tiles[reference] = tile
        self._tiles.move_to_end(reference)
        if len(self._tiles) > MOST_TILES:
            self._tiles.popitem(last=False)
        if reference in self._rows:
            index = self.index(self._rows[reference])
            self.dataChanged.emit(index, index)

    def show_neutral(self, waiting: QIcon, refused: QIcon) -> None:
        """Show these in place of thumbnails that are not there yet, or can't be made."""
        self._waiting, self._refused = waiting, refused
        if self._references:
            self.dataChanged.emit(self.index(0), self.index(len(self._references) - 1))

    def reference(self, row: int) -> str:
        """The image of a row; empty if there is none."""
        return self._references[row] if 0 <= row < len(self._references) else ""

    def find(self, reference: str) -> QModelIndex:
        """Where an image is; invalid if it is not listed."""
        return self.index(self._rows[reference]) if reference in self._rows else QModelIndex()

    def missing(self, first: int, last: int) -> tuple[str, ...]:
        """The images of these rows of which nothing is known. The others count as used just now."""
        wanted = self._references[max(first, 0) : last + 1]
        for reference in wanted:
            if reference in self._tiles:
                self._tiles.move_to_end(reference)
        return tuple(reference for reference in wanted if reference not in self._tiles)

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802  (Qt's name)
        return 0 if parent is not None and parent.isValid() else len(self._references)

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._references):
            return None
        reference = self._references[index.row()]
        tile = self._tiles.get(reference)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return plain(tile.title if tile else image_title(reference))
            case Qt.ItemDataRole.DecorationRole:
                return self._icon(tile)
            case Qt.ItemDataRole.ToolTipRole:
                return tooltip(
                    tile.reason if tile and tile.reason else plain(reference.removeprefix("sample:"), LONGEST)
                )
            case Qt.ItemDataRole.ForegroundRole:
                return QColor(theme.current().muted) if tile and tile.reason else None
        return reference if role == REFERENCE else None

    def _icon(self, tile: ImageTile | None) -> QIcon:
        if tile is None:
            return self._waiting
        return tile.icon or self._refused
