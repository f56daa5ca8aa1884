"""File locks held by the operating system, which releases them when the process ends."""

from __future__ import annotations

import os
import sys
import time

WAIT, ASK_EVERY = 1.0, 0.02
"""Seconds to keep trying for a lock (`is_free` holds it for a moment, too), and between two tries."""
_HELD: set[int] = set()
"""Locked descriptors, which forked processes must not keep open."""


def acquire(descriptor: int) -> bool | None:
    """Lock an open file until it is closed; False if it is locked already, None if locks are not supported here."""
    until = time.monotonic() + WAIT
    while (taken := _lock(descriptor, shared=False)) is False and time.monotonic() < until:
        time.sleep(ASK_EVERY)
    if taken:
        _HELD.add(descriptor)
    return taken


def release(descriptor: int) -> None:
    """Forget a descriptor that is about to be closed, which releases its lock."""
    _HELD.discard(descriptor)


def is_free(descriptor: int) -> bool | None:
    """Whether an open file is not locked; None if locks are not supported. Holds the lock for a moment."""
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
        """After a fork, in the child: its descriptors would keep the lock alive when the parent is killed."""
        nothing = os.open(os.devnull, os.O_RDONLY)
        for descriptor in _HELD:
            os.dup2(nothing, descriptor, inheritable=False)
        _HELD.clear()
        os.close(nothing)

    os.register_at_fork(after_in_child=_drop)
