"""Who writes a run: one process, which holds a lock of the system's on the run's events. Needs neither torch nor Qt.

The system takes the lock back when the process ends, however it does, and leaves it to one that only sleeps. Where a
file system has no locks, or the process is on another machine, all that can be told is how old the heartbeat is; the
heartbeat also says whose it is, so that a process which wakes up after another has gone on notices.
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from resnet_studio.files import open_inside, read_inside
from resnet_studio.locks import is_free
from resnet_studio.training.runs.run_folder import EVENTS, HEARTBEAT

LARGEST = 1000
"""Bytes of a heartbeat that are read."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who writes a run, as its heartbeat says."""

    host: str
    pid: int
    token: str
    """Of this one time that a process took the run."""
    locked: bool
    """Whether it holds a lock, or its file system has none."""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def sign(folder: Path, *, locked: bool) -> Owner:
    """Say in a run's heartbeat that it is this process's now."""
    owner = Owner(socket.gethostname(), os.getpid(), uuid4().hex, locked)
    descriptor = open_inside(folder, HEARTBEAT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    with open(descriptor, "wb") as file:
        file.write(json.dumps(asdict(owner)).encode())
    return owner


def owner(folder: Path) -> Owner | None:
    """Who wrote the run last; None where that is not told."""
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        values = json.loads(read_inside(folder, HEARTBEAT, LARGEST))
        return Owner(str(values["host"]), int(values["pid"]), str(values["token"]), values["locked"] is True)
    return None


def lives(folder: Path) -> bool | None:
    """Whether the process that writes a run is there; None where nothing but its heartbeat can tell."""
    held = _is_held(folder)
    if held is not False:
        return held
    who = owner(folder)
    return False if who is not None and who.locked and who.host == socket.gethostname() else None


def _is_held(folder: Path) -> bool | None:
    try:
        descriptor = open_inside(folder, EVENTS)
    except (OSError, ValueError):
        return None
    try:
        free = is_free(descriptor)
    finally:
        os.close(descriptor)
    return None if free is None else not free
