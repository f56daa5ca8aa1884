"""The list of images, which emits its visible rows, and its model."""

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
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.labels import tooltip
from resnet_studio.inference.values import image_title
from resnet_studio.plain import plain

THUMBNAIL_SIDE = 32
UPDATE_INTERVAL = 40
"""Minimum milliseconds between two emissions of the visible rows while scrolling."""


class ImageList(QListView):
    """Emits `rowSelected`, `visibleRowsChanged`, and `playToggled` when Space plays or pauses."""

    rowSelected = Signal(int)
    visibleRowsChanged = Signal(int, int)
    """First and last visible row."""
    playToggled = Signal()

    def __init__(self, model: ImageModel) -> None:
        super().__init__()
        set_names(
            self, "imageStrip", "Images", "↑ and ↓ move between images, Space plays them, type to find one by name"
        )
        self.setModel(model)
        self.setIconSize(QSize(THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        self.setUniformItemSizes(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._since_letter = QElapsedTimer()
        """Time since the last typed letter: a space soon after it belongs to the searched name."""
        self._update_timer = QTimer(self, singleShot=True, interval=UPDATE_INTERVAL)
        self._update_timer.timeout.connect(self._emit_visible_rows)
        self.verticalScrollBar().valueChanged.connect(self._schedule_update)
        model.modelReset.connect(self._schedule_update)

    def select_index(self, index: QModelIndex) -> None:
        """Select a row and scroll to it, none for an invalid index; emits `rowSelected` as a click does."""
        if index != self.currentIndex():
            self.setCurrentIndex(index)
        self.scrollTo(index)

    def currentChanged(
        self, current: QModelIndex | QPersistentModelIndex, previous: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().currentChanged(current, previous)
        if current.isValid():
            self.rowSelected.emit(current.row())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        typing = self._since_letter.isValid() and self._since_letter.elapsed() < QApplication.keyboardInputInterval()
        if event.key() == Qt.Key.Key_Space and not event.modifiers() and not typing:
            self.playToggled.emit()
            return
        if event.text().isprintable() and event.text():
            self._since_letter.start()
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().height() > self.height():
            self.scrollTo(self.currentIndex())
        self._schedule_update()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._schedule_update()

    def _schedule_update(self) -> None:
        if not self._update_timer.isActive():
            self._update_timer.start()

    def _emit_visible_rows(self) -> None:
        if self.isVisible() and (rows := self.model().rowCount()):
            middle = self.viewport().width() // 2
            first = self.indexAt(QPoint(middle, 0)).row()
            last = self.indexAt(QPoint(middle, self.viewport().height() - 1)).row()
            self.visibleRowsChanged.emit(max(first, 0), last if last >= 0 else rows - 1)


Index = QModelIndex | QPersistentModelIndex
REFERENCE_ROLE = Qt.ItemDataRole.UserRole
MAX_TILES, MAX_TOOLTIP_LENGTH = 600, 4096
"""Cached thumbnails, enough for a dozen screens (others are requested again when visible), and characters of a tip."""


@dataclass(frozen=True, slots=True)
class ImageTile:
    """Title and thumbnail of an image that has been opened, or why it can't be."""

    title: str
    icon: QIcon | None = None
    reason: str = ""
    """Why it can't be opened."""


class ImageModel(QAbstractListModel):
    """Lists image references, and caches the tiles of the most recently used."""

    def __init__(self) -> None:
        super().__init__()
        self._references: tuple[str, ...] = ()
        self._rows: dict[str, int] = {}
        self._tiles: OrderedDict[str, ImageTile] = OrderedDict()
        self._placeholder = self._unreadable = QIcon()

    def set_images(self, references: Sequence[str]) -> None:
        """List these references, which are unique."""
        self.beginResetModel()
        self._references = tuple(references)
        self._rows = {reference: row for row, reference in enumerate(self._references)}
        self.endResetModel()

    def set_tile(self, reference: str, tile: ImageTile) -> None:
        """Set an image's title and thumbnail."""
        self._tiles[reference] = tile
        self._tiles.move_to_end(reference)
        if len(self._tiles) > MAX_TILES:
            self._tiles.popitem(last=False)
        if reference in self._rows:
            index = self.index(self._rows[reference])
            self.dataChanged.emit(index, index)

    def set_placeholders(self, placeholder: QIcon, unreadable: QIcon) -> None:
        """Set the icons for thumbnails that are missing, and for unreadable images."""
        self._placeholder, self._unreadable = placeholder, unreadable
        if self._references:
            self.dataChanged.emit(self.index(0), self.index(len(self._references) - 1))

    def reference(self, row: int) -> str:
        """The reference in a row; empty if there is none."""
        return self._references[row] if 0 <= row < len(self._references) else ""

    def index_of(self, reference: str) -> QModelIndex:
        """The index of an image; invalid if it is not listed."""
        return self.index(self._rows[reference]) if reference in self._rows else QModelIndex()

    def missing(self, first: int, last: int) -> tuple[str, ...]:
        """The images of these rows without a tile. The tiles of the others are marked as recently used."""
        wanted = self._references[max(first, 0) : last + 1]
        for reference in wanted:
            if reference in self._tiles:
                self._tiles.move_to_end(reference)
        return tuple(reference for reference in wanted if reference not in self._tiles)

    def rowCount(self, parent: Index | None = None) -> int:
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
                    tile.reason
                    if tile and tile.reason
                    else plain(reference.removeprefix("sample:"), MAX_TOOLTIP_LENGTH)
                )
            case Qt.ItemDataRole.ForegroundRole:
                return QColor(theme.current().muted) if tile and tile.reason else None
        return reference if role == REFERENCE_ROLE else None

    def _icon(self, tile: ImageTile | None) -> QIcon:
        if tile is None:
            return self._placeholder
        return tile.icon or self._unreadable
