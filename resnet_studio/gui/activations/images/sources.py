"""Where images come from: files, folders, the clipboard, earlier ones, samples and data sets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import platformdirs
from PySide6.QtCore import QMimeData, QObject, Signal
from PySide6.QtGui import QImage

from resnet_studio.causes import os_reason
from resnet_studio.gui.activations.images.controller import MAX_IMAGES, ImageController
from resnet_studio.gui.activations.images.files import FoundFiles, find_files, save_pasted
from resnet_studio.gui.background import BackgroundReader, failure_reason
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.session import Session
from resnet_studio.inference.images.listing import is_image
from resnet_studio.inference.values import SAMPLES, Pixels
from resnet_studio.training.dataset_images import DataImages
from resnet_studio.training.datasets import DATASETS, data_title, is_folder

MAX_RECENT, MAX_RECENT_AT_ONCE = 20, 5
"""Recent entries that are kept, and how many of them one opening may add."""


class ImageSources(QObject):
    """Opens images from all sources. Folders are listed off the UI thread; call `stop` at the end."""

    imagesOpened = Signal()
    """The list of images has been extended or replaced."""
    runsFound = Signal(object)
    """A run folder, or a folder of runs."""
    otherFilesFound = Signal(object)
    """The `FoundFiles`, if weights, architectures or Python files are among them."""
    recentChanged = Signal(object)
    unlistedChanged = Signal(int)
    """How many images the source has beyond those listed."""
    skippedFilesChanged = Signal(int, str)
    """How many files of the opened folders were skipped, and a summary of them."""
    failed = Signal(str)

    def __init__(self, session: Session, images: ImageController, engine: EngineClient) -> None:
        super().__init__()
        self._session, self._images, self._engine = session, images, engine
        self._reader = BackgroundReader(self)
        session.update(recent=session.state.recent[:MAX_RECENT])

    @property
    def recent(self) -> tuple[str, ...]:
        """Paths of files and folders, and `data:NAME` of data sets, the newest first."""
        return tuple(self._session.state.recent)

    def data_sets(self) -> dict[str, str]:
        """Titles of the available data sets, by name or folder."""
        names = {name: source.title for name, source in DATASETS.items()}
        folder = self._session.state.recipe.data
        return names | ({folder: f"{data_title(folder)} (Training)"} if folder and is_folder(folder) else {})

    def open_paths(self, paths: Sequence[str]) -> None:
        """Open image files and folders of images."""
        images = [path for path in paths if is_image(path)]
        others = [path for path in paths if not is_image(path)]
        self._remember(paths)
        if images:
            self._prepend(images)
        if others:
            self._search(others)

    def open_recent(self, entry: str) -> None:
        """Open a recent entry again, if it still exists."""
        if entry.startswith("data:"):
            self.open_data(entry.removeprefix("data:"))
        else:
            self._remember([entry])
            self._search([entry])

    def open_data(self, data: str) -> None:
        """Open the images of a data set."""
        self._engine.request(
            "images_of_data", data, label=f"opening {data_title(data)}", on_result=self._on_data_set_opened
        )

    def open_samples(self) -> None:
        """Open the sample photographs and digits."""
        self._prepend(SAMPLES)

    def paste(self, clipboard: QMimeData) -> None:
        """Open what the clipboard holds: files, or an image, which is saved to a file."""
        paths = [url.toLocalFile() for url in clipboard.urls() if url.isLocalFile()]
        image = QImage(clipboard.imageData()) if clipboard.hasImage() else QImage()
        if paths:
            self.open_paths(paths)
        elif image.isNull():
            self.failed.emit("No image on the clipboard. Copy an image or image files and paste again.")
        else:
            timestamp = datetime.now().strftime("%Y-%m-%d-%H%M%S")
            pixels = _pixels(image)
            self._reader.run(lambda: _save_pasted(pixels, timestamp), self._on_files_found, self._on_failure)

    def stop(self) -> None:
        """Stop the background reader; waits some milliseconds for what it reads now."""
        self._reader.stop()

    def _search(self, paths: Sequence[str]) -> None:
        self._reader.run(lambda: find_files(paths), self._on_files_found, self._on_failure)

    def _on_failure(self, error: Exception) -> None:
        self.failed.emit(f"The images could not be opened: {failure_reason(error)}.")

    def _on_files_found(self, found: FoundFiles) -> None:
        if found.runs:
            self._forget([str(found.runs)])
            self.runsFound.emit(found.runs)
        elif found.folder:
            self._replace(found.images, len(found.images))
        elif found.images:
            self._prepend(found.images)
        if found.images:
            self.skippedFilesChanged.emit(found.others, found.others_summary)
        if others := (*found.architectures, *found.weights, *found.modules):
            self._forget(others)
            self.otherFilesFound.emit(found)
        if found.problems:
            self._forget(found.gone)
            more = len(found.problems) - 1
            others_failed = f" {more:,} more {'paths' if more > 1 else 'path'} also failed." if more else ""
            self.failed.emit(found.problems[0] + others_failed)

    def _on_data_set_opened(self, found: DataImages) -> None:
        self._remember([f"data:{found.data}"])
        self._replace(found.references(MAX_IMAGES), sum(found.counts))

    def _prepend(self, images: Sequence[str]) -> None:
        self._images.prepend(images)
        self.skippedFilesChanged.emit(0, "")
        self.unlistedChanged.emit(max(0, len(images) - MAX_IMAGES))
        self.imagesOpened.emit()

    def _replace(self, images: Sequence[str], total: int) -> None:
        """Replace the list by a folder's or data set's images, of which there are `total`."""
        self._images.set_images(images)
        self.skippedFilesChanged.emit(0, "")
        self.unlistedChanged.emit(max(0, total - MAX_IMAGES))
        self.imagesOpened.emit()

    def _remember(self, entries: Sequence[str]) -> None:
        newest = [*entries[:MAX_RECENT_AT_ONCE], *self.recent]
        self._session.update(recent=list(dict.fromkeys(newest))[:MAX_RECENT])
        self.recentChanged.emit(self.recent)

    def _forget(self, entries: Sequence[str]) -> None:
        self._session.update(recent=[entry for entry in self.recent if entry not in entries])
        self.recentChanged.emit(self.recent)


def _pixels(image: QImage) -> Pixels:
    """The image as an array, as the reader's thread must not touch Qt types."""
    has_alpha = image.hasAlphaChannel()
    image = image.convertToFormat(QImage.Format.Format_RGBA8888 if has_alpha else QImage.Format.Format_RGB888)
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    channels = 4 if has_alpha else 3
    return lines[:, : channels * image.width()].reshape(image.height(), image.width(), channels).copy()


def _save_pasted(pixels: Pixels, timestamp: str) -> FoundFiles:
    """Save a pasted image; runs on the reader's thread, and returns the file or the problem."""
    from PIL import Image  # imported late for a faster start

    folder = Path(platformdirs.user_data_dir("resnet-studio", appauthor=False)) / "pasted"
    png = BytesIO()
    Image.fromarray(pixels).save(png, "PNG")
    try:
        return FoundFiles((str(save_pasted(folder, png.getvalue(), timestamp)),))
    except OSError as error:
        return FoundFiles(problems=(f"The pasted image can't be saved in {folder}: {os_reason(error)}.",))
