"""Reading a file that a user named: at once or not at all, and only as one whole version."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

OPENING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""A pipe that takes a file's place after the first look must not block: hence O_NONBLOCK."""
CAUSES = {
    errno.ENOENT: "does not exist. Check the path or choose the file again",
    errno.ENOTDIR: "does not exist: a part of its path is not a folder. Check the path",
    errno.EACCES: "may not be read. Change its permissions or copy it to your own folder",
    errno.EPERM: "may not be read. Change its permissions or copy it to your own folder",
    errno.ELOOP: "is a link that leads back to itself. Choose the file it was meant for",
    errno.ENAMETOOLONG: "has a longer name than this system allows. Shorten it",
}


class Refusal(ValueError):  # noqa: N818 - nothing failed
    """Why a file is not taken: the rest of a sentence that begins with the file's name, and what to do."""


def shown(path: Path) -> str:
    """The file's name for a message, printable even where its bytes are no valid text."""
    return os.fsencode(path.name or path).decode("utf-8", "replace")


def leads_to_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder or a link to one; a link that leads back to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def read_file(path: Path, most: int) -> bytes:
    """The bytes of a regular file of at most `most` bytes; `Refusal` otherwise.

    Folders, pipes, sockets and devices are refused without opening them, so nothing here ever waits for a
    writer. Links are followed. A file replaced meanwhile gives its old bytes, one written meanwhile is refused.
    """
    try:
        _check(path.stat(), most)
        descriptor = os.open(path, OPENING)
        with open(descriptor, "rb") as file:
            before = os.fstat(descriptor)
            _check(before, most)
            data = file.read(before.st_size + 1)
            after = os.fstat(descriptor)
    except (OSError, ValueError) as error:
        raise _refusal(path, error) from error
    if len(data) != before.st_size or (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise Refusal("changed while it was being read. Try again when it is complete")
    return data


def read_json(path: Path, most: int) -> Any:
    """What a JSON file of at most `most` bytes holds; `Refusal` says in plain words why it can't be had.

    Every file of the program's own that may be cut off, damaged or crafted is read by this.
    """
    data = read_file(path, most)
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Refusal(f"is damaged ({json_fault(error)})") from None


def json_fault(error: ValueError | RecursionError) -> str:
    """Why a text is not JSON, in plain words, from what `json.loads` raised."""
    if isinstance(error, json.JSONDecodeError):
        cut_off = not error.doc[error.pos :].strip() or error.msg.startswith("Unterminated")
        return "it breaks off before its end" if cut_off else f"line {error.lineno}, column {error.colno} is not JSON"
    if isinstance(error, RecursionError):
        return "its brackets are nested too deeply"
    return "it is not text" if isinstance(error, UnicodeError) else "it holds a number of thousands of digits"


def _check(status: os.stat_result, most: int) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise Refusal("is a folder, not a file. Choose a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise Refusal("is a pipe, socket or device, not a file. Choose a file")
    if status.st_size == 0:
        raise Refusal("is empty. Copy or download it again")
    if status.st_size > most:
        size, limit = status.st_size / 1e6, most / 1e6
        raise Refusal(f"has {size:,.0f} MB; up to {limit:,.0f} MB are read. Choose a smaller file")


def _refusal(path: Path, error: OSError | ValueError) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if not isinstance(error, OSError):
        return Refusal("has a name that no file can have. Check the path")
    if error.errno == errno.ENOENT and path.is_symlink():
        return Refusal("is a link to a file that does not exist. Choose the file itself")
    return Refusal(CAUSES.get(error.errno or 0, f"can't be read: {error.strerror}. Copy it elsewhere and try again"))
