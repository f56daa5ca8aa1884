"""Safe file access: reading a file the user named without ever blocking, and opening files below a folder without
following links."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable, Iterable
from io import BufferedReader
from pathlib import Path, PurePath
from typing import Any, TypeVar

from resnet_studio.plain import plain

Value = TypeVar("Value")
MAX_JSON_BYTES = 1_000_000
"""Size up to which a JSON file of the user is read; recipes and architectures have a few hundred bytes."""
OPENING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""A pipe that takes a file's place after the first look must not block: hence O_NONBLOCK."""
WRITING = os.O_WRONLY | os.O_RDWR
BY_DESCRIPTOR = os.open in os.supports_dir_fd and os.stat in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
"""Whether this system opens a name in a folder that is open already, and can be told not to follow a link."""
LINK = "is a link, and links in a folder are not followed. Replace it with the file itself"
SECOND_NAME = "has another hard link, which would change with it. Copy the whole folder first"
CAUSES = {
    errno.ENOENT: "does not exist. Check the path or choose the file again",
    errno.ENOTDIR: "does not exist: part of its path is not a folder. Check the path",
    errno.EACCES: "can't be read: permission denied. Change its permissions, or copy it to your own folder",
    errno.EPERM: "can't be read: permission denied. Change its permissions, or copy it to your own folder",
    errno.ELOOP: "is a link that points back to itself. Choose the original file",
    errno.ENAMETOOLONG: "has a name that is too long for this system. Shorten it",
}


class FileRefusedError(ValueError):
    """Why a file is refused: the rest of a sentence that begins with the file's name, and what to do."""


def display_name(path: Path) -> str:
    """The file's name for a message, printable even if its bytes are not valid text."""
    return plain(os.fsencode(path.name or path).decode("utf-8", "replace"))


def is_folder_entry(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder or a link to one; a circular link is neither."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def read_file(path: Path, most: int) -> bytes:
    """The bytes of a regular file of at most `most` bytes; `FileRefusedError` otherwise.

    Folders, pipes, sockets and devices are refused without opening them, so nothing here ever waits for a
    writer. Links are followed. A file replaced meanwhile gives its old bytes, one written meanwhile is refused.
    """
    try:
        _check(path.stat(), most)
        return _read_all(os.open(path, OPENING), most)
    except (OSError, ValueError) as error:
        raise as_refusal(path, error) from error


def open_file(path: Path, most: int, folder: Path | None = None) -> BufferedReader:
    """Open a regular file of at most `most` bytes for reading parts of it; `FileRefusedError` otherwise.

    As `read_file`, it never waits. With `folder`, `path` is below it, and no link is followed on the way.
    """
    try:
        if folder is None:
            _check(path.stat(), most)
            descriptor = os.open(path, OPENING)
        else:
            descriptor = open_below(folder, str(path))
        file = open(descriptor, "rb")  # noqa: SIM115  (the caller closes it)
    except (OSError, ValueError) as error:
        raise as_refusal(folder / path if folder else path, error) from error
    try:
        _check(os.fstat(descriptor), most)
    except FileRefusedError:
        file.close()
        raise
    return file


def read_file_below(folder: Path, name: str, most: int) -> bytes:
    """As `read_file`, of a file below a folder, but no link is followed on the way from the folder to it."""
    try:
        return _read_all(open_below(folder, name), most)
    except (OSError, ValueError) as error:
        raise as_refusal(folder / name, error) from error


def open_below(folder: Path, name: str, flags: int = os.O_RDONLY) -> int:
    """Open a regular file below a folder, returning its descriptor; `FileRefusedError` for links anywhere on the way.

    Neither pipes nor devices are opened. Where the system can open a name in a folder that is open already, nothing
    that is exchanged meanwhile is followed either. A file opened for writing must have no other hard link.
    """
    *between, last = PurePath(name).parts
    place, at = folder, os.open(folder, os.O_RDONLY | os.O_DIRECTORY) if BY_DESCRIPTOR else None
    try:
        for part in between:
            _no_link(place, part, at)
            place, outer = place / part, at
            if outer is not None:
                at = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=outer)
                os.close(outer)
        return _open_in(place, last, at, flags)
    except OSError as error:
        error.filename = str(folder / name)
        raise
    finally:
        if at is not None:
            os.close(at)


def touch_below(folder: Path, name: str) -> None:
    """`touch` a file below a folder."""
    descriptor = open_below(folder, name, os.O_WRONLY | os.O_CREAT)
    try:
        os.utime(descriptor if os.utime in os.supports_fd else folder / name)
    finally:
        os.close(descriptor)


def first_irregular(folder: Path, names: Iterable[str]) -> str:
    """The first of some names in a folder, or of what is below them, that is neither file nor folder; empty if none.

    To be asked before writing or deleting there: a folder with such an entry is left alone.
    """
    waiting = sorted(names, reverse=True)
    while waiting:
        name = waiting.pop()
        try:
            shape = os.lstat(folder / name)
            if stat.S_ISDIR(shape.st_mode) and not _is_link(shape):
                waiting += [f"{name}/{inner}" for inner in sorted(os.listdir(folder / name), reverse=True)]
            elif _is_link(shape) or not stat.S_ISREG(shape.st_mode):
                return name
        except FileNotFoundError:
            continue
    return ""


def _open_in(place: Path, name: str, at: int | None, flags: int) -> int:
    shape = _no_link(place, name, at)
    if shape is not None:
        _check_kind(shape)
    safe = OPENING | flags | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(place / name if at is None else name, safe, 0o644, dir_fd=at)
    try:
        opened = os.fstat(descriptor)
        _check_kind(opened)
        if flags & WRITING and opened.st_nlink > 1:
            raise FileRefusedError(SECOND_NAME)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _no_link(place: Path, name: str, at: int | None) -> os.stat_result | None:
    """The entry's status; None if there is no such entry."""
    try:
        shape = os.lstat(place / name) if at is None else os.stat(name, dir_fd=at, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if _is_link(shape):
        raise FileRefusedError(LINK)
    return shape


def _is_link(shape: os.stat_result) -> bool:
    """A link of any kind; Windows has one for folders that is called a junction."""
    return stat.S_ISLNK(shape.st_mode) or getattr(shape, "st_reparse_tag", 0) == 0xA0000003


def _read_all(descriptor: int, most: int) -> bytes:
    """The contents of an open regular file; `FileRefusedError` if it exceeds `most` bytes or changes meanwhile."""
    with open(descriptor, "rb") as file:
        before = os.fstat(descriptor)
        _check(before, most)
        data = file.read(before.st_size + 1)
        after = os.fstat(descriptor)
    if len(data) != before.st_size or (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise FileRefusedError("changed while it was being read. Try again when it is complete")
    return data


def read_json(path: Path, from_json: Callable[[str], Value]) -> Value:
    """The value in a JSON file that the user named; `ValueError` says in one line what is wrong with which file.

    `from_json` parses the text and raises a `ValueError` that says what is wrong with it.
    """
    try:
        return from_json(read_file(path, MAX_JSON_BYTES).decode("utf-8-sig"))
    except FileRefusedError as refusal:
        raise ValueError(f"{display_name(path)} {refusal}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{display_name(path)}: not valid JSON: {json_fault(error)}") from None
    except ValueError as error:
        raise ValueError(f"{display_name(path)}: {error}") from None


def read_json_below(folder: Path, name: str, most: int) -> Any:
    """Parse a JSON file of at most `most` bytes below a folder; `FileRefusedError` says why it can't be read.

    Every file of the program's own is read by this, as it may be truncated, damaged or crafted. No link is followed on
    the way from the folder to it.
    """
    data = read_file_below(folder, name, most)
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FileRefusedError(f"is damaged ({json_fault(error)})") from None


def json_fault(error: ValueError | RecursionError) -> str:
    """What is wrong with a JSON text, in words, from the error that `json.loads` raised."""
    if isinstance(error, json.JSONDecodeError):
        cut_off = not error.doc[error.pos :].strip() or error.msg.startswith("Unterminated")
        return "unexpected end of file" if cut_off else f"syntax error at line {error.lineno}, column {error.colno}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return "not text" if isinstance(error, UnicodeError) else "it contains a number with thousands of digits"


def _check(status: os.stat_result, most: int) -> None:
    _check_kind(status)
    if status.st_size == 0:
        raise FileRefusedError("is empty. Copy or download it again")
    if status.st_size > most:
        size, limit = f"{status.st_size / 1e6:,.0f} MB", f"{most / 1e6:,.0f} MB"
        if size == limit:
            size, limit = f"{status.st_size:,} bytes", f"{most:,}"
        raise FileRefusedError(f"is {size}, and the limit is {limit}. Choose a smaller file")


def _check_kind(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise FileRefusedError("is a folder, not a file. Choose a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise FileRefusedError("is a pipe, socket or device, not a file. Choose a file")


def as_refusal(path: Path, error: OSError | ValueError) -> FileRefusedError:
    """Why a file that an error was raised for can't be read."""
    if isinstance(error, FileRefusedError):
        return error
    if not isinstance(error, OSError):
        return FileRefusedError("has an invalid name. Check the path")
    if error.errno == errno.ENOENT and path.is_symlink():
        return FileRefusedError("is a broken link. Choose the file itself")
    return FileRefusedError(
        CAUSES.get(error.errno or 0, f"can't be read: {error.strerror}. Copy it elsewhere and try again")
    )
