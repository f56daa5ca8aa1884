"""What the user has in hand, with undo, kept from one start to the next."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QDir, QObject, QSaveFile, QStandardPaths, QTimer, Signal

from resnet_studio.inference.handles import from_changed
from resnet_studio.networks.architecture import Architecture, from_json, to_json
from resnet_studio.networks.presets import preset
from resnet_studio.training import recipe as recipes
from resnet_studio.training.recipes import RECIPES

VERSION = 3
WRITE_EVERY = 3000
"""Milliseconds between two looks whether the session is to be written."""


@dataclass(slots=True)
class Kept:
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

    def __init__(self, kept: Kept) -> None:
        super().__init__()
        self.kept = kept
        self._values: list[Architecture] = [from_json(kept.architecture)]
        self._at = 0
        self._typed = ""

    @property
    def architecture(self) -> Architecture:
        return self._values[self._at]

    def take(self, architecture: Architecture, typed: str = "") -> None:
        """Make this the architecture in hand. Keys typed one after another in the field `typed` are one edit."""
        if architecture == self.architecture:
            return
        at = self._at if typed and typed == self._typed else self._at + 1
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


def session_file() -> Path:
    """Where the session is kept, in the folder that the desktop has for it."""
    folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppConfigLocation)
    return Path(folder) / "session.json"


def restore(path: Path) -> tuple[Kept, str]:
    """The session of the last time, and a sentence for the user where it could not be read.

    A file that is not a session is set aside as `session.json.bad`; one of a newer version is left as it is.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["version"] > VERSION:
            return Kept(version=values["version"]), f"{path.name} was written by a newer version; it is left untouched."
        kept = Kept(**values | {"version": VERSION})
        from_json(kept.architecture)
        kept.compared = [to_json(from_json(one)) if one else None for one in kept.compared]
        recipes.from_json(kept.recipe)
        from_changed(kept.handles)
        kept.workspace, kept.training_page = int(kept.workspace), int(kept.training_page)
        kept.activations_page = int(kept.activations_page)
    except FileNotFoundError:
        return Kept(), ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Kept(), f"The last session could not be read ({error}). {_set_aside(path)}"
    return kept, ""


def recover(kept: Kept) -> tuple[Kept, str]:
    """The session to go on with after an end that was none, and a sentence for the user.

    It is offered again once: a session that brought the window down twice in a row may be why it did.
    """
    if not kept.unclean:
        return kept, ""
    if kept.unclean == 1:
        return kept, "The window did not come to its end the last time. What was in hand is here again."
    fresh = Kept(theme=kept.theme, geometry=kept.geometry)
    return fresh, "The window did not come to its end twice in a row. It begins anew; Open… takes files in again."


class Keeper(QObject):
    """Writes the session while the window is open, so that an end that is none loses little."""

    def __init__(self, kept: Callable[[], Kept], path: Path, parent: QObject) -> None:
        super().__init__(parent)
        self._kept, self._path = kept, path
        self._written = ""
        timer = QTimer(self, interval=WRITE_EVERY)
        timer.timeout.connect(self.write)
        timer.start()

    def write(self) -> None:
        """Write what has changed."""
        kept = self._kept()
        if (values := json.dumps(asdict(kept))) != self._written:
            self._written = values
            save(kept, self._path)


def save(kept: Kept, path: Path) -> str:
    """Write the session whole or not at all; a sentence for the user where it can't be written."""
    if kept.version > VERSION:
        return ""
    QDir().mkpath(str(path.parent))
    file = QSaveFile(str(path))
    if file.open(QSaveFile.OpenModeFlag.WriteOnly):
        file.write(json.dumps(asdict(kept), indent=1).encode())
        if file.commit():
            return ""
    return f"The session can't be kept in {path.parent}: {file.errorString()}."


def _set_aside(path: Path) -> str:
    try:
        path.replace(path.with_name(path.name + ".bad"))
    except OSError:
        return "A new one begins."
    return f"It is set aside as {path.name}.bad, and a new one begins."
