"""Atomic writes: a reader finds the old file or folder or the new one, never a part of one."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

WRITING = ".writing-"
"""Prefix of files and folders that are still being written."""
NO_SYNC = {errno.EINVAL, errno.ENOTSUP}
"""Errors of file systems that can't sync a folder, as some network file systems."""


def write_file(path: Path, data: bytes) -> None:
    """Replace a file's contents. If anything fails (`OSError`), the old file is unchanged.

    The one exception is a failure of the final sync of the folder: the new file is in place then.
    """
    temporary = _temporary_path(path)
    with errors_naming(path):
        try:
            _write(temporary, data)
            os.replace(temporary, path)
        finally:
            _discard(temporary)
        sync_folder(path.parent)


def write_new_file(path: Path, data: bytes) -> None:
    """Create a file, completely or not at all; `FileExistsError` if there is one. Of several callers one succeeds.

    On a file system without hard links a power cut may leave a partial file.
    """
    temporary = _temporary_path(path)
    with errors_naming(path):
        try:
            _write(temporary, data)
            try:
                os.link(temporary, path)
            except FileExistsError:
                raise
            except OSError:
                _write(path, data)
        finally:
            _discard(temporary)
        sync_folder(path.parent)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def errors_naming(path: Path) -> Iterator[None]:
    """Make an `OSError` name this path: a full disk names none, and others name the temporary file."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Create a folder that `fill` writes files into; it gets its name once all of them are on the disk.

    An existing folder is not replaced (`FileExistsError`): two folders can't be exchanged atomically. If anything fails
    (`OSError`), nothing has that name, except after a failure of the final sync: the folder is in place then.
    """
    if path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    temporary = _temporary_path(path)
    with errors_naming(path):
        try:
            temporary.mkdir()
            fill(temporary)
            for file in temporary.iterdir():
                with file.open("rb+") as written:
                    os.fsync(written.fileno())
            sync_folder(temporary)
            os.rename(temporary, path)
        finally:
            _discard(temporary)
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder survive a power cut. Systems that can't open folders do so by themselves."""
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


def remove_leftovers(folder: Path) -> None:
    """Remove what killed writers have left behind. Nobody may be writing there meanwhile."""
    for left in folder.glob(f"{WRITING}*"):
        _discard(left)


def _temporary_path(path: Path) -> Path:
    """A unique name in the same folder, across machines."""
    return path.with_name(f"{WRITING}{uuid4().hex}")


def _discard(path: Path) -> None:
    """Remove a file or a folder if it is there; what can't be removed is left to `remove_leftovers`."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
