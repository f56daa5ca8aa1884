"""The list of images with thumbnails, the menu of sources, and the player's bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from resnet_studio.formatting import counted
from resnet_studio.gui import theme
from resnet_studio.gui.activations.images.list import THUMBNAIL_SIDE, ImageList, ImageModel, ImageTile
from resnet_studio.gui.activations.images.player import PlayerBar
from resnet_studio.gui.common.file_dialogs import open_dialog
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.labels import ElidedLabel, FixedHeightLabel, tooltip
from resnet_studio.gui.common.painting import thumbnail, to_qimage
from resnet_studio.gui.opened_files import IMAGES_FILTER
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.images.listing import FORMAT_NAMES
from resnet_studio.inference.values import Photograph, UnreadableImage, image_title
from resnet_studio.plain import plain

MAX_REASONS = 10
PREFETCHED_ROWS = 4
"""Rows above and below the visible ones whose thumbnails are requested too."""


class ImageStrip(QWidget):
    """Emits `imageSelected` with the reference that the user selects, and `thumbnailsRequested` with what it lacks."""

    imageSelected = Signal(str)
    thumbnailsRequested = Signal(object)
    """References of visible images; they replace those requested before."""

    def __init__(self) -> None:
        super().__init__()
        self._selected = ""
        self._requested: tuple[str, ...] = ()
        self._unlisted = 0
        self._reasons: tuple[str, ...] = ()
        self._model = ImageModel()
        self._list = ImageList(self._model)
        self.sources, self.player = SourceButton(), PlayerBar()
        self._count, self._skipped_label = set_names(ElidedLabel(), "imageCount"), set_names(QLabel(), "skippedCount")
        self._others = set_names(QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText), "otherFiles")
        for label in (self._count, self._skipped_label, self._others):
            label.setProperty("quiet", True)
        self._others.hide()
        self._skipped_line = FixedHeightLabel(self._skipped_label)
        self._list.rowSelected.connect(self._on_row_selected)
        self._list.visibleRowsChanged.connect(self._request_thumbnails)
        self._list.playToggled.connect(self.player.playToggled)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        for widget in (
            self._list,
            FixedHeightLabel(self._count),
            self._skipped_line,
            self._others,
            self.player,
            self.sources,
        ):
            column.addWidget(widget, 1 if widget is self._list else 0)
        self._update_placeholders()

    def show_images(self, references: Sequence[str]) -> None:
        """List these, and keep the selection if it is among them."""
        self._model.set_images(references)
        self._requested = ()
        self.player.set_playable(len(references) > 1)
        self.show_selected(self._selected)

    def show_selected(self, reference: str) -> None:
        """Select an image, without emitting."""
        self._selected = reference
        self._list.select_index(self._model.index_of(reference))
        self._update_count()

    def show_thumbnail(self, opened: Photograph | UnreadableImage) -> None:
        """Show an image's thumbnail, or why it has none."""
        if isinstance(opened, UnreadableImage):
            self._model.set_tile(opened.name, ImageTile(image_title(opened.name), None, opened.reason))
        else:
            small = thumbnail(to_qimage(opened.pixels, 4 * THUMBNAIL_SIDE), THUMBNAIL_SIDE, self.devicePixelRatioF())
            self._model.set_tile(opened.name, ImageTile(opened.title, _untinted_icon(small)))

    def show_unlisted(self, count: int) -> None:
        """Show how many images of the source are not listed."""
        self._unlisted = count
        self._update_count()

    def show_skipped_files(self, count: int, summary: str) -> None:
        """Show how many files of the folders were skipped, with the summary as tooltip."""
        self._others.setText(f"{counted(count, 'other file')} ignored")
        self._others.setToolTip(tooltip(summary))
        self._others.setVisible(count > 0)

    def show_skipped(self, reasons: Sequence[str]) -> None:
        """Show how many images the stream has skipped, with the reasons as tooltip."""
        self._reasons = tuple(reasons)
        self._update_count()

    def selected(self) -> str:
        """The reference of the selected image; empty if it is not listed."""
        return self._selected if self._model.index_of(self._selected).isValid() else ""

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._update_placeholders()

    def _on_row_selected(self, row: int) -> None:
        reference = self._model.reference(row)
        if reference != self._selected:
            self._selected = reference
            self._update_count()
            self.imageSelected.emit(reference)

    def _request_thumbnails(self, first: int, last: int) -> None:
        missing = self._model.missing(first - PREFETCHED_ROWS, last + PREFETCHED_ROWS)
        if missing != self._requested:
            self._requested = missing
            self.thumbnailsRequested.emit(missing)

    def _update_count(self) -> None:
        total, row = self._model.rowCount(), self._model.index_of(self._selected).row()
        first = "the first " if self._unlisted else ""
        place = f"{row + 1:,} of {first}{total:,}" if row >= 0 else f"{first}{total:,} images"
        skipped = f"{len(self._reasons):,} skipped"
        more = f"{self._unlisted:,} more not listed" if self._unlisted else ""
        self._count.set_text(place, more, place.replace(first, ""))
        self._skipped_label.setText(skipped)
        self._skipped_label.setToolTip(tooltip("\n".join((skipped, *self._reasons[-MAX_REASONS:]))))
        self._skipped_line.setVisible(bool(self._reasons))

    def _update_placeholders(self) -> None:
        """Draw the placeholder icons in the theme's colors."""
        colors = theme.current()
        placeholder, unreadable = QPixmap(THUMBNAIL_SIDE, THUMBNAIL_SIDE), QPixmap(THUMBNAIL_SIDE, THUMBNAIL_SIDE)
        placeholder.fill(QColor(colors.rule))
        unreadable.fill(Qt.GlobalColor.transparent)
        painter = QPainter(unreadable)
        painter.setPen(QPen(QColor(colors.rule), 2))
        painter.drawRect(QRectF(1, 1, THUMBNAIL_SIDE - 2, THUMBNAIL_SIDE - 2))
        painter.drawLine(1, THUMBNAIL_SIDE - 1, THUMBNAIL_SIDE - 1, 1)
        painter.end()
        self._model.set_placeholders(_untinted_icon(placeholder), _untinted_icon(unreadable))


def _untinted_icon(pixmap: QPixmap) -> QIcon:
    """An icon that is not tinted in a selected row."""
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon


MAX_LABEL_LENGTH = 48
"""Characters of a menu entry; its tooltip has the whole path."""


class SourceButton(QWidget):
    """A button and a menu that emit from where to open images."""

    filesRequested = Signal(object)
    """Paths of files, or of a folder."""
    recentRequested = Signal(str)
    dataRequested = Signal(str)
    samplesRequested = Signal()
    pasteRequested = Signal()
    aboutToShow = Signal()
    """The menu is about to open; its contents may be set now."""

    def __init__(self) -> None:
        super().__init__()
        self._recent: tuple[str, ...] = ()
        self._data: dict[str, str] = {}
        tip = f"{FORMAT_NAMES}; you can also drop files and folders here"
        opening = set_names(QPushButton("Open or drop…"), "openImages", "Open images", tip)
        opening.clicked.connect(lambda: self._open_dialog("Open images", QFileDialog.FileMode.ExistingFiles))
        more = set_names(
            QToolButton(), "imageSources", "More image sources", "Folders, clipboard, data sets, recent images"
        )
        more.setText("▾")
        more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = set_names(QMenu(more), "imageSourcesMenu")
        self._menu.setToolTipsVisible(True)
        self._menu.aboutToShow.connect(self._fill)
        more.setMenu(self._menu)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(opening, 1)
        row.addWidget(more)
        opening.setProperty("segment", "first")
        more.setProperty("segment", "last")

    def show_recent(self, entries: Sequence[str]) -> None:
        """List these recent entries: paths, and `data:NAME` of data sets."""
        self._recent = tuple(entries)

    def show_data(self, data_sets: Mapping[str, str]) -> None:
        """List these data sets: their titles by name or folder."""
        self._data = dict(data_sets)

    def _fill(self) -> None:
        self.aboutToShow.emit()
        menu = self._menu
        menu.clear()
        menu.addAction("Files…", lambda: self._open_dialog("Open images", QFileDialog.FileMode.ExistingFiles))
        menu.addAction("Folder…", lambda: self._open_dialog("Open image folder", QFileDialog.FileMode.Directory))
        menu.addAction("Paste\tCtrl+V", self.pasteRequested.emit)
        recent = menu.addMenu("Recent")
        recent.setToolTipsVisible(True)
        recent.setEnabled(bool(self._recent))
        for entry in self._recent:
            action = recent.addAction(self._title(entry), partial(self.recentRequested.emit, entry))
            action.setToolTip(tooltip(entry))
        menu.addSeparator()
        menu.addAction("Sample images", self.samplesRequested.emit)
        data = menu.addMenu("Data sets")
        for name, title in self._data.items():
            data.addAction(_menu_text(title), partial(self.dataRequested.emit, name))

    def _title(self, entry: str) -> str:
        data = entry.removeprefix("data:")
        return _menu_text(self._data.get(data, data) if data != entry else Path(entry).name or entry)

    def _open_dialog(self, title: str, mode: QFileDialog.FileMode) -> None:
        dialog = open_dialog(self, "openImagesDialog", title, IMAGES_FILTER, mode)
        dialog.filesSelected.connect(lambda paths: self.filesRequested.emit(list(paths)))


def _menu_text(text: str) -> str:
    """Shorten a text for a menu; an ampersand would mark a mnemonic."""
    return plain(text, MAX_LABEL_LENGTH).replace("&", "&&")
