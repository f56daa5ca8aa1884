"""How this program's processes share a machine's cores. Needs neither torch nor Qt.

Two trainings with two threads each on two cores take three times as long at once as one after the other: OpenMP's
threads wait for each other by spinning, on the core that the awaited thread needs. So whoever computes holds a lock
while it does, counts the locks of the others, and takes its part of the cores.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from resnet_studio.locks import hold, is_free, let_go

SPIN = {"GOMP_SPINCOUNT": "10000", "KMP_BLOCKTIME": "1"}
"""How long an OpenMP thread spins before it sleeps: turns of a loop for GNU's library, milliseconds for LLVM's.

GNU's own default is 300,000 turns, about a millisecond of a core that somebody else could use, at each of the hundreds
of meetings of threads in a step.
"""


def bound_spinning() -> None:
    """Have OpenMP's threads spin briefly, in this process and its children. To be called before torch is imported.

    What the environment says already is left as it is.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        for name, value in SPIN.items():
            os.environ.setdefault(name, value)


def claims_folder() -> Path:
    """Where the processes of this user on this machine hold their locks."""
    return Path(platformdirs.user_cache_dir("resnet-studio", appauthor=False)) / "computing" / socket.gethostname()


class CoreShare:
    """One process's part of the machine's cores, for as long as it computes.

    The system releases the lock of a process that dies. Where no lock can be held (a read-only disk, a file system
    without locks) every process counts as alone: it computes as it would without this class.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or claims_folder()
        self._file = self._folder / f"{os.getpid()}-{id(self)}.lock"
        self._descriptor: int | None = None

    def claim(self) -> None:
        """Let others know that this process computes, until `release`."""
        for _ in range(3):  # another process may remove the file before it is locked
            if self._descriptor is not None and self._file.exists():
                break
            self.release()
            with suppress(OSError):
                self._folder.mkdir(parents=True, exist_ok=True)
                self._descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o600)
                hold(self._descriptor)

    def release(self) -> None:
        """Let others have this process's cores."""
        if self._descriptor is not None:
            let_go(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None
            with suppress(OSError):
                self._file.unlink(missing_ok=True)

    @contextmanager
    def claimed(self) -> Iterator[CoreShare]:
        """Claim the cores for a block."""
        self.claim()
        try:
            yield self
        finally:
            self.release()

    @contextmanager
    def released(self) -> Iterator[None]:
        """Let others have the cores for a block."""
        self.release()
        try:
            yield
        finally:
            self.claim()

    def others(self) -> int:
        """How many other processes compute now."""
        try:
            files = [Path(entry.path) for entry in os.scandir(self._folder)]
        except OSError:
            return 0
        return sum(_is_held(file) for file in files if file != self._file)

    def threads(self, most: int) -> int:
        """How many of `most` threads this process should compute with: an equal part for each that computes."""
        return max(1, most // (1 + self.others()))


def _is_held(file: Path) -> bool:
    """Whether the process computes that made the file. The file of one that is gone is removed."""
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
