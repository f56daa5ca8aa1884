"""The images at hand: a thumbnail and a name each, where more come from, and playing them as a stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.activations.images.list import SIDE, ImageList, ImageModel, ImageTile
from resnet_studio.gui.activations.images.player import PlayerBar
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.labels import ElidedLabel, FixedHeightLabel, tooltip
from resnet_studio.gui.common.painting import as_image, thumbnail
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.values import Photograph, UnreadableImage, image_title
from resnet_studio.plain import plain

MOST_REASONS = 10
AHEAD = 4
"""Rows above and below the screen whose thumbnails are asked for, too."""


class ImageStrip(QWidget):
    """Emits `image_chosen` with the reference that the user walks to, and `thumbnails_wished` with what it lacks."""

    image_chosen = Signal(str)
    thumbnails_wished = Signal(object)
    """References of images on the screen; those that were wished for before and are not among them no longer count."""

    def __init__(self) -> None:
        super().__init__()
        self._chosen = ""
        self._wished: tuple[str, ...] = ()
        self._more = 0
        self._reasons: tuple[str, ...] = ()
        self._model = ImageModel()
        self._list = ImageList(self._model)
        self.sources, self.player = SourceButton(), PlayerBar()
        self._count, self._passed = named(ElidedLabel(), "imageCount"), named(QLabel(), "skippedCount")
        self._others = named(QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText), "otherFiles")
        for label in (self._count, self._passed, self._others):
            label.setProperty("quiet", True)
        self._others.hide()
        self._skipped = FixedHeightLabel(self._passed)
        self._list.walked.connect(self._take_row)
        self._list.rows_shown.connect(self._wish)
        self._list.toggled.connect(self.player.toggled)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        for widget in (
            self._list,
            FixedHeightLabel(self._count),
            self._skipped,
            self._others,
            self.player,
            self.sources,
        ):
            column.addWidget(widget, 1 if widget is self._list else 0)
        self._dress()

    def show_images(self, references: Sequence[str]) -> None:
        """List these, and keep the chosen one chosen if it is among them."""
        self._model.show_images(references)
        self._wished = ()
        self.player.allow(len(references) > 1)
        self.show_chosen(self._chosen)

    def show_chosen(self, reference: str) -> None:
        """Show one as chosen, without emitting."""
        self._chosen = reference
        self._list.go_to(self._model.find(reference))
        self._tell_count()

    def show_thumbnail(self, opened: Photograph | UnreadableImage) -> None:
        """Put an image's own pixels where its neutral tile was, or say why it has none."""
        if isinstance(opened, UnreadableImage):
            self._model.show_tile(opened.name, ImageTile(image_title(opened.name), None, opened.reason))
        else:
            small = thumbnail(as_image(opened.pixels, 4 * SIDE), SIDE, self.devicePixelRatioF())
            self._model.show_tile(opened.name, ImageTile(opened.title, _steady(small)))

    def show_more(self, more: int) -> None:
        """Say, quietly, that there are more images where these come from than are listed."""
        self._more = more
        self._tell_count()

    def show_others(self, count: int, which: str) -> None:
        """Say how many files beside these images are no images, and on hovering which."""
        self._others.setText(f"{count:,} other file{'s' if count != 1 else ''} passed over")
        self._others.setToolTip(tooltip(which))
        self._others.setVisible(count > 0)

    def show_passed_over(self, reasons: Sequence[str]) -> None:
        """Say how many images the stream has passed over, and on hovering why."""
        self._reasons = tuple(reasons)
        self._tell_count()

    def chosen(self) -> str:
        """The reference of the chosen image; empty if it is not listed."""
        return self._chosen if self._model.find(self._chosen).isValid() else ""

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  (Qt's name)
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()

    def _take_row(self, row: int) -> None:
        reference = self._model.reference(row)
        if reference != self._chosen:
            self._chosen = reference
            self._tell_count()
            self.image_chosen.emit(reference)

    def _wish(self, first: int, last: int) -> None:
        wished = self._model.missing(first - AHEAD, last + AHEAD)
        if wished != self._wished:
            self._wished = wished
            self.thumbnails_wished.emit(wished)

    def _tell_count(self) -> None:
        there, row = self._model.rowCount(), self._model.find(self._chosen).row()
        first = "the first " if self._more else ""
        place = f"{row + 1:,} of {first}{there:,}" if row >= 0 else f"{first}{there:,} images"
        passed = f"{len(self._reasons):,} skipped"
        more = f"{self._more:,} more are not listed" if self._more else ""
        self._count.say(place, more, place.replace(first, ""))
        self._passed.setText(passed)
        self._passed.setToolTip(tooltip("\n".join((passed, *self._reasons[-MOST_REASONS:]))))
        self._skipped.setVisible(bool(self._reasons))

    def _dress(self) -> None:
        """Tiles in the theme's colours."""
        colours = theme.current()
        waiting, refused = QPixmap(SIDE, SIDE), QPixmap(SIDE, SIDE)
        waiting.fill(QColor(colours.rule))
        refused.fill(Qt.GlobalColor.transparent)
        painter = QPainter(refused)
        painter.setPen(QPen(QColor(colours.rule), 2))
        painter.drawRect(QRectF(1, 1, SIDE - 2, SIDE - 2))
        painter.drawLine(1, SIDE - 1, SIDE - 1, 1)
        painter.end()
        self._model.show_neutral(_steady(waiting), _steady(refused))


def _steady(pixmap: QPixmap) -> QIcon:
    """An icon that a selected line does not tint."""
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon


OPENABLE = "Images (*.jpg *.jpeg *.png *.webp *.bmp *.tif *.tiff *.gif);;All files (*)"
LONGEST = 48
"""Letters of an entry; the path is in its tip."""


class SourceButton(QWidget):
    """Emits where the user wants images from."""

    files_wished = Signal(object)
    """Paths of files, or of a folder."""
    recent_wished = Signal(str)
    data_wished = Signal(str)
    samples_wished = Signal()
    paste_wished = Signal()
    opens = Signal()
    """The menu is about to show what is on offer."""

    def __init__(self) -> None:
        super().__init__()
        self._recent: tuple[str, ...] = ()
        self._data: dict[str, str] = {}
        tip = "JPEG, PNG, WebP, BMP, TIFF or GIF; files and folders can be dropped here, too"
        opening = named(QPushButton("Open or drop…"), "openImages", "Open images", tip)
        opening.clicked.connect(lambda: self._ask("Open images", QFileDialog.FileMode.ExistingFiles))
        more = named(
            QToolButton(), "imageSources", "More sources of images", "Folders, clipboard, data sets, earlier images"
        )
        more.setText("▾")
        more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = named(QMenu(more), "imageSourcesMenu")
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
        """Offer these again: paths, and `data:NAME` of data sets."""
        self._recent = tuple(entries)

    def show_data(self, data_sets: Mapping[str, str]) -> None:
        """Offer the images of these data sets: what each is called, by its name or folder."""
        self._data = dict(data_sets)

    def _fill(self) -> None:
        self.opens.emit()
        menu = self._menu
        menu.clear()
        menu.addAction("Files…", lambda: self._ask("Open images", QFileDialog.FileMode.ExistingFiles))
        menu.addAction("Folder…", lambda: self._ask("Open a folder of images", QFileDialog.FileMode.Directory))
        menu.addAction("Paste\tCtrl+V", self.paste_wished.emit)
        recent = menu.addMenu("Recent")
        recent.setToolTipsVisible(True)
        recent.setEnabled(bool(self._recent))
        for entry in self._recent:
            action = recent.addAction(self._title(entry), partial(self.recent_wished.emit, entry))
            action.setToolTip(tooltip(entry))
        menu.addSeparator()
        menu.addAction("Sample photographs and digits", self.samples_wished.emit)
        data = menu.addMenu("Images of a data set")
        for name, title in self._data.items():
            data.addAction(_short(title), partial(self.data_wished.emit, name))

    def _title(self, entry: str) -> str:
        data = entry.removeprefix("data:")
        return _short(self._data.get(data, data) if data != entry else Path(entry).name or entry)

    def _ask(self, title: str, mode: QFileDialog.FileMode) -> None:
        dialog = named(QFileDialog(self, title, "", OPENABLE), "openImagesDialog", title)
        dialog.setFileMode(mode)
        dialog.filesSelected.connect(lambda paths: self.files_wished.emit(list(paths)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


def _short(text: str) -> str:
    """An ampersand would be a shortcut."""
    return plain(text, LONGEST).replace("&", "&&")
