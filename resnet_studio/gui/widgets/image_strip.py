"""The images at hand: a thumbnail and a name each, and the way to open more."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QFileDialog, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.widgets.named import named
from resnet_studio.gui.widgets.pictures import as_image, thumbnail
from resnet_studio.inference.values import Pixels, image_title

SIDE = 32
REFERENCE = Qt.ItemDataRole.UserRole
OPENABLE = "Images (*.jpg *.jpeg *.png *.webp *.bmp *.tif *.tiff *.gif);;All files (*)"


class ImageStrip(QWidget):
    """Emits `image_chosen` with the reference that the user walks to, and `files_wished` with opened paths."""

    image_chosen = Signal(str)
    files_wished = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._thumbnails: dict[str, QIcon] = {}
        self._list = named(QListWidget(), "imageStrip", "Images", "↑ and ↓ walk the images")
        self._list.setIconSize(QSize(SIDE, SIDE))
        self._list.setUniformItemSizes(True)
        self._list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.currentItemChanged.connect(self._tell_chosen)
        tip = "JPEG, PNG, WebP, BMP, TIFF or GIF; files can be dropped here, too"
        more = named(QPushButton("+ Open or drop images"), "openImages", "Open images", tip)
        more.clicked.connect(self._ask_for_files)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(self._list, 1)
        column.addWidget(more)

    def show_images(self, references: Sequence[str]) -> None:
        """List these, and keep the chosen one chosen if it is among them."""
        chosen = self.chosen()
        with QSignalBlocker(self._list):
            self._list.clear()
            for reference in references:
                item = QListWidgetItem(self._icon(reference), image_title(reference), self._list)
                item.setData(REFERENCE, reference)
                item.setToolTip(reference.removeprefix("sample:"))
        self.show_chosen(chosen)

    def show_chosen(self, reference: str) -> None:
        """Show one as chosen, without emitting."""
        with QSignalBlocker(self._list):
            item = self._item(reference)
            self._list.setCurrentRow(self._list.row(item) if item else -1)
            if item:
                self._list.scrollToItem(item)

    def show_thumbnail(self, reference: str, pixels: Pixels) -> None:
        """Put the image's own pixels where its neutral tile was."""
        small = thumbnail(as_image(pixels, 4 * SIDE), SIDE, self.devicePixelRatioF())
        self._thumbnails[reference] = _steady(small)
        if item := self._item(reference):
            item.setIcon(self._thumbnails[reference])

    def chosen(self) -> str:
        """The reference of the chosen image; empty if there is none."""
        item = self._list.currentItem()
        return str(item.data(REFERENCE)) if item else ""

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  (Qt's name)
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            for item in self._items():
                item.setIcon(self._icon(item.data(REFERENCE)))

    def _items(self) -> list[QListWidgetItem]:
        return [self._list.item(row) for row in range(self._list.count())]

    def _item(self, reference: str) -> QListWidgetItem | None:
        return next((item for item in self._items() if item.data(REFERENCE) == reference), None)

    def _icon(self, reference: str) -> QIcon:
        tile = QPixmap(SIDE, SIDE)
        tile.fill(QColor(theme.current().rule))
        return self._thumbnails.get(reference) or _steady(tile)

    def _tell_chosen(self, item: QListWidgetItem | None) -> None:
        if item:
            self.image_chosen.emit(item.data(REFERENCE))

    def _ask_for_files(self) -> None:
        dialog = named(QFileDialog(self, "Open images", "", OPENABLE), "openImagesDialog", "Open images")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(lambda paths: self.files_wished.emit(list(paths)))
        dialog.open()


def _steady(pixmap: QPixmap) -> QIcon:
    """An icon that a selected line does not tint."""
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon
