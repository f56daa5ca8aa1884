"""The session on the disk: read at the start with whatever of it is whole, written while the window is open."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QStandardPaths, QThreadPool, QTimer, Signal

from resnet_studio.atomic import write_file
from resnet_studio.files import Refusal, read_file
from resnet_studio.gui.session import VERSION, SessionState
from resnet_studio.inference import ab
from resnet_studio.inference.transforms import from_changed
from resnet_studio.networks import architecture as architectures
from resnet_studio.training import recipe as recipes

WRITE_EVERY = 3000
"""Milliseconds between two looks whether the session is to be written."""
MOST_BYTES, MOST_ENTRIES, LONGEST_TEXT = 32 << 20, 10_000, 4096
MOST_COMPARED = 100
LAST = "last"
"""What the name of a session ends with that was put by, after the name of the session's own file."""
ADVICE = "Free some space there or make the folder writable"
WRONG = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What reading a value raises that is none."""
PARTS = {
    "architecture": "the architecture", "compared": "what was compared", "workspace": "the open page",
    "image": "the image", "images": "the list of images", "recent": "the recent files",
    "handles": "the changes of the image", "keep_handles": "whether they are kept for the next image",
    "weights": "the weights", "layer": "the layer", "activations_page": "the page of Activations",
    "pins": "the pinned maps", "beside": "side B of A/B", "device": "the device", "theme": "the theme",
    "geometry": "the window's size and place", "unclean": "how the window ended", "recipe": "the training recipe",
    "training_page": "the page of Training", "stop_runs": "whether runs stop with the window",
    "version": "the version",
}  # fmt: skip
"""What each entry of the file is called in a sentence."""


def session_file() -> Path:
    """Where the session is kept, in the folder that the desktop has for it."""
    folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppConfigLocation)
    return Path(folder) / "session.json"


def restore(path: Path) -> tuple[SessionState, str]:
    """The session of the last time, and a sentence for the user where not all of it could be read.

    Only what is broken is lost, and a copy of the file is kept as `session.json.bad`. One of a newer version is left
    as it is, and nothing of it is read.
    """
    if not os.path.lexists(path):
        return SessionState(), ""
    try:
        values = json.loads(read_file(path, MOST_BYTES))
        if not isinstance(values, dict):
            raise ValueError("it is not a JSON object")
    except Refusal as error:
        why = str(error).partition(".")[0]  # what is to be done about it is done here
        return SessionState(), f"The last session could not be read: {path.name} {why}. {_set_aside(path)}"
    except (ValueError, RecursionError):
        return SessionState(), f"The last session could not be read: {path.name} is not valid JSON. {_set_aside(path)}"
    version: Any = values.get("version")
    if _is_newer(version):
        told = f"{path.name} was written by a newer version of ResNet Studio. It is left as it is, so this session "
        return SessionState(version=version), told + "starts with the defaults and will not be remembered."
    kept, lost = read(values)
    if not lost:
        return kept, ""
    listed = f"{', '.join(lost[:-1])} and {lost[-1]}" if len(lost) > 1 else lost[0]
    return kept, f"Of the last session, {listed} could not be read; the rest is here. {_copy_aside(path)}"


def read(values: Mapping[str, Any]) -> tuple[SessionState, list[str]]:
    """A session from the file's values, and what of it is lost, as words for a sentence."""
    kept, lost = SessionState(), []
    if not _is_version(values.get("version")):
        lost.append(PARTS["version"])
    known = {field.name for field in fields(SessionState)} - {"version"}
    for name, value in values.items():
        if name in known:
            try:
                found, whole = READERS[name](value)
            except WRONG:
                whole = False
            else:
                setattr(kept, name, found)
            if not whole:
                lost.append(PARTS[name])
        elif name != "version":
            lost.append(f"the unknown entry “{_shown(name)}”")
    return kept, lost


def save(kept: SessionState, path: Path) -> str:
    """Write the session whole or not at all; a sentence for the user where it can't be written."""
    if _is_newer(kept.version):
        return ""
    return write(as_text(kept), path)


def as_text(kept: SessionState) -> str:
    """The session as it stands in the file."""
    return json.dumps(asdict(kept), indent=1)


def write(text: str, path: Path) -> str:
    """Write the session's text; a sentence for the user where that is impossible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, text.encode())
    except OSError as error:
        why = "a file is in its place" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror
        return (
            f"This session can't be saved in {path.parent} ({why}): what is open, the settings and the list "
            f"of recent files will not be remembered. {ADVICE}, or set XDG_CONFIG_HOME to another one."
        )
    return ""


def put_by(path: Path) -> bool:
    """Move the session of a window that has ended unexpectedly time and again to where it is offered from.

    False where nothing can be written: the session then stays the one to open.
    """
    try:
        path.rename(_free(path, LAST))
    except OSError:
        return False
    return True


def put_by_last(path: Path) -> Path | None:
    """The newest session that was put by and is still to be offered."""
    found = sorted(path.parent.glob(f"{path.name}.{LAST}*"), key=lambda one: one.lstat().st_mtime)
    return found[-1] if found else None


class SessionAutosaver(QObject):
    """Writes the session while the window is open, so that little is lost if it ends without closing."""

    failed = Signal(str)
    """Why what is open will not be remembered; said once, until it could be written again."""
    recovered = Signal()
    """The session is written again."""
    _done = Signal(str, str)

    def __init__(self, kept: Callable[[], SessionState], path: Path, parent: QObject, problem: str = "") -> None:
        """`problem` is why it could not be written before."""
        super().__init__(parent)
        self._kept, self._path, self.problem = kept, path, problem
        self._written = self._writing = ""
        self._pool = QThreadPool(self, maxThreadCount=1)  # a disk may take a second to say that it has a file
        self._done.connect(self._take)
        self._timer = QTimer(self, interval=WRITE_EVERY)
        self._timer.timeout.connect(self.write)
        self._timer.start()

    def write(self) -> None:
        """Write what has changed."""
        kept = self._kept()
        text = as_text(kept)
        if text not in (self._written, self._writing) and not _is_newer(kept.version):
            self._writing, path = text, self._path
            self._pool.start(lambda: self._done.emit(text, write(text, path)))

    def stop(self) -> None:
        """Write no more; what is being written is waited for."""
        self._timer.stop()
        self._pool.waitForDone()

    def _take(self, text: str, problem: str) -> None:
        before, self.problem, self._writing = self.problem, problem, ""
        if not problem:
            self._written = text
            if before:
                self.recovered.emit()
        elif not before:
            self.failed.emit(problem)


def _is_version(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_newer(version: Any) -> bool:
    return _is_version(version) and bool(version > VERSION)


def _shown(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name[:40])


Found = tuple[Any, bool]
"""A value, and whether nothing of it was lost."""


def _text(value: object) -> Found:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or "\0" in value:
        raise ValueError("no text")
    os.fsencode(value)
    return value, True


def _number(least: int, most: int) -> Callable[[object], Found]:
    def read_number(value: object) -> Found:
        if type(value) is not int or not least <= value <= most:
            raise ValueError("no such number")
        return value, True

    return read_number


def _flag(value: object) -> Found:
    if not isinstance(value, bool):
        raise TypeError("neither true nor false")
    return value, True


def _one_of(*known: str) -> Callable[[object], Found]:
    def read_word(value: object) -> Found:
        if value not in known:
            raise ValueError("no such word")
        return value, True

    return read_word


def _list_of(read_one: Callable[[Any], Found], most: int, least: int = 0) -> Callable[[object], Found]:
    """The entries that can be read, of one that is a list."""

    def read_list(value: object) -> Found:
        if not isinstance(value, list):
            raise TypeError("no list")
        found = []
        for one in value[:most]:
            with suppress(*WRONG):
                found.append(read_one(one)[0])
        if len(found) < least:
            raise ValueError("nothing is left")
        return found, len(found) == len(value)

    return read_list


def _architecture(value: Any) -> Found:
    if not isinstance(value, dict):
        raise TypeError("no architecture")
    return architectures.to_json(architectures.from_json(value)), True


def _pin(value: Any) -> Found:
    layer, channel = value
    return [_text(layer)[0], _number(0, 1 << 20)(channel)[0]], True


def _handles(value: Any) -> Found:
    found = {}
    for name, one in value.items():
        with suppress(*WRONG):
            from_changed({name: one})
            found[name] = one
    return found, len(found) == len(value)


def _beside(value: Any) -> Found:
    found = ab.to_values(ab.from_values(value))
    return found, isinstance(value, dict) and found.keys() == value.keys()


def _weights(value: object) -> Found:
    text, _ = _text(value)
    if text.startswith("{"):
        json.loads(text)
    return text, True


def _geometry(value: object) -> Found:
    text, _ = _text(value)
    base64.b64decode(text, validate=True)
    return text, True


READERS: dict[str, Callable[[Any], Found]] = {
    "architecture": _architecture,
    "compared": _list_of(lambda one: (None, True) if one is None else _architecture(one), MOST_COMPARED, least=1),
    "workspace": _number(0, 4),
    "image": _text,
    "images": _list_of(_text, MOST_ENTRIES),
    "recent": _list_of(_text, MOST_ENTRIES),
    "handles": _handles,
    "weights": _weights,
    "layer": _text,
    "activations_page": _number(0, 5),
    "pins": _list_of(_pin, MOST_ENTRIES),
    "beside": _beside,
    "device": _text,
    "theme": _one_of("system", "light", "dark"),
    "geometry": _geometry,
    "unclean": _number(0, 1 << 30),
    "recipe": lambda value: (recipes.to_json(recipes.from_json(value)), True),
    "training_page": _number(0, 3),
    "stop_runs": _flag,
    "keep_handles": _flag,
}


def _free(path: Path, ending: str) -> Path:
    """A name beside the file that nothing has yet."""
    number, free = 1, path.with_name(f"{path.name}.{ending}")
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.name}.{ending}-{number}")
    return free


def _set_aside(path: Path) -> str:
    """Move a file away that is no session at all, and say where it is."""
    aside = _free(path, "bad")
    try:
        path.rename(aside)
    except OSError:
        return "A new one begins."
    return f"It is set aside as {aside.name}, and a new one begins."


def _copy_aside(path: Path) -> str:
    """Copy a session of which something is lost, before it is written anew, and say where the copy is."""
    aside = _free(path, "bad")
    try:
        shutil.copyfile(path, aside)
    except OSError as error:
        return f"No copy of the file could be kept ({error.strerror})."
    return f"A copy of the file is kept as {aside.name}."
