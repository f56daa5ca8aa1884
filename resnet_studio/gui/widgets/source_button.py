"""Where images can come from: one click opens files, the arrow beside it has the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QPushButton, QToolButton, QWidget

from resnet_studio.gui.plain_text import tooltip
from resnet_studio.gui.widgets.named import named
from resnet_studio.plain import plain

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
