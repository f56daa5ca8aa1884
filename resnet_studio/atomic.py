"""Writing files and folders so that whoever reads them finds the old or the new, whole, whatever happens meanwhile."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

WRITING = ".writing-"
"""What the names of files and folders begin with that are not whole yet."""


def write_file(path: Path, data: bytes) -> None:
    """Put `data` in the place of a file. If anything fails (`OSError`) the old file is there as before."""
    beside = path.with_name(f"{WRITING}{path.name}-{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
        sync_folder(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Make a folder that `fill` writes files into; it has its name only once all of them are on the disk.

    A folder of that name gives way. If anything fails (`OSError`), nothing has that name that was not there before.
    """
    beside = path.with_name(f"{WRITING}{path.name}-{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir()
        fill(beside)
        for file in beside.iterdir():
            with file.open("rb+") as written:
                os.fsync(written.fileno())
        sync_folder(beside)
        if path.exists():
            shutil.rmtree(path)
        os.rename(beside, path)
        sync_folder(path.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def sync_folder(path: Path) -> None:
    """Make the names in a folder outlive a power cut; where a system can't open folders, it does so by itself."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove what a process that was killed while it wrote has left."""
    for left in folder.glob(f"{WRITING}*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
