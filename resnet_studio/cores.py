"""How this program's processes share a machine's cores. Needs neither torch nor Qt.

Two trainings with two threads each on two cores take three times as long at once as one after the other: OpenMP's
threads wait for each other by spinning, on the core that the awaited thread needs. So each process holds a lock while
it computes, counts the locks of the others, and takes its share of the cores.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from resnet_studio.locks import acquire, is_free, release

SPIN = {"GOMP_SPINCOUNT": "10000", "KMP_BLOCKTIME": "1"}
"""How long an OpenMP thread spins before it sleeps: turns of a loop for GNU's library, milliseconds for LLVM's.

GNU's default is 300,000 turns, about a millisecond of a core that another process could use, at each of the hundreds
of barriers in a step.
"""


def bound_spinning() -> None:
    """Make OpenMP's threads spin briefly, in this process and its children. Call it before torch is imported.

    Variables that are set already are left alone.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        for name, value in SPIN.items():
            os.environ.setdefault(name, value)


def claims_folder() -> Path:
    """Folder of the lock files of this user's processes on this machine."""
    return Path(platformdirs.user_cache_dir("resnet-studio", appauthor=False)) / "computing" / socket.gethostname()


class CoreShare:
    """One process's share of the machine's cores while it computes.

    The system releases the lock of a process that dies. Where no lock can be held (a read-only disk, a file system
    without locks) every process counts as alone: it computes as it would without this class.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or claims_folder()
        self._file = self._folder / f"{os.getpid()}-{id(self)}.lock"
        self._descriptor: int | None = None

    def claim(self) -> None:
        """Announce that this process computes, until `release`."""
        for _ in range(3):  # another process may remove the file before it is locked
            if self._descriptor is not None and self._file.exists():
                break
            self.release()
            with suppress(OSError):
                self._folder.mkdir(parents=True, exist_ok=True)
                self._descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o600)
                acquire(self._descriptor)

    def release(self) -> None:
        """Give this process's cores to the others."""
        if self._descriptor is not None:
            release(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None
            with suppress(OSError):
                self._file.unlink(missing_ok=True)

    @contextmanager
    def claimed(self) -> Iterator[CoreShare]:
        """Claim the cores for the duration of a block."""
        self.claim()
        try:
            yield self
        finally:
            self.release()

    @contextmanager
    def released(self) -> Iterator[None]:
        """Give the cores to the others for the duration of a block."""
        self.release()
        try:
            yield
        finally:
            self.claim()

    def others(self) -> int:
        """How many other processes are computing now."""
        try:
            files = [Path(entry.path) for entry in os.scandir(self._folder)]
        except OSError:
            return 0
        return sum(_is_held(file) for file in files if file != self._file)

    def threads(self, most: int) -> int:
        """Threads this process should use, out of `most`: an equal share for every process that computes."""
        return max(1, most // (1 + self.others()))


def _is_held(file: Path) -> bool:
    """Whether the file's process is still computing. The file of a dead process is removed."""
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except OSError:
        return False
    try:
        free = is_free(descriptor)
    finally:
        os.close(descriptor)
    if free:
        with suppress(OSError):
            file.unlink()
    return free is False
