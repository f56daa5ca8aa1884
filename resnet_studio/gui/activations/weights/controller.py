"""Which weights the network in hand has, which others there are, and what is done about those that do not fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from PySide6.QtCore import QObject, Signal

from resnet_studio.gui.background import BackgroundReader
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.errors import Remedy, WeightsError, WeightsMismatch
from resnet_studio.inference.values import PublishedWeights, RandomWeights, WeightsFile, WeightsSource
from resnet_studio.inference.weights.bundled import is_shipped, shipped_weights
from resnet_studio.inference.weights.published import cached, entry_of, published_for
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import preset
from resnet_studio.training.runs.run_folder import runs_folder
from resnet_studio.training.runs.weights import run_weights

LANE = "weights"
MOST_OF_RUNS = 24
"""Checkpoints that are on offer; the file dialog finds any."""
Offer: TypeAlias = tuple[str, Callable[[], None]]
"""What can be done, and the function that does it."""


class WeightsController(QObject):
    """Goes back to the last good weights where others are refused, and says what else can be done.

    Published weights are fetched first where they are not on this machine; those in use stay meanwhile.
    """

    weights_changed = Signal(object)
    architecture_wished = Signal(object)
    """The network that the next weights were made for."""
    published_told = Signal(object)
    """What is to be said of each of the `PublishedWeights` that fit the network in hand, by them."""
    runs_found = Signal(object)
    """The newest checkpoints, as `RunWeights`."""
    wished = Signal()
    """Other weights are wanted than those of which something was told."""
    problem = Signal(str, str, object)
    """A sentence, details, and a tuple of `Offer`s."""

    def __init__(self, kept: SessionState, work: EngineClient) -> None:
        super().__init__()
        self._kept, self._work = kept, work
        self._weights = self._good = read(kept.weights)
        self._awaited: PublishedWeights | None = None
        self._looking = BackgroundReader(self)
        self.runs = runs_folder()
        """Where the runs are whose checkpoints are on offer."""
        self._architecture: Architecture | None = None
        work.answered.connect(self._take_fetched)
        work.failed.connect(lambda lane, _: self._await(None) if lane == LANE else None)
        work.idle.connect(lambda took: self._await(None) if took is None else None)

    @property
    def weights(self) -> WeightsSource:
        return self._weights

    def wish(self, weights: WeightsSource) -> None:
        """Run with these weights as soon as they are on this machine."""
        self._await(None)
        self.wished.emit()
        if isinstance(weights, PublishedWeights) and not cached(weights).exists():
            self._await(weights)
            self._work.ask(LANE, "fetch weights", weights, label=f"downloading {called(weights)}")
        else:
            self.take(weights)

    def take(self, weights: WeightsSource) -> None:
        """Run with these weights."""
        self._weights = weights
        self._kept.weights = written(weights)
        self.weights_changed.emit(weights)

    def keep(self) -> None:
        """The weights in use are good: they are gone back to where others are refused."""
        self._good = self._weights

    def follow(self, architecture: Architecture) -> None:
        """Weights that come with the program take the place of random ones, and go with their architecture."""
        self._architecture = architecture
        shipped = shipped_weights(architecture)
        if is_shipped(self._weights):
            self._weights = self._good = shipped or RandomWeights()
        elif shipped and isinstance(self._weights, RandomWeights):
            self._weights = shipped

    def give_up(self, error: WeightsError) -> None:
        """Go back to the weights of the last look, or to random ones where it is those that no longer fit."""
        back = self._good if self._good != self._weights else RandomWeights()
        details = ""
        offers: tuple[Offer, ...] = ()
        if isinstance(error, WeightsMismatch):
            details = error.table()
            offers = tuple((remedy.what, partial(self._apply, remedy)) for remedy in error.remedies)
        self.problem.emit(f"{error}. In use: {called(back)}.", details, offers)
        self.take(back)

    def look_around(self) -> None:
        """Tell which weights there are; for checkpoints it is looked off the window's thread."""
        if self._architecture:
            self.published_told.emit({one: _told(one, self._architecture) for one in published_for(self._architecture)})
        folder = self.runs
        self._looking.drop_waiting()
        self._looking.run(lambda: run_weights(folder, MOST_OF_RUNS), self.runs_found.emit)

    def stop(self) -> None:
        """The window goes."""
        self._looking.stop()

    def _apply(self, remedy: Remedy) -> None:
        """The network first: the weights are those of it."""
        self.architecture_wished.emit(remedy.architecture)
        self.take(remedy.weights)

    def _await(self, weights: PublishedWeights | None) -> None:
        self._awaited = weights

    def _take_fetched(self, lane: str, _: object) -> None:
        """The file is there now; whoever has another network in hand meanwhile finds it in the menu."""
        if lane != LANE or not (fetched := self._awaited):
            return
        self._awaited = None
        if self._architecture and fetched in published_for(self._architecture):
            self.take(fetched)


def _told(weights: PublishedWeights, architecture: Architecture) -> str:
    """What it takes to have published weights, and whether they were made for another network with the same shapes."""
    entry = entry_of(weights)
    takes = "on this machine" if cached(weights).exists() else f"{entry.megabytes} MB"
    same = replace(preset(entry.preset), image=architecture.image) == architecture
    return takes if same else f"{takes}, made for {entry.preset}"


def called(weights: WeightsSource) -> str:
    """What weights are called in a sentence."""
    if isinstance(weights, RandomWeights):
        return "random weights"
    if isinstance(weights, PublishedWeights):
        return f"torchvision's {weights.model}, {weights.name}"
    path = weights.path
    moment = path.parent.name.startswith("step-") and len(path.parts) > 3
    return f"{path.parent.name} of {path.parts[-4]}" if moment else path.name


def written(weights: WeightsSource) -> str:
    """Weights as the session keeps them: the path of a file, other kinds as JSON, nothing for the usual random ones."""
    match weights:
        case RandomWeights(seed=0):
            return ""
        case RandomWeights(seed=seed):
            return json.dumps({"seed": seed})
        case PublishedWeights(model=model, name=name):
            return json.dumps({"model": model, "name": name})
        case WeightsFile(path=path, head=True, prefix=""):
            return str(path)
    return json.dumps({"path": str(weights.path), "head": weights.head, "prefix": weights.prefix})


def read(text: str) -> WeightsSource:
    """The inverse of `written`; random weights for what is no such text, and for what would have to be fetched."""
    try:
        values = json.loads(text) if text.startswith("{") else {"path": text, "head": True, "prefix": ""}
        match values:
            case {"seed": int(seed)} if 0 <= seed < 1 << 63:
                return RandomWeights(seed)
            case {"model": str(model), "name": str(name)} if cached(PublishedWeights(model, name)).exists():
                return PublishedWeights(model, name)
            case {"path": str(path), "head": bool(head), "prefix": str(prefix)} if path:
                return WeightsFile(Path(path), head, prefix)
    except (ValueError, RecursionError):  # `WeightsError` of an unknown name is a ValueError, too
        pass
    return RandomWeights()
