"""The weights of the current network, the others available, and what happens to weights that don't fit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from PySide6.QtCore import QObject, Signal

from resnet_studio.gui.background import BackgroundReader
from resnet_studio.gui.common.message_bar import MAX_OFFERS
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.session import Session
from resnet_studio.inference.errors import SuggestedFix, WeightsError, WeightsMismatch
from resnet_studio.inference.values import PublishedWeights, RandomWeights, WeightsSource, weights_title
from resnet_studio.inference.weights.bundled import bundled_weights, is_bundled
from resnet_studio.inference.weights.published import cache_path, find_entry, needs_download, published_for
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import preset
from resnet_studio.training.runs.run_folder import runs_folder
from resnet_studio.training.runs.weights import run_weights

MAX_CHECKPOINTS = 24
"""Checkpoints in the menu; the file dialog opens any."""
Offer: TypeAlias = tuple[str, Callable[[], None]]
"""The title of a suggested fix, and the function that applies it."""


class WeightsController(QObject):
    """Goes back to the last good weights if others can't be loaded, and offers fixes.

    Published weights are downloaded first if they are not cached; the current weights stay meanwhile.
    """

    weightsChanged = Signal(object)
    architectureRequested = Signal(object)
    """The architecture that a suggested fix's weights are for."""
    publishedChanged = Signal(object)
    """A note on each of the `PublishedWeights` that fit the current network, as a dictionary."""
    runsFound = Signal(object)
    """The newest checkpoints, as `RunWeights`."""
    weightsRequested = Signal()
    """Other weights are requested; an earlier `failed` no longer matters."""
    failed = Signal(str, str, object)
    """A message, details, and a tuple of `Offer`s."""

    def __init__(self, session: Session, engine: EngineClient) -> None:
        super().__init__()
        self._session, self._engine = session, engine
        saved = session.state.weights
        saved = RandomWeights() if needs_download(saved) else saved  # a start downloads nothing
        self._weights = self._last_good = saved
        self._chosen: WeightsSource = self._weights
        """The weights that were requested last, which may still be downloaded."""
        self._reader = BackgroundReader(self)
        self.runs = runs_folder()
        """The folder of runs whose checkpoints are offered."""
        self._architecture: Architecture | None = None

    @property
    def weights(self) -> WeightsSource:
        return self._weights

    def request(self, weights: WeightsSource) -> None:
        """Use these weights, after a download if they are not cached."""
        self._chosen = weights
        self.weightsRequested.emit()
        if needs_download(weights):
            self._engine.request(
                "fetch_weights", weights, label=f"downloading {weights_title(weights)}",
                on_result=lambda _: self._on_fetched(weights),
            )  # fmt: skip
        else:
            self.set_weights(weights)

    def set_weights(self, weights: WeightsSource) -> None:
        """Use these weights."""
        self._weights = weights
        self._session.update(weights=weights)
        self.weightsChanged.emit(weights)

    def mark_good(self) -> None:
        """Mark the current weights as good: `revert` goes back to them."""
        self._last_good = self._weights

    def follow_architecture(self, architecture: Architecture) -> None:
        """Follow the current architecture: its bundled weights replace random ones, and are dropped with it."""
        self._architecture = architecture
        bundled = bundled_weights(architecture)
        if is_bundled(self._weights):
            self._weights = self._last_good = bundled or RandomWeights()
        elif bundled and isinstance(self._weights, RandomWeights):
            self._weights = bundled

    def revert(self, error: WeightsError, others: tuple[Offer, ...] = ()) -> None:
        """Go back to the last good weights, or to random ones if the last good ones no longer fit. `others` are offered
        behind the fixes."""
        back = self._last_good if self._last_good != self._weights else RandomWeights()
        details = ""
        offers: tuple[Offer, ...] = ()
        if isinstance(error, WeightsMismatch):
            details = error.table()
            offers = tuple((fix.title, partial(self._apply_fix, fix)) for fix in error.fixes)
        used = "random weights" if isinstance(back, RandomWeights) else weights_title(back)
        self.failed.emit(f"{error}. Still using {used}.", details, (*offers[: MAX_OFFERS - len(others)], *others))
        self.set_weights(back)

    def refresh_available(self) -> None:
        """Emit which weights are available; checkpoints are searched off the UI thread."""
        if self._architecture:
            self.publishedChanged.emit(
                {weights: _published_note(weights, self._architecture) for weights in published_for(self._architecture)}
            )
        folder = self.runs
        self._reader.drop_pending()
        self._reader.run(lambda: run_weights(folder, MAX_CHECKPOINTS), self.runsFound.emit)

    def stop(self) -> None:
        """Stop the background reader."""
        self._reader.stop()

    def _apply_fix(self, fix: SuggestedFix) -> None:
        """Switch the architecture first, as the weights belong to it."""
        self.architectureRequested.emit(fix.architecture)
        self.set_weights(fix.weights)

    def _on_fetched(self, weights: PublishedWeights) -> None:
        """Use the downloaded weights, unless other ones or another network were chosen meanwhile."""
        if weights == self._chosen and self._architecture and weights in published_for(self._architecture):
            self.set_weights(weights)


def _published_note(weights: PublishedWeights, architecture: Architecture) -> str:
    """Whether published weights are cached or their size, and if they are for another network with equal shapes."""
    entry = find_entry(weights)
    note = "downloaded" if cache_path(weights).exists() else f"{entry.megabytes} MB"
    same = preset(entry.preset).with_values({"image": architecture.image}) == architecture
    return note if same else f"{note}, for {entry.preset}"
