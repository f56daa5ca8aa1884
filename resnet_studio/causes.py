"""What to say of an error, whoever raised it: a library's own sentence is none that a user can do something with."""

from __future__ import annotations

import dis
import errno
import os
from pathlib import Path

from resnet_studio.files import shown

PACKAGE = "resnet_studio"
DETAILS = "RESNET_STUDIO_DEBUG"
"""A variable of the environment: where it is set, the command line shows the traceback of what it did not foresee."""
SENTENCE = "sentence"
IN_A_TERMINAL = f"Run it again with {DETAILS}=1 and report what that shows"
IN_A_WINDOW = "Copy has what a report of it needs"
OF_THE_SYSTEM = {
    errno.ENOENT: "does not exist. Check the path",
    errno.ENOTDIR: "does not exist: a part of its path is not a folder. Check the path",
    errno.EISDIR: "is a folder, not a file. Name a file in it",
    errno.EEXIST: "is there already. Choose another name",
    errno.EACCES: "may not be read or written. Change its permissions, or choose another place",
    errno.EPERM: "may not be read or written. Change its permissions, or choose another place",
    errno.EROFS: "is on a disk that can't be written. Choose another place",
    errno.ENOSPC: "can't be written, as the disk is full. Free some space, or choose another place",
    errno.EDQUOT: "can't be written, as your share of the disk is used up. Free some space, or choose another place",
    errno.EFBIG: "would be larger than this system allows. Choose another place",
    errno.ENAMETOOLONG: "has a longer name than this system allows. Shorten it",
    errno.ELOOP: "is a link that leads back to itself. Choose the file it was meant for",
    errno.EIO: "can't be read or written: the disk reports an error. Choose another place",
    errno.EMFILE: "can't be opened: too many files are open. Close other programs",
}
MEMORY = "there is not enough memory. Close other programs, or choose a smaller network, image or batch"


def cause(error: BaseException, to_report: str = IN_A_TERMINAL) -> str:
    """The error in one or two sentences without a full stop at the end: what happened and what to do.

    `to_report` is what to do about a fault that nobody foresaw.
    """
    if is_ours(error) and str(error):
        return str(error).rstrip(".")
    if isinstance(error, MemoryError) or _is_about_memory(error):
        return MEMORY
    if isinstance(error, ImportError):
        return f"a library can't be loaded ({_first_line(error)}): `resnet-studio doctor` says what is missing"
    if isinstance(error, OSError) and error.errno:
        known = OF_THE_SYSTEM.get(error.errno)
        what = shown(Path(os.fsdecode(error.filename))) if isinstance(error.filename, str | bytes) else ""
        if known:
            return f"{what or 'a file'} {known}"
        return f"the system refused {f'what was asked of {what}' if what else 'it'}: {os.strerror(error.errno).lower()}"
    return (
        f"something failed in {_where(error)} that this program did not foresee ({type(error).__name__}). {to_report}"
    )


def give_sentence(error: BaseException, to_report: str) -> None:
    """Have a library's error say what `sentence` says of it once its traceback is gone, as in another process."""
    if not is_ours(error):
        error.__dict__[SENTENCE] = cause(error, to_report)


def sentence(error: BaseException) -> str:
    """What to say of an error that has come from another process."""
    return str(error.__dict__.get(SENTENCE) or str(error) or type(error).__name__)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:120]


def is_ours(error: BaseException) -> bool:
    """Whether this program has raised the error and so has chosen its words."""
    if type(error).__module__.partition(".")[0] == PACKAGE:
        return True
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    if frame is None or str(frame.tb_frame.f_globals.get("__name__")).partition(".")[0] != PACKAGE:
        return False
    return dis.opname[frame.tb_frame.f_code.co_code[frame.tb_lasti]] == "RAISE_VARARGS"  # and not a call that failed


def _is_about_memory(error: BaseException) -> bool:
    """Whether torch lacked memory, which it says only by its words."""
    text = str(error)
    return "DefaultCPUAllocator" in text or "out of memory" in text.lower() or "not enough memory" in text.lower()


def _where(error: BaseException) -> str:
    """The library that an error comes from, or the place in this program."""
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    if frame is None:
        return "a library"
    module = str(frame.tb_frame.f_globals.get("__name__", "a library"))
    return f"{module}, line {frame.tb_lineno}" if module.startswith(PACKAGE) else module.partition(".")[0]
