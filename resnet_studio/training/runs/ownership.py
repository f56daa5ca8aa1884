"""Which process writes a run: the one that holds a file lock on the run's events. Needs neither torch nor Qt.

The operating system releases the lock when the process ends, however it ends, and a suspended process keeps it. On a
file system without locks, or if the process is on another machine, only the age of the heartbeat can tell. The
heartbeat file also names its owner, so that a suspended process notices on waking that another one has taken over.
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from resnet_studio import codec
from resnet_studio.files import open_below, read_json_below
from resnet_studio.locks import is_free
from resnet_studio.training.runs.run_folder import EVENTS, HEARTBEAT

MAX_BYTES = 1000
"""How much of a heartbeat file is read."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that writes a run, as its heartbeat file names it."""

    host: str
    pid: int
    token: str
    """Unique to each time that a process takes the run."""
    locked: bool
    """Whether it holds a file lock; False on a file system without locks."""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def write_owner(folder: Path, *, locked: bool) -> Owner:
    """Make this process the owner in the run's heartbeat file."""
    owner = Owner(socket.gethostname(), os.getpid(), uuid4().hex, locked)
    descriptor = open_below(folder, HEARTBEAT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    with open(descriptor, "wb") as file:
        file.write(json.dumps(codec.to_json(owner)).encode())
    return owner


def read_owner(folder: Path) -> Owner | None:
    """The last process that wrote the run; None if the heartbeat does not say."""
    with suppress(OSError, ValueError):
        return codec.from_json(Owner, read_json_below(folder, HEARTBEAT, MAX_BYTES), complete=True)
    return None


def is_alive(folder: Path) -> bool | None:
    """Whether the process that writes a run is alive; None if only the age of its heartbeat can tell."""
    locked = _is_locked(folder)
    if locked is not False:
        return locked
    owner = read_owner(folder)
    return False if owner is not None and owner.locked and owner.host == socket.gethostname() else None


def _is_locked(folder: Path) -> bool | None:
    try:
        descriptor = open_below(folder, EVENTS)
    except (OSError, ValueError):
        return None
    try:
        free = is_free(descriptor)
    finally:
        os.close(descriptor)
    return None if free is None else not free
