"""A run is a folder: what is in it, how it is made, found and told what to do. Needs neither torch nor Qt.

run.json          what was asked for: `Manifest`
events.jsonl      what happened: one `Event` a line
heartbeat         touched every second while the run lives
stop, pause       made by whoever wants the run to end after its step, or to wait
stop-now          made by whoever wants it to end at once, at the newest checkpoint
checkpoints/      step-000110/ …: the newest and the best
probes/           step-000110.npz …: what the probe images looked like inside
torchrun          which torchrun started it, where one did
log.txt           what the process printed, where a window started it
label.json        name and colour that a user gave it
"""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import platformdirs

from resnet_studio.atomic import WRITING, write_new_file
from resnet_studio.causes import why
from resnet_studio.files import Refusal, json_inside, leads_to_folder, open_inside, strange_inside, touch_inside
from resnet_studio.networks import architecture as architectures
from resnet_studio.networks.architecture import Architecture, ArchitectureError
from resnet_studio.networks.presets import preset_name, title
from resnet_studio.training import recipe as recipes
from resnet_studio.training.recipe import Recipe, RecipeError

VERSION = 1
LIBRARIES = ("resnet-studio", "torch", "torchvision", "numpy")
MANIFEST, EVENTS, HEARTBEAT, STOP, PAUSE = "run.json", "events.jsonl", "heartbeat", "stop", "pause"
STOP_NOW = "stop-now"
"""Ends a run in the middle of its step: what it trained since its newest checkpoint is lost."""
CHECKPOINTS, PROBES, LOG, LAUNCH = "checkpoints", "probes", "log.txt", "torchrun"
OWN = (MANIFEST, EVENTS, HEARTBEAT, STOP, STOP_NOW, PAUSE, CHECKPOINTS, PROBES, LOG, LAUNCH)
"""What a run reads and writes in its folder."""
LARGEST_MANIFEST = 1_000_000
"""Bytes of a manifest that is read."""
LONGEST_STEM = 100
"""Bytes of a free name, without its number."""
LONGEST_REASON = 200
"""Characters of a reason; it may quote what stands in a damaged file."""


class RunError(ValueError):
    """A folder is no run, or can't be made one. The text names it and says why."""


class NewerRunError(RunError):
    """A newer version of the program wrote the run: nothing is wrong with it, but it can't be read here."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was asked for. It never changes; what became of it is in the events."""

    name: str
    architecture: Architecture
    """As it was chosen, before it was fitted to the data."""
    recipe: Recipe
    created: float
    command: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    host: str = ""
    threads: int = 0
    """How many torch computes with on the CPU; a resumed run takes as many, as sums depend on it."""
    workers: int = 1
    """Processes that share each batch."""
    version: int = VERSION


def runs_folder() -> Path:
    """Where runs are kept unless told otherwise."""
    return Path(platformdirs.user_data_dir("resnet-studio", appauthor=False)) / "runs"


def data_folder() -> Path:
    """Where downloaded data sets are kept."""
    return Path(platformdirs.user_data_dir("resnet-studio", appauthor=False)) / "data"


def free_name(folder: Path, architecture: Architecture, data: str) -> str:
    """A name that no run in the folder has: "resnet20-cifar-digits-1"."""
    stem = f"{preset_name(architecture) or title(architecture).split(',')[0]}-{Path(data).name}"
    stem = re.sub(r"[^\w.-]+", "-", stem).encode()[:LONGEST_STEM].decode(errors="ignore")
    return next(name for number in range(1, 1_000_000) if not (folder / (name := f"{stem}-{number}")).exists())


def place(where: Path, name: str) -> Path:
    """The folder of a new run, or experiment, of that name; `RunError` if it would not lie in `where`."""
    if name in ("", ".", "..") or Path(name).name != name or "\0" in name:
        raise RunError(f"{name!r} can't be a run's name: a folder in {where} is called so, without / and not . or ..")
    return where / name


def environment() -> dict[str, str]:
    """Versions of Python and of what the result of a training depends on."""
    return {"python": sys.version.split()[0], **{library: version(library) for library in LIBRARIES}}


def make(folder: Path, manifest: Manifest) -> None:
    """Make a run's folder. `RunError` if a run is there already, or if the folder can't be written.

    Of several that make the same at once, one does. The manifest comes last and whole, and takes the name: a process
    that is killed before leaves nothing in the way of the next.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if is_run(folder):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder))
        if any(name not in OWN and not name.startswith(WRITING) for name in os.listdir(folder)):
            raise RunError(f"{folder.name}: there is something else in {folder}. Choose another name")
        for name in (CHECKPOINTS, PROBES):
            (folder / name).mkdir(exist_ok=True)
        os.close(open_own(folder, EVENTS, os.O_WRONLY | os.O_CREAT))
        write_new_file(folder / MANIFEST, json.dumps(to_json(manifest), indent=1).encode())
    except OSError as error:
        if isinstance(error, FileExistsError) and folder.is_dir():
            if is_run(folder):
                raise RunError(f"{folder.name}: there is a run of this name already in {folder.parent}") from None
            raise RunError(f"{folder.name}: something else is in its folder {folder}: remove it first") from None
        raise RunError(f"{folder}: a run can't be kept here: {why(error)}") from None


def read(folder: Path) -> Manifest:
    """A run's manifest. `RunError` says why a folder is no run, or that a newer version wrote it."""
    path = folder / MANIFEST
    if not os.path.lexists(path):
        if _has_events(folder):
            raise RunError(f"{folder.name}: {MANIFEST} is missing")
        raise RunError(
            f"{folder.name} is not a run: it has no {MANIFEST}. `resnet-studio runs` lists the runs there are"
        )
    try:
        values = json_inside(folder, MANIFEST, LARGEST_MANIFEST)
        if values["version"] > VERSION:
            raise NewerRunError(f"{folder.name} was written by a newer version of this program; it is left as it is")
        return from_json(values)
    except RunError:
        raise
    except Refusal as refusal:
        raise RunError(f"{folder.name}: {MANIFEST} {refusal}") from None
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise RunError(f"{folder.name}: {MANIFEST} is damaged ({wrong_with(error)})") from None


def wrong_with(error: Exception) -> str:
    """What is wrong with the values of a file, in words, from what reading them raised."""
    if isinstance(error, KeyError):
        return f"the field {error} is missing"
    if isinstance(error, ArchitectureError | RecipeError):
        text = str(error)
        return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]} …"
    return "a field has a value of the wrong kind"


def check(folder: Path) -> None:
    """`RunError` if something of the run is no plain file or folder: a run from elsewhere must not lead out of itself.

    Training writes and removes files there, and would do so wherever a link points to.
    """
    if strange := strange_inside(folder, OWN):
        raise RunError(
            f"{folder.name}: {strange} is a link, a pipe or a device, and a run may hold files and folders alone. "
            "Put the file itself there, or remove it"
        )


def open_own(folder: Path, name: str, flags: int = os.O_RDONLY) -> int:
    """Open a file of a run's, never through a link, and return its descriptor; `RunError` where it is none."""
    try:
        return open_inside(folder, name, flags)
    except Refusal as refusal:
        raise RunError(f"{folder.name}: {name} {refusal}") from None


def is_run(folder: Path) -> bool:
    """Whether a folder is a run's, be it a damaged one: it has a manifest, or events without one."""
    return os.path.lexists(os.path.join(folder, MANIFEST)) or _has_events(folder)


def _has_events(folder: Path) -> bool:
    """Whether something was told there; a run that was killed while it was made has an empty file."""
    try:
        return os.path.getsize(os.path.join(folder, EVENTS)) > 0
    except OSError:
        return False


def named(text: str, where: Path) -> Path:
    """The folder of the run of that name in `where`, or whose path is given; `RunError` if there is none."""
    folder = where / text if is_run(where / text) else Path(text)
    read(folder)
    return folder


def find(folder: Path) -> list[Path]:
    """The runs below a folder, those of experiments and damaged ones included, in the order of their names."""
    return sorted(_found(folder))


def _found(folder: Path, depth: int = 2) -> Iterator[Path]:
    try:
        with os.scandir(folder) as found:
            entries = [entry for entry in found if leads_to_folder(entry)]
    except OSError:
        return
    for entry in entries:
        if is_run(Path(entry.path)):
            yield Path(entry.path)
        elif depth > 1:
            yield from _found(Path(entry.path), depth - 1)


def request(folder: Path, what: str) -> None:
    """Ask a run to `STOP`, to `STOP_NOW` or to `PAUSE`."""
    touch_inside(folder, what)


def withdraw(folder: Path, what: str) -> None:
    """Take a request back: a paused run goes on."""
    (folder / what).unlink(missing_ok=True)


def this_machine() -> str:
    return socket.gethostname()


def to_json(manifest: Manifest) -> dict[str, Any]:
    """The manifest as plain JSON values."""
    return {
        "version": manifest.version,
        "name": manifest.name,
        "architecture": architectures.to_json(manifest.architecture),
        "recipe": recipes.to_json(manifest.recipe),
        "created": manifest.created,
        "command": list(manifest.command),
        "versions": manifest.versions,
        "host": manifest.host,
        "threads": manifest.threads,
        "workers": manifest.workers,
    }


def from_json(values: Mapping[str, Any]) -> Manifest:
    """Read a manifest back; `ValueError`, `KeyError` or `TypeError` where it is not one."""
    return Manifest(
        name=_text(values["name"]),
        architecture=architectures.from_json(values["architecture"]),
        recipe=recipes.from_json(values["recipe"]),
        created=_date(values["created"]),
        command=tuple(map(_text, values["command"])),
        versions={_text(library): _text(number) for library, number in dict(values["versions"]).items()},
        host=_text(values["host"]),
        threads=int(values["threads"]),
        workers=_workers(values["workers"]),
        version=int(values["version"]),
    )


def _date(value: Any) -> float:
    """Seconds since 1970, until the year 9000: what comes after can't be shown."""
    if not 0 <= float(value) < 221_845_392_000:
        raise ValueError(f"a time is needed, got {value!r}")
    return float(value)


def _workers(value: Any) -> int:
    if not 1 <= int(value) <= 1_000_000:
        raise ValueError(f"a number of workers is needed, got {value!r}")
    return int(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text is needed, got {value!r}")
    return value
