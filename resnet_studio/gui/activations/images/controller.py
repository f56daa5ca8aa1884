"""The images at hand, and which of them is looked at."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.errors import ImageError
from resnet_studio.inference.values import SAMPLES, Photograph, UnreadableImage
from resnet_studio.training.datasets import DataError

MOST_IMAGES = 10_000


class ImageController(QObject):
    """Keeps the list of images, and asks for the pixels of the chosen one and of what the strip shows.

    Single images are put before those at hand; a folder or a data set takes the place of the list, so that it can be
    walked and played from its first image to its last.
    """

    images_changed = Signal(object)
    chosen_changed = Signal(str)
    refused = Signal(object)
    """The chosen image, `Unopened`."""

    def __init__(self, kept: SessionState, work: EngineClient) -> None:
        super().__init__()
        self._kept, self._work = kept, work
        self._asked = ""
        self._opened = SAMPLES[0]
        """The last image that could be opened."""
        self._refused: set[str] = set()
        work.photograph_opened.connect(self._take_photograph)
        work.failed.connect(self._take_failure)
        kept.images = [one for one in kept.images if isinstance(one, str)][:MOST_IMAGES]

    @property
    def chosen(self) -> str:
        """The image that is looked at: its reference."""
        return self._kept.image

    def to_remember(self) -> tuple[list[str], str]:
        """The images for the next start and which of them to look at: none that could not be opened this time."""
        images = [one for one in self._kept.images if one not in self._refused]
        return images, self._opened if self.chosen in self._refused else self.chosen

    def images(self) -> list[str]:
        """The images at hand; the samples where the user has none."""
        return self._kept.images or list(SAMPLES)

    def choose(self, reference: str) -> None:
        """Look at that image."""
        if reference not in self.images():
            self._list([reference, *self.images()])
        self._kept.image = reference
        self.chosen_changed.emit(reference)

    def add(self, images: Sequence[str]) -> None:
        """Put images before those at hand, and look at the first."""
        self._list([*images, *self.images()])
        self.choose(images[0])

    def take(self, images: Sequence[str]) -> None:
        """Put images in the place of those at hand, and look at the first."""
        self._list(images)
        self.choose(images[0])

    def step(self) -> None:
        """Look at the next image; the first follows the last."""
        images = self.images()
        at = images.index(self.chosen) if self.chosen in images else -1
        self.choose(images[(at + 1) % len(images)])

    def wish_thumbnails(self, references: tuple[str, ...]) -> None:
        """The strip lacks these on the screen now, and whatever it lacked before no more."""
        self._work.make_thumbnails(references)

    def enter(self) -> None:
        """The workspace comes to the front: ask for the chosen image, unless that has been asked already."""
        if self.chosen != self._asked:
            self._asked = self.chosen
            self._work.open_photograph(self.chosen)

    def forget(self) -> None:
        """Ask again at the next time for what has been asked."""
        self._asked = ""

    def _take_photograph(self, photograph: Photograph) -> None:
        self._opened = photograph.name
        self._refused.discard(photograph.name)

    def _take_failure(self, kind: str, error: Exception) -> None:
        if kind == "photograph":
            if isinstance(error, (ImageError, DataError)):
                self._refused.add(self._asked or self.chosen)
            self.refused.emit(UnreadableImage(self._asked or self.chosen, str(error)))

    def _list(self, images: Sequence[str]) -> None:
        self._kept.images = list(dict.fromkeys(images))[:MOST_IMAGES]
        self.images_changed.emit(self.images())
