"""The folder of a run: its files, how it is created and found, and requests to a run. Needs neither torch nor Qt.

run.json          the configuration: `Manifest`
events.jsonl      what happened: one `Event` per line
heartbeat         touched every second while the run is alive
stop, pause       request files: stop after the current step, or wait
stop-now          request file: end at once; steps after the newest checkpoint are lost
checkpoints/      step-000110/ …: the newest and the best
probes/           step-000110.npz …: feature maps of the probe images
torchrun          ID of the torchrun launch, if torchrun started the run
log.txt           the process's output, if the window started the run
label.json        name and color that the user gave the run
"""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from msgspec import Meta

from resnet_studio import codec
from resnet_studio.atomic import WRITING, write_new_file
from resnet_studio.causes import os_reason
from resnet_studio.codec import NewerFileError
from resnet_studio.files import (
    FileRefusedError,
    first_irregular,
    is_folder_entry,
    open_below,
    touch_below,
)
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.parsing import ARCHITECTURE
from resnet_studio.networks.presets import preset_name, title
from resnet_studio.training.recipe import RECIPE, Recipe

VERSION = 1
LIBRARIES = ("resnet-studio", "torch", "torchvision", "numpy")
MANIFEST, EVENTS, HEARTBEAT, STOP, PAUSE = "run.json", "events.jsonl", "heartbeat", "stop", "pause"
STOP_NOW = "stop-now"
"""Ends a run in the middle of a step: what it trained since its newest checkpoint is lost."""
CHECKPOINTS, PROBES, LOG, LAUNCH_ID = "checkpoints", "probes", "log.txt", "torchrun"
RUN_ENTRIES = (MANIFEST, EVENTS, HEARTBEAT, STOP, STOP_NOW, PAUSE, CHECKPOINTS, PROBES, LOG, LAUNCH_ID)
"""Everything that a run reads and writes in its folder."""
MAX_MANIFEST_BYTES = 1_000_000
"""Size up to which a manifest is read."""
MAX_STEM_BYTES = 100
"""Bytes of a generated name, without its number."""


Date = Annotated[float, Meta(ge=0.0, lt=221_845_392_000.0, description="a time before the year 9000")]
"""Seconds since 1970. Later dates can't be displayed."""


class RunError(ValueError):
    """A folder is not a run, or a run can't be created in it. The message names it and says why."""


class NewerRunError(RunError):
    """A newer version of the program wrote the run: it is intact but can't be read by this version."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The configuration of a run. It never changes; what happened is in the events."""

    name: str
    architecture: Annotated[Architecture, ARCHITECTURE]
    """As chosen, before it was fitted to the data."""
    recipe: Annotated[Recipe, RECIPE]
    created: Date
    command: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    host: str = ""
    threads: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    """Torch's CPU threads; a resumed run uses as many, since floating-point sums depend on it."""
    workers: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    """Number of processes that share each batch."""
    version: int = VERSION


def runs_folder() -> Path:
    """Default folder of runs."""
    return Path(platformdirs.user_data_dir("resnet-studio", appauthor=False)) / "runs"


def data_folder() -> Path:
    """Folder of downloaded data sets."""
    return Path(platformdirs.user_data_dir("resnet-studio", appauthor=False)) / "data"


def free_name(folder: Path, architecture: Architecture, data: str) -> str:
    """An unused run name in `folder`, such as "resnet20-cifar-digits-1"."""
    stem = f"{preset_name(architecture) or title(architecture).split(',')[0]}-{Path(data).name}"
    stem = re.sub(r"[^\w.-]+", "-", stem).encode()[:MAX_STEM_BYTES].decode(errors="ignore")
    return next(name for number in range(1, 1_000_000) if not (folder / (name := f"{stem}-{number}")).exists())


def new_folder(where: Path, name: str) -> Path:
    """The folder of a new run or experiment of that name; `RunError` if it would not lie directly in `where`."""
    if name in ("", ".", "..") or Path(name).name != name or "\0" in name:
        raise RunError(
            f"{name!r} is not a valid run name: it must be a folder name in {where}, without / and not . or .."
        )
    return where / name


def library_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that the result of a training depends on."""
    return {"python": sys.version.split()[0], **{library: version(library) for library in LIBRARIES}}


def make_run(
    folder: Path, architecture: Architecture, recipe: Recipe, *, command: tuple[str, ...] = ("resnet-studio",),
    threads: int = 0, workers: int = 1,
) -> None:  # fmt: skip
    """Create the folder of a run that is about to be trained on this machine; `RunError` as for `create`.

    It is made before the run's process is started, or before torch is imported, so that no other run can get the
    name meanwhile.
    """
    create(
        folder,
        Manifest(
            folder.name, architecture, recipe, time.time(), command, library_versions(), socket.gethostname(), threads,
            workers,
        ),
    )  # fmt: skip


def create(folder: Path, manifest: Manifest) -> None:
    """Create a run's folder. `RunError` if there is a run already, or if the folder can't be written.

    If several processes create the same run at once, exactly one succeeds. The manifest is written last and
    atomically, and reserves the name: a process that is killed before that does not block the next attempt.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if is_run(folder):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder))
        if any(name not in RUN_ENTRIES and not name.startswith(WRITING) for name in os.listdir(folder)):
            raise RunError(f"{folder.name}: {folder} contains other files. Choose another name")
        for name in (CHECKPOINTS, PROBES):
            (folder / name).mkdir(exist_ok=True)
        os.close(open_run_file(folder, EVENTS, os.O_WRONLY | os.O_CREAT))
        write_new_file(folder / MANIFEST, json.dumps(to_json(manifest), indent=1).encode())
    except OSError as error:
        if isinstance(error, FileExistsError) and folder.is_dir():
            if is_run(folder):
                raise RunError(f"{folder.name}: a run with this name already exists in {folder.parent}") from None
            raise RunError(f"{folder.name}: {folder} contains other files: remove them first") from None
        raise RunError(f"{folder}: can't save a run here: {os_reason(error)}") from None


def read_manifest(folder: Path) -> Manifest:
    """Read a run's manifest. `RunError` says why a folder is not a run, or that a newer version wrote it."""
    path = folder / MANIFEST
    if not os.path.lexists(path):
        if has_begun(folder):
            raise RunError(f"{folder.name}: {MANIFEST} is missing")
        raise RunError(f"{folder.name} is not a run: it has no {MANIFEST}. `resnet-studio runs` lists all runs")
    try:
        return codec.read(folder, MANIFEST, MAX_MANIFEST_BYTES, VERSION, from_json)
    except NewerFileError as error:
        raise NewerRunError(f"{folder.name} {error}") from None
    except FileRefusedError as refusal:
        raise RunError(f"{folder.name}: {MANIFEST} {refusal}") from None


def check_entries(folder: Path) -> None:
    """`RunError` if an entry of the run is neither a regular file nor a folder.

    Training writes and removes files there; in a run from elsewhere, a link could make it do so outside of the run.
    """
    if irregular := first_irregular(folder, RUN_ENTRIES):
        raise RunError(
            f"{folder.name}: {irregular} is a link, a pipe or a device, but a run may contain only files and folders. "
            "Replace it with the file itself, or remove it"
        )


def open_run_file(folder: Path, name: str, flags: int = os.O_RDONLY) -> int:
    """Open a file of a run without following links; its descriptor. `RunError` if it is not a regular file."""
    try:
        return open_below(folder, name, flags)
    except FileRefusedError as refusal:
        raise RunError(f"{folder.name}: {name} {refusal}") from None


def is_run(folder: Path) -> bool:
    """Whether a folder is a run, intact or damaged: it has a manifest, or events without one."""
    return os.path.lexists(os.path.join(folder, MANIFEST)) or has_begun(folder)


def has_begun(folder: Path) -> bool:
    """Whether any event was written. A run that was only created has an empty file."""
    try:
        return os.path.getsize(os.path.join(folder, EVENTS)) > 0
    except OSError:
        return False


def resolve(name_or_path: str, where: Path) -> Path:
    """The folder of a run, given by its name in `where` or by its path; `RunError` if there is none."""
    folder = where / name_or_path if is_run(where / name_or_path) else Path(name_or_path)
    read_manifest(folder)
    return folder


def find_runs(folder: Path) -> list[Path]:
    """The runs below a folder, sorted by name, including those of experiments and damaged ones."""
    return sorted(_iter_runs(folder))


def _iter_runs(folder: Path, depth: int = 2) -> Iterator[Path]:
    try:
        with os.scandir(folder) as scan:
            entries = [entry for entry in scan if is_folder_entry(entry)]
    except OSError:
        return
    for entry in entries:
        if is_run(Path(entry.path)):
            yield Path(entry.path)
        elif depth > 1:
            yield from _iter_runs(Path(entry.path), depth - 1)


def make_request(folder: Path, request: str) -> None:
    """Request that a run `STOP`, `STOP_NOW` or `PAUSE`."""
    touch_below(folder, request)


def withdraw_request(folder: Path, request: str) -> None:
    """Withdraw a request: a paused run continues."""
    (folder / request).unlink(missing_ok=True)


def to_json(manifest: Manifest) -> dict[str, Any]:
    """The manifest as plain JSON values."""
    return codec.to_json(manifest)


def from_json(values: Any) -> Manifest:
    """Read a manifest back; `FieldError` if it is invalid."""
    return codec.from_json(Manifest, values, complete=True)
