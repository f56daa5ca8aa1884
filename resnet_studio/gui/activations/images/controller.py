"""The available images, and which one is selected."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QObject, Signal

from resnet_studio.engine.protocol import CanceledError
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.session import Session
from resnet_studio.inference.errors import ImageError
from resnet_studio.inference.values import SAMPLES, Photograph, UnreadableImage, image_title
from resnet_studio.training.datasets import DataError

MAX_IMAGES = 10_000


class ImageController(QObject):
    """Keeps the list of images, and requests the pixels of the selected one and the strip's thumbnails.

    Single images are prepended; a folder or a data set replaces the list, so that it can be stepped through and
    played from its first image to its last.
    """

    imagesChanged = Signal(object)
    selectionChanged = Signal(str)
    photographOpened = Signal(object)
    """The selected image, as a `Photograph`."""
    photographFailed = Signal(object)
    """The selected image, as an `UnreadableImage`; the forward pass fails for the same reason."""
    thumbnailReady = Signal(object)
    """A `Photograph` of a few pixels, or an `UnreadableImage`."""

    def __init__(self, session: Session, engine: EngineClient) -> None:
        super().__init__()
        self._session, self._engine = session, engine
        self._requested = ""
        self._last_opened = SAMPLES[0]
        """The last image that could be opened."""
        self._unreadable: set[str] = set()
        session.update(images=session.state.images[:MAX_IMAGES])

    @property
    def selected(self) -> str:
        """The reference of the selected image."""
        return self._session.state.image

    def images_to_save(self) -> tuple[list[str], str]:
        """The images to save with the session and the selected one, without those that could not be opened."""
        images = [image for image in self._session.state.images if image not in self._unreadable]
        return images, self._last_opened if self.selected in self._unreadable else self.selected

    def images(self) -> list[str]:
        """The available images; the samples if the user has none."""
        return self._session.state.images or list(SAMPLES)

    def select(self, reference: str) -> None:
        """Select that image; it is prepended if it is not listed."""
        if reference not in self.images():
            self._store([reference, *self.images()])
        self._session.update(image=reference)
        self.selectionChanged.emit(reference)

    def prepend(self, images: Sequence[str]) -> None:
        """Prepend images, and select the first."""
        self._store([*images, *self.images()])
        self.select(images[0])

    def set_images(self, images: Sequence[str]) -> None:
        """Replace the list, and select its first image."""
        self._store(images)
        self.select(images[0])

    def select_next(self) -> None:
        """Select the next image; the first follows the last."""
        images = self.images()
        index = images.index(self.selected) if self.selected in images else -1
        self.select(images[(index + 1) % len(images)])

    def request_thumbnails(self, references: tuple[str, ...]) -> None:
        """Request these thumbnails instead of those requested before. Nobody waits for them."""
        self._engine.request(
            "thumbnails", references, label="loading thumbnails", on_part=self.thumbnailReady.emit, background=True
        )

    def open_selected(self) -> None:
        """Request the selected image, unless it has been requested already."""
        if self.selected != self._requested:
            self._requested = image = self.selected
            self._engine.request(
                "photograph", image, label=f"opening {image_title(image)}",
                on_result=self._on_photograph_opened, on_error=partial(self._on_photograph_failed, image),
            )  # fmt: skip

    def invalidate(self) -> None:
        """Forget what has been requested, so that it is requested again."""
        self._requested = ""

    def _on_photograph_opened(self, photograph: Photograph) -> None:
        self._last_opened = photograph.name
        self._unreadable.discard(photograph.name)
        self.photographOpened.emit(photograph)

    def _on_photograph_failed(self, image: str, error: Exception) -> bool:
        if isinstance(error, CanceledError):
            self._requested = ""
            return True
        if isinstance(error, (ImageError, DataError)):
            self._unreadable.add(image)
        self.photographFailed.emit(UnreadableImage(image, str(error)))
        return True

    def _store(self, images: Sequence[str]) -> None:
        self._session.update(images=list(dict.fromkeys(images))[:MAX_IMAGES])
        self.imagesChanged.emit(self.images())
