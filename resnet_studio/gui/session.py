"""What the user has in hand, with undo, kept from one start to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, Signal

from resnet_studio.networks.architecture import Architecture, from_json, to_json
from resnet_studio.networks.presets import preset
from resnet_studio.training import recipe as recipes
from resnet_studio.training.recipes import RECIPES

VERSION = 3


@dataclass(slots=True)
class SessionState:
    """What is written at the end and read at the start; architectures as JSON values."""

    version: int = VERSION
    architecture: dict[str, Any] = field(default_factory=lambda: to_json(preset("resnet50")))
    compared: list[dict[str, Any] | None] = field(default_factory=lambda: [None, to_json(preset("plain34"))])
    """None stands for the architecture in hand."""
    workspace: int = 0
    image: str = "sample:china"
    images: list[str] = field(default_factory=list)
    recent: list[str] = field(default_factory=list)
    """Files, folders and data sets that images came from, the newest first."""
    handles: dict[str, Any] = field(default_factory=dict)
    """What hands have changed of the image, as `inference.handles.changed` writes it."""
    keep_handles: bool = False
    """Whether these changes are for the next image, too."""
    weights: str = ""
    """As `weights_desk.written` writes it: a file's path; empty for random weights."""
    layer: str = ""
    activations_page: int = 0
    pins: list[list[Any]] = field(default_factory=list)
    """Layer and channel of each map in the tray."""
    beside: dict[str, Any] = field(default_factory=dict)
    """What the second side of A/B has that the first has not, as JSON values."""
    device: str = "cpu"
    theme: str = "system"
    geometry: str = ""
    unclean: int = 0
    """How often in a row the window has not come to its end; while it is open, this time is among them."""
    recipe: dict[str, Any] = field(default_factory=lambda: recipes.to_json(RECIPES["digits-quick"]))
    """How the next run is trained, as JSON values."""
    training_page: int = 0
    stop_runs: bool = False
    """Whether runs that a window has started stop with it."""


class Session(QObject):
    """The architecture in hand and its earlier values. Every change is told once."""

    architecture_changed = Signal(object)
    history_changed = Signal(bool, bool)
    """Whether there is something to undo, and to redo."""

    def __init__(self, kept: SessionState) -> None:
        super().__init__()
        self.kept = kept
        self._values: list[Architecture] = [from_json(kept.architecture)]
        self._at = 0
        self._typed = ""

    @property
    def architecture(self) -> Architecture:
        return self._values[self._at]

    def take(self, architecture: Architecture, typed: str = "") -> None:
        """Make this the architecture in hand. What comes of the edit `typed` at several times is one edit."""
        if architecture == self.architecture:
            return
        at = self._at if typed and typed == self._typed else self._at + 1
        if at and at == self._at and architecture == self._values[at - 1]:  # the edit has come to nothing
            at, typed = at - 1, ""
        self._values[at:] = [architecture]
        self._go(at)
        self._typed = typed

    def undo(self) -> None:
        """Go back to the value before the last edit."""
        self._go(self._at - 1)

    def redo(self) -> None:
        """Take the last undo back."""
        self._go(self._at + 1)

    def _go(self, to: int) -> None:
        self._typed = ""
        if 0 <= to < len(self._values):
            self._at = to
            self.kept.architecture = to_json(self.architecture)
            self.architecture_changed.emit(self.architecture)
            self.history_changed.emit(to > 0, to + 1 < len(self._values))
