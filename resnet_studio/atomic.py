"""Writing files and folders so that whoever reads them finds the old or the new, whole, whatever happens meanwhile."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

WRITING = ".writing-"
"""What the names of files and folders begin with that are not whole yet."""
NO_SYNC = {errno.EINVAL, errno.ENOTSUP}
"""What file systems answer that can't sync a folder, as some shared ones."""


def write_file(path: Path, data: bytes) -> None:
    """Put `data` in the place of a file. If anything fails (`OSError`) the old file is there as before.

    Only where the very last thing fails, which keeps the new name through a power cut, the new file is there.
    """
    beside = _beside(path)
    with naming(path):
        try:
            _write(beside, data)
            os.replace(beside, path)
        finally:
            _discard(beside)
        sync_folder(path.parent)


def write_new_file(path: Path, data: bytes) -> None:
    """Make a file that is not there yet, whole or not at all; `FileExistsError` if it is. Of several at once one does.

    Where a file system has no second names for a file, a power cut may leave a part of it.
    """
    beside = _beside(path)
    with naming(path):
        try:
            _write(beside, data)
            try:
                os.link(beside, path)
            except FileExistsError:
                raise
            except OSError:
                _write(path, data)
        finally:
            _discard(beside)
        sync_folder(path.parent)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Have an `OSError` name this path: that of a full disk names none, and others a name that nobody has chosen."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Make a folder that `fill` writes files into; it has its name only once all of them are on the disk.

    A folder that is there already stays (`FileExistsError`): no system can exchange two, and between removing one and
    naming the other a reader would find none. If anything fails (`OSError`), nothing has that name; only where the
    very last thing fails, which keeps the name through a power cut, the whole folder is there.
    """
    if path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    beside = _beside(path)
    with naming(path):
        try:
            beside.mkdir()
            fill(beside)
            for file in beside.iterdir():
                with file.open("rb+") as written:
                    os.fsync(written.fileno())
            sync_folder(beside)
            os.rename(beside, path)
        finally:
            _discard(beside)
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder outlive a power cut; where a system can't open folders, it does so by itself."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove what processes that were killed while they wrote have left. Nobody may be writing there meanwhile."""
    for left in folder.glob(f"{WRITING}*"):
        _discard(left)


def _beside(path: Path) -> Path:
    """A name in the same folder that nobody else has, on this machine or another."""
    return path.with_name(f"{WRITING}{uuid4().hex}")


def _discard(path: Path) -> None:
    """Remove a file or a folder if it is there; one that can't be removed is left for `sweep`."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
