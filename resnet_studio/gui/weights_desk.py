"""Which weights the network in hand has, and what is done about a file that does not fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from resnet_studio.gui.session import Kept
from resnet_studio.inference.errors import WeightsError, WeightsMismatch
from resnet_studio.inference.shipped import is_shipped, shipped_weights
from resnet_studio.inference.values import RandomWeights, WeightsFile, WeightsSource
from resnet_studio.networks.architecture import Architecture

ENDINGS = {".pth", ".pt", ".safetensors"}


class WeightsDesk(QObject):
    """Goes back to the last good weights where others are refused, and says what else can be done."""

    weights_changed = Signal(object)
    problem = Signal(str, str, str, object)
    """A sentence, details, what can be done about it, and the function that does it."""

    def __init__(self, kept: Kept) -> None:
        super().__init__()
        self._kept = kept
        self._weights = self._good = read(kept.weights)

    @property
    def weights(self) -> WeightsSource:
        return self._weights

    def choose(self, path: str) -> None:
        """Run with the weights of a file, or with random ones where the path is empty."""
        self.take(read(path))

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
        shipped = shipped_weights(architecture)
        if is_shipped(self._weights):
            self._weights = self._good = shipped or RandomWeights()
        elif shipped and isinstance(self._weights, RandomWeights):
            self._weights = shipped

    def give_up(self, error: WeightsError) -> None:
        """Go back to the weights of the last look, or to random ones where it is those that no longer fit."""
        refused = self._weights
        back = self._good if self._good != refused else RandomWeights()
        details, offer = "", ""
        accept: Callable[[], None] | None = None
        if isinstance(error, WeightsMismatch):
            details = error.table()
            if error.only_head and isinstance(refused, WeightsFile):
                offer = "Load all but the head"
                accept = lambda: self.take(replace(refused, head=False))  # noqa: E731
        self.problem.emit(f"{error}. In use: {called(back)}.", details, offer, accept)
        self.take(back)


def called(weights: WeightsSource) -> str:
    """What weights are called in a sentence."""
    if isinstance(weights, RandomWeights):
        return "random weights"
    return weights.path.name if isinstance(weights, WeightsFile) else f"torchvision's {weights.name}"


def written(weights: WeightsSource) -> str:
    """Weights as the session keeps them."""
    return str(weights.path) if isinstance(weights, WeightsFile) else ""


def read(text: str) -> WeightsSource:
    """The inverse of `written`."""
    return WeightsFile(Path(text)) if text else RandomWeights()
