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

from resnet_studio.causes import why
from resnet_studio.gui.activations.images.controller import MOST_IMAGES, ImageController
from resnet_studio.gui.activations.images.files import FoundFiles, find, keep_pasted
from resnet_studio.gui.background import BackgroundReader, cause
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.images.listing import is_image
from resnet_studio.inference.values import SAMPLES, Pixels
from resnet_studio.training.dataset_images import DataImages
from resnet_studio.training.datasets import SOURCES, data_title, is_folder

LANE = "images of data"
MOST_RECENT, MOST_AT_ONCE = 20, 5
"""Entries that are kept, and how many of them one opening may take."""


class ImageSources(QObject):
    """Takes wishes for images and hands them to the desk. Folders are listed by a thread; `stop` in the end."""

    opened = Signal()
    """There are other images at hand: somebody may want to see them."""
    runs_found = Signal(object)
    """A folder that is a run, or has runs in it."""
    others_found = Signal(object)
    """Paths of weights and of architectures, by what is in them."""
    recent_changed = Signal(object)
    data_changed = Signal(object)
    """Data sets on offer: what each is called, by its name or folder."""
    more_changed = Signal(int)
    """How many images there are, where those at hand come from, beside those at hand."""
    others_changed = Signal(int, str)
    """How many files of the folders where those at hand come from were passed over, and which."""
    problem = Signal(str)

    def __init__(self, kept: SessionState, desk: ImageController, work: EngineClient) -> None:
        super().__init__()
        self._kept, self._desk, self._work = kept, desk, work
        self._looking = BackgroundReader(self)
        kept.recent = [one for one in kept.recent if isinstance(one, str)][:MOST_RECENT]
        work.answered.connect(lambda lane, value: self._take_data(value) if lane == LANE else None)

    @property
    def recent(self) -> tuple[str, ...]:
        """Paths of files and folders, and `data:NAME` of data sets, the newest first."""
        return tuple(self._kept.recent)

    def data_sets(self) -> dict[str, str]:
        """What each data set on offer is called, by its name or folder."""
        names = {name: source.title for name, source in SOURCES.items()}
        chosen = str(self._kept.recipe.get("data", ""))
        return names | ({chosen: f"{data_title(chosen)} (Training)"} if chosen and is_folder(chosen) else {})

    def open_paths(self, paths: Sequence[str]) -> None:
        """Take images and folders of images from paths."""
        images = [path for path in paths if is_image(path)]
        others = [path for path in paths if not is_image(path)]
        self._remember(paths)
        if images:
            self._add(images)
        if others:
            self._look_into(others)

    def open_recent(self, entry: str) -> None:
        """Take an earlier one in hand again, if it is still there."""
        if entry.startswith("data:"):
            self.open_data(entry.removeprefix("data:"))
        else:
            self._remember([entry])
            self._look_into([entry])

    def open_data(self, data: str) -> None:
        """Take the images of a data set."""
        self._work.ask(LANE, "images of data", data, label=f"opening {data_title(data)}")

    def open_samples(self) -> None:
        """Take the sample photographs and digits."""
        self._add(SAMPLES)

    def paste(self, clipboard: QMimeData) -> None:
        """Take what the clipboard holds: files, or a picture, which becomes a file of its own."""
        paths = [url.toLocalFile() for url in clipboard.urls() if url.isLocalFile()]
        image = QImage(clipboard.imageData()) if clipboard.hasImage() else QImage()
        if paths:
            self.open_paths(paths)
        elif image.isNull():
            self.problem.emit("There is no image in the clipboard. Copy a picture, or image files, and paste again.")
        else:
            stamp = datetime.now().strftime("%Y-%m-%d-%H%M%S")
            pixels = _pixels(image)
            self._looking.run(lambda: _pasted(pixels, stamp), self._take, self._take_failure)

    def stop(self) -> None:
        """End looking; what is being looked at is waited for, some milliseconds."""
        self._looking.stop()

    def _look_into(self, paths: Sequence[str]) -> None:
        self._looking.run(lambda: find(paths), self._take, self._take_failure)

    def _take_failure(self, error: Exception) -> None:
        self.problem.emit(f"The images could not be opened: {cause(error)}.")

    def _take(self, found: FoundFiles) -> None:
        if found.runs:
            self._forget([str(found.runs)])
            self.runs_found.emit(found.runs)
        elif found.folder:
            self._show(found.images, len(found.images))
        elif found.images:
            self._add(found.images)
        if found.images:
            self.others_changed.emit(found.others, found.passed_over)
        if others := (*found.architectures, *found.weights):
            self._forget(others)
            self.others_found.emit(found)
        if found.problems:
            self._forget(found.gone)
            more = len(found.problems) - 1
            self.problem.emit(found.problems[0] + (f" {more:,} more paths give nothing, either." if more else ""))

    def _take_data(self, found: object) -> None:
        if isinstance(found, DataImages):
            self._remember([f"data:{found.data}"])
            self._show(found.references(MOST_IMAGES), sum(found.counts))

    def _add(self, images: Sequence[str]) -> None:
        self._desk.add(images)
        self.others_changed.emit(0, "")
        self.more_changed.emit(max(0, len(images) - MOST_IMAGES))
        self.opened.emit()

    def _show(self, images: Sequence[str], there: int) -> None:
        """Put a folder or data set in the place of the list, which says how much of it that is."""
        self._desk.take(images)
        self.others_changed.emit(0, "")
        self.more_changed.emit(max(0, there - MOST_IMAGES))
        self.opened.emit()

    def _remember(self, entries: Sequence[str]) -> None:
        newest = [*entries[:MOST_AT_ONCE], *self._kept.recent]
        self._kept.recent = list(dict.fromkeys(newest))[:MOST_RECENT]
        self.recent_changed.emit(self.recent)

    def _forget(self, entries: Sequence[str]) -> None:
        self._kept.recent = [one for one in self._kept.recent if one not in entries]
        self.recent_changed.emit(self.recent)


def _pixels(image: QImage) -> Pixels:
    """The picture as an array: the pool's thread touches nothing of Qt's."""
    has_alpha = image.hasAlphaChannel()
    image = image.convertToFormat(QImage.Format.Format_RGBA8888 if has_alpha else QImage.Format.Format_RGB888)
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    channels = 4 if has_alpha else 3
    return lines[:, : channels * image.width()].reshape(image.height(), image.width(), channels).copy()


def _pasted(pixels: Pixels, stamp: str) -> FoundFiles:
    """On the pool's thread: the file that a picture has become, or why it has not."""
    from PIL import Image  # which the window's start does not wait for

    folder = Path(platformdirs.user_data_dir("resnet-studio", appauthor=False)) / "pasted"
    png = BytesIO()
    Image.fromarray(pixels).save(png, "PNG")
    try:
        return FoundFiles((str(keep_pasted(folder, png.getvalue(), stamp)),))
    except OSError as error:
        return FoundFiles(problems=(f"The pasted picture can't be kept in {folder}: {why(error)}.",))
