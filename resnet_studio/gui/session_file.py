"""The session file: read at the start, keeping every entry that is valid, and written while the window is open."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QStandardPaths, QTimer, Signal

from resnet_studio import codec
from resnet_studio.atomic import write_file
from resnet_studio.files import FileRefusedError, read_file
from resnet_studio.gui.background import BackgroundReader
from resnet_studio.gui.session import VERSION, SessionState
from resnet_studio.networks.own_module import OwnModule

WRITE_INTERVAL = 3000
"""Milliseconds between checks whether the session has changed."""
MAX_BYTES = 32 << 20
ARCHIVED = "last"
"""Suffix of an archived session, after the name of the session file."""
ADVICE = "Free some space there or make the folder writable"
ENTRY_NAMES = {
    "architecture": "the architecture", "module": "the Python module",
    "compared": "the compared networks", "workspace": "the open tab",
    "image": "the image", "images": "the list of images", "recent": "the recent files",
    "handles": "the image transforms", "keep_handles": "whether transforms are kept",
    "weights": "the weights", "layer": "the layer", "activations_page": "the Activations tab",
    "compare_page": "the Compare tab", "sweep": "the sweep", "scatter_source": "the networks of the scatter plot",
    "scatter_x": "the horizontal axis of the scatter plot", "scatter_y": "the vertical axis of the scatter plot",
    "pins": "the pinned channels", "beside": "side B of A/B", "device": "the device", "theme": "the theme",
    "flop_unit": "the unit of FLOPs", "hidden_columns": "the hidden columns of Layers",
    "geometry": "the window's size and position", "unclean": "how the window closed", "recipe": "the training recipe",
    "figure_networks": "the networks of the figure", "figure_form": "the form of the figure",
    "figure_repeated": "whether the figure shows repeated blocks", "figure_color": "what colors the figure",
    "figure_palette": "the palette of the figure",
    "training_page": "the Training tab", "stop_runs": "whether runs stop when the window closes",
    "version": "the version",
}  # fmt: skip
"""What each entry of the file is called in messages."""


def session_file() -> Path:
    """Where the session is saved, in the desktop's folder for configuration."""
    folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppConfigLocation)
    return Path(folder) / "session.json"


def restore(path: Path) -> tuple[SessionState, str]:
    """The last session, and a message for the user if not all of it could be read.

    Only invalid entries are lost, and a copy of the file is kept as `session.json.bad`. A file of a newer version is
    left as it is, and nothing of it is read.
    """
    if not os.path.lexists(path):
        return SessionState(), ""
    try:
        values = json.loads(read_file(path, MAX_BYTES))
        if not isinstance(values, dict):
            raise ValueError("it is not a JSON object")
    except FileRefusedError as error:
        reason = str(error).partition(".")[0]  # without the advice that follows it
        return SessionState(), f"The last session could not be read: {path.name} {reason}. {_set_aside(path)}"
    except (ValueError, RecursionError):
        return SessionState(), f"The last session could not be read: {path.name} is not valid JSON. {_set_aside(path)}"
    if codec.is_newer(values, VERSION):
        text = f"{path.name} was written by a newer version of ResNet Studio and is left unchanged. This session "
        return SessionState(version=values["version"]), text + "uses default settings and will not be saved."
    state, lost = decode(values)
    if not lost:
        return state, ""
    listed = f"{', '.join(lost[:-1])} and {lost[-1]}" if len(lost) > 1 else lost[0]
    return state, f"Could not restore {listed} of the last session; the rest was restored. {_copy_aside(path)}"


def decode(values: Mapping[str, Any]) -> tuple[SessionState, list[str]]:
    """The session of the file's values, and the names of the entries that were lost, for a message."""
    state, lost = codec.salvage(SessionState, {name: value for name, value in values.items() if name != "version"})
    if not _is_version(values.get("version")):
        lost.insert(0, "version")
    return state, [ENTRY_NAMES.get(name, f"the unknown entry “{_printable(name)}”") for name in lost]


def save(state: SessionState, path: Path) -> str:
    """Write the session completely or not at all; returns a message for the user if that fails."""
    if state.version > VERSION:
        return ""
    return write(to_text(state), path)


def to_text(state: SessionState) -> str:
    """The session as the text of its file."""
    return json.dumps(codec.to_json(storable(state)), indent=1)


def storable(state: SessionState) -> SessionState:
    """The session without networks of the user's own among those that are compared or drawn: no file holds these."""
    lists = {name: value for name in codec.field_types(SessionState) if isinstance(value := getattr(state, name), list)}
    kept = {name: [one for one in value if not isinstance(one, OwnModule)] for name, value in lists.items()}
    changes: dict[str, Any] = {name: value or [None] for name, value in kept.items() if value != lists[name]}
    if isinstance(state.beside.architecture, OwnModule):
        changes["beside"] = replace(state.beside, architecture=None)
    return replace(state, **changes) if changes else state


def write(text: str, path: Path) -> str:
    """Write the session's text; returns a message for the user if that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, text.encode())
    except OSError as error:
        reason = "a file is in the way" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror
        return (
            f"This session can't be saved in {path.parent} ({reason}): open tabs, settings, "
            f"and recent files will not be restored. {ADVICE}, or set XDG_CONFIG_HOME to another folder."
        )
    return ""


def archive(path: Path) -> bool:
    """Rename the session file after repeated unexpected ends, so that it is not opened but offered.

    False if that fails: the session then stays the one to open.
    """
    try:
        path.rename(_free_path(path, ARCHIVED))
    except OSError:
        return False
    return True


def newest_archived(path: Path) -> Path | None:
    """The newest archived session."""
    archived = sorted(path.parent.glob(f"{path.name}.{ARCHIVED}*"), key=lambda file: file.lstat().st_mtime)
    return archived[-1] if archived else None


class SessionAutosaver(QObject):
    """Writes the session while the window is open, so that little is lost if it ends without closing."""

    failed = Signal(str)
    """Why the session can't be saved; emitted once until a write succeeds."""
    recovered = Signal()
    """A write succeeded after a failure."""

    def __init__(self, state: Callable[[], SessionState], path: Path, parent: QObject, error: str = "") -> None:
        """`state` returns the session; `error` is why it could not be written before."""
        super().__init__(parent)
        self._state, self._path, self.error = state, path, error
        self._written = self._writing = ""
        self._writer = BackgroundReader(self)  # a disk may take a second to confirm a write
        self._timer = QTimer(self, interval=WRITE_INTERVAL)
        self._timer.timeout.connect(self.write)
        self._timer.start()

    def write(self) -> None:
        """Write the session if it has changed."""
        state = self._state()
        text = to_text(state)
        if text not in (self._written, self._writing) and state.version <= VERSION:
            self._writing, path = text, self._path
            self._writer.run(partial(write, text, path), partial(self._on_written, text))

    def stop(self) -> None:
        """Write no more, and wait for the write that is running."""
        self._timer.stop()
        self._writer.stop()

    def _on_written(self, text: str, error: str) -> None:
        before, self.error, self._writing = self.error, error, ""
        if not error:
            self._written = text
            if before:
                self.recovered.emit()
        elif not before:
            self.failed.emit(error)


def _is_version(version: object) -> bool:
    return isinstance(version, int | float) and not isinstance(version, bool)


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name[:40])


def _free_path(path: Path, ending: str) -> Path:
    """An unused path next to the file."""
    number, free = 1, path.with_name(f"{path.name}.{ending}")
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.name}.{ending}-{number}")
    return free


def _set_aside(path: Path) -> str:
    """Rename a file that is not a session at all, and return a sentence about it."""
    aside = _free_path(path, "bad")
    try:
        path.rename(aside)
    except OSError:
        return "A new session was started."
    return f"It was renamed to {aside.name}, and a new session was started."


def _copy_aside(path: Path) -> str:
    """Copy a session of which something is lost before it is overwritten, and return a sentence about it."""
    aside = _free_path(path, "bad")
    try:
        shutil.copyfile(path, aside)
    except OSError as error:
        return f"The file could not be backed up ({error.strerror})."
    return f"The file was backed up as {aside.name}."
