"""The identity card of a file of weights: asked of the engine, and what its buttons do."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from resnet_studio.causes import message_of
from resnet_studio.engine.protocol import CanceledError
from resnet_studio.gui.activations.weights.controller import Offer, WeightsController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.inference.errors import WeightsError, WeightsMismatch
from resnet_studio.inference.values import WeightsFile
from resnet_studio.inference.weights.metadata import WeightsMetadata
from resnet_studio.inference.weights.normalizations import NORMALIZATIONS

if TYPE_CHECKING:  # what recognizes networks is imported when a card is shown, not before the window
    from resnet_studio.inference.weights.assumptions import Alternative
    from resnet_studio.inference.weights.identity import IdentityCard

LANE = "identify"
ABOUT = "About these weights…"


class WeightsCardController(QObject):
    """Identifies the files that the user opens, again with each answer to what a file doesn't tell."""

    cardChanged = Signal(object)
    """The `IdentityCard` to show."""
    architectureRequested = Signal(object)
    """The card's network, whose weights are loaded next."""
    metadataChanged = Signal()
    """Class names or the preprocessing of the file are others now."""
    failed = Signal(str)
    """Why something could not be done, in a sentence."""

    def __init__(self, engine: EngineClient, weights: WeightsController) -> None:
        super().__init__()
        self._engine, self._weights = engine, weights
        self._source = WeightsFile(Path())
        self._answers: dict[str, object] = {}
        self.card: IdentityCard | None = None
        """The card that is shown."""
        self._held = False
        """Whether the card of an opened file waits for what loading its weights says."""
        self._ready: IdentityCard | None = None
        """The card that waits."""

    def identify(self, source: WeightsFile, *, opened: bool = False) -> None:
        """Identify a file; its card is shown when it is known, but of one that is just `opened` after `show_held`."""
        self._source, self._answers, self._held, self._ready = source, {}, opened, None
        self._request()

    def show_held(self) -> None:
        """Show the card of the file that was opened: it is in use, or nothing else was said of it."""
        self._held = False
        if self._ready:
            self.cardChanged.emit(self._ready)
            self._ready = None

    def offers_instead(self, error: WeightsError) -> tuple[Offer, ...]:
        """What the message about a file that doesn't fit offers in place of its card: two at once say it twice."""
        if not self._held or not isinstance(error, WeightsMismatch):
            return ()
        return ((ABOUT, self.show_held),)

    def answer(self, alternative: Alternative) -> None:
        """Take another answer, and use the network with it if it was in use before."""
        if alternative.field == "normalization":
            mean, std = NORMALIZATIONS[alternative.value]
            self._keep(WeightsMetadata(mean=mean, std=std))
            return
        if alternative.field == "prefix":
            self.identify(replace(self._source, prefix=alternative.value))
            return
        self._answers[alternative.field] = alternative.value
        self._request(use=alternative.field != "head")

    def use_network(self) -> None:
        """Switch to the card's network, with the file's weights."""
        if self.card and self.card.architecture:
            head = str(self._answers.get("head", ""))
            prefix = self.card.prefix if self.card.networks else self._source.prefix
            self.architectureRequested.emit(self.card.architecture)
            self._weights.set_weights(replace(self._source, head=True, prefix=prefix, head_layer=head))

    def read_labels(self, path: Path) -> None:
        """Keep the class names of a file with the weights."""
        self._keep(WeightsMetadata(), path)

    def _request(self, *, use: bool = False) -> None:
        self._engine.request(
            "identify", self._source.path, self._source.prefix, dict(self._answers), lane=LANE,
            label=f"identifying {self._source.path.name}", on_result=partial(self._show, use=use),
            on_error=self._on_error,
        )  # fmt: skip

    def _keep(self, metadata: WeightsMetadata, labels: Path | None = None) -> None:
        if self.card:
            self._engine.request(
                "keep_metadata", self.card.sha256, metadata, labels, lane=LANE, label="keeping the metadata",
                on_result=lambda _: self._on_kept(), on_error=self._on_error,
            )  # fmt: skip

    def _show(self, card: IdentityCard, *, use: bool) -> None:
        self.card = card
        if self._held:
            self._ready = card
        else:
            self.cardChanged.emit(card)
        if use:
            self.use_network()

    def _on_kept(self) -> None:
        self.metadataChanged.emit()
        self._request()

    def _on_error(self, error: Exception) -> bool:
        if isinstance(error, WeightsError | CanceledError):  # loading the file says the same
            return True
        self.failed.emit(message_of(error))
        return True
