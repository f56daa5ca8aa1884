"""The images at hand, and which of them is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from resnet_studio.gui.session import Kept
from resnet_studio.gui.work import Work
from resnet_studio.inference.values import SAMPLES

ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
MOST_IMAGES, MOST_THUMBNAILS = 200, 36


class ImageDesk(QObject):
    """Keeps the user's images before the samples, and asks for what the strip shows of them."""

    images_changed = Signal(object)
    chosen_changed = Signal(str)

    def __init__(self, kept: Kept, work: Work) -> None:
        super().__init__()
        self._kept, self._work = kept, work
        self._asked: tuple[object, ...] = ()

    @property
    def chosen(self) -> str:
        """The image that is looked at: a path or `sample:NAME`."""
        return self._kept.image

    def images(self) -> list[str]:
        """The images at hand: the user's, then the samples."""
        return [*self._kept.images, *SAMPLES]

    def choose(self, reference: str) -> None:
        """Look at that image."""
        self._kept.image = reference
        self.chosen_changed.emit(reference)

    def add(self, images: Sequence[str]) -> None:
        """Put images before those at hand, and look at the first."""
        self._kept.images = list(dict.fromkeys([*images, *self._kept.images]))[:MOST_IMAGES]
        self.images_changed.emit(self.images())
        self.choose(images[0])

    def enter(self) -> None:
        """The workspace comes to the front: ask for what the strip shows, unless that has been asked already."""
        question = (self.chosen, tuple(self.images()[:MOST_THUMBNAILS]))
        if question != self._asked:
            self._asked = question
            self._work.open_photograph(self.chosen)
            self._work.make_thumbnails(tuple(self.images()[:MOST_THUMBNAILS]))

    def forget(self) -> None:
        """Ask again at the next time for what has been asked."""
        self._asked = ()


def images_in(folder: Path) -> list[str]:
    """The images of a folder by name."""
    found = (str(path) for path in sorted(folder.iterdir()) if path.suffix.lower() in ENDINGS)
    return list(found)[:MOST_IMAGES]
