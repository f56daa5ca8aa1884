"""The session: the state that is restored at the next start, and the current architecture with undo."""

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
    """What is saved and restored; architectures as JSON values."""

    version: int = VERSION
    architecture: dict[str, Any] = field(default_factory=lambda: to_json(preset("resnet50")))
    compared: list[dict[str, Any] | None] = field(default_factory=lambda: [None, to_json(preset("plain34"))])
    """None stands for the current architecture."""
    workspace: int = 0
    image: str = "sample:china"
    images: list[str] = field(default_factory=list)
    recent: list[str] = field(default_factory=list)
    """Files, folders and data sets that images came from, the newest first."""
    handles: dict[str, Any] = field(default_factory=dict)
    """The image transforms that differ from the defaults, as `transforms_to_dict` writes them."""
    keep_handles: bool = False
    """Whether the transforms are kept for the next image."""
    weights: str = ""
    """A file's path or JSON, as the weights controller encodes the source; empty for random weights."""
    layer: str = ""
    activations_page: int = 0
    pins: list[list[Any]] = field(default_factory=list)
    """Layer and channel of each pinned map."""
    beside: dict[str, Any] = field(default_factory=dict)
    """What side B of A/B overrides, as JSON values."""
    device: str = "cpu"
    theme: str = "system"
    geometry: str = ""
    unclean: int = 0
    """How often in a row the window ended unexpectedly; while it is open, this time is counted, too."""
    recipe: dict[str, Any] = field(default_factory=lambda: recipes.to_json(RECIPES["digits-quick"]))
    """How the next run is trained, as JSON values."""
    training_page: int = 0
    stop_runs: bool = False
    """Whether runs that the window has started stop with it."""


class Session(QObject):
    """The current architecture and its undo history. Every change is emitted once."""

    architectureChanged = Signal(object)
    historyChanged = Signal(bool, bool)
    """Whether there is something to undo, and to redo."""

    def __init__(self, state: SessionState) -> None:
        super().__init__()
        self.state = state
        self._values: list[Architecture] = [from_json(state.architecture)]
        self._index = 0
        self._edit = ""

    @property
    def architecture(self) -> Architecture:
        return self._values[self._index]

    def set_architecture(self, architecture: Architecture, edit: str = "") -> None:
        """Set the current architecture. Successive values with the same `edit` are undone as one edit."""
        if architecture == self.architecture:
            return
        index = self._index if edit and edit == self._edit else self._index + 1
        if index and index == self._index and architecture == self._values[index - 1]:  # the edit is back at its start
            index, edit = index - 1, ""
        self._values[index:] = [architecture]
        self._go(index)
        self._edit = edit

    def undo(self) -> None:
        """Go back to the value before the last edit."""
        self._go(self._index - 1)

    def redo(self) -> None:
        """Revert the last undo."""
        self._go(self._index + 1)

    def _go(self, index: int) -> None:
        self._edit = ""
        if 0 <= index < len(self._values):
            self._index = index
            self.state.architecture = to_json(self.architecture)
            self.architectureChanged.emit(self.architecture)
            self.historyChanged.emit(index > 0, index + 1 < len(self._values))
