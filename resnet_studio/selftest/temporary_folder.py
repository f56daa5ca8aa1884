"""The temporary folder of a self-test, which the next one removes if the process was killed during the test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from resnet_studio import locks

PREFIX, LOCK = "resnet-studio-selftest-", ".lock"
"""The name of a folder begins so; the file that its process keeps locked is next to it, with this suffix."""


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that is removed at the end of the block. Those of killed processes are removed first."""
    remove_abandoned()
    descriptor, name = tempfile.mkstemp(LOCK, PREFIX)
    lock = Path(name)
    folder = _folder_of(lock)
    with open(descriptor, "wb"):
        locks.acquire(descriptor)
        try:
            folder.mkdir(mode=0o700)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            locks.release(descriptor)
    lock.unlink(missing_ok=True)


def remove_abandoned() -> None:
    """Remove the folders that nobody uses any more, except for what can't be removed, such as other users'."""
    for lock in Path(tempfile.gettempdir()).glob(f"{PREFIX}*{LOCK}"):
        with suppress(OSError):
            with lock.open("rb") as opened:
                free = locks.is_free(opened.fileno())
            if free:
                shutil.rmtree(_folder_of(lock), ignore_errors=True)
                lock.unlink(missing_ok=True)


def _folder_of(lock: Path) -> Path:
    return lock.with_suffix("")
