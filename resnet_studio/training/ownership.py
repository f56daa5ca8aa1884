"""Who writes a run: one process, which holds a lock of the system's on the run's events. Needs neither torch nor Qt.

The system takes the lock back when the process ends, however it does, and leaves it to one that only sleeps. Where a
file system has no locks, or the process is on another machine, all that can be told is how old the heartbeat is; the
heartbeat also says whose it is, so that a process which wakes up after another has gone on notices.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from resnet_studio.files import open_inside, read_inside
from resnet_studio.training.runs import EVENTS, HEARTBEAT

WAIT, ASK_EVERY = 1.0, 0.02
"""Seconds that a lock is tried for, as who only looks holds it for a moment too, and between two tries."""
LARGEST = 1000
"""Bytes of a heartbeat that are read."""
_HELD: set[int] = set()
"""Descriptors with a lock, which processes that are forked from this one must not keep alive."""


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


def hold(descriptor: int) -> bool | None:
    """Take the lock on an open file until it is closed; False if somebody else has it, None if there are none here."""
    until = time.monotonic() + WAIT
    while (taken := _lock(descriptor, shared=False)) is False and time.monotonic() < until:
        time.sleep(ASK_EVERY)
    if taken:
        _HELD.add(descriptor)
    return taken


def let_go(descriptor: int) -> None:
    """The file is about to be closed, and its lock goes with it."""
    _HELD.discard(descriptor)


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
        free = _lock(descriptor, shared=True)
    finally:
        os.close(descriptor)
    return None if free is None else not free


if sys.platform == "win32":
    import msvcrt

    FAR = 2**62
    """A byte that no file has: a lock on Windows keeps others from reading what is locked."""

    def _lock(descriptor: int, *, shared: bool) -> bool | None:
        os.lseek(descriptor, FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def _lock(descriptor: int, *, shared: bool) -> bool | None:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return None
        return True

    def _drop() -> None:
        """In a process that was just forked: its descriptors would keep the lock when the run is killed."""
        nothing = os.open(os.devnull, os.O_RDONLY)
        for descriptor in _HELD:
            os.dup2(nothing, descriptor, inheritable=False)
        _HELD.clear()
        os.close(nothing)

    os.register_at_fork(after_in_child=_drop)
