"""Locks that the system holds on open files, and drops when the process ends that has them."""

from __future__ import annotations

import os
import sys
import time

WAIT, ASK_EVERY = 1.0, 0.02
"""Seconds that a lock is tried for, as who only looks holds it for a moment too, and between two tries."""
_HELD: set[int] = set()
"""Descriptors with a lock, which processes that are forked from this one must not keep alive."""


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


def is_free(descriptor: int) -> bool | None:
    """Whether nobody has the lock on an open file; None if there are none here. It is held for that moment."""
    return _lock(descriptor, shared=True)


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
