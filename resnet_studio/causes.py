"""Error messages for users. A library's own message is never shown alone: it says nothing a user can act on."""

from __future__ import annotations

import dis
import errno
import os

PACKAGE = "resnet_studio"
DETAILS = "RESNET_STUDIO_DEBUG"
"""Environment variable: if set, the command line shows the traceback of unexpected errors."""
SENTENCE = "sentence"
IN_A_TERMINAL = f"Run it again with {DETAILS}=1 and report the output"
IN_A_WINDOW = "Use Copy to get the details for a bug report"
ELSEWHERE = "Choose another location"
NO_RIGHT = "permission denied. Change the permissions or choose another location"
OF_THE_SYSTEM = {
    errno.ENOENT: "file or directory not found. Check the path",
    errno.ENOTDIR: "part of the path is a file, not a directory. Check the path",
    errno.EISDIR: "this is a directory, not a file. Choose a file",
    errno.EEXIST: "a file or directory with this name already exists. Choose another name",
    errno.EACCES: NO_RIGHT,
    errno.EPERM: NO_RIGHT,
    errno.EROFS: f"the disk is read-only. {ELSEWHERE}",
    errno.ENOSPC: "the disk is full. Free some space",
    errno.EDQUOT: "your disk quota is used up. Free some space",
    errno.EFBIG: f"the file is too large for this disk. {ELSEWHERE}",
    errno.ENAMETOOLONG: "the name is too long for this system. Shorten it",
    errno.ELOOP: "the link points back to itself. Choose the original file",
    errno.EIO: f"the disk reported an error. {ELSEWHERE}",
    errno.EMFILE: "too many open files. Close other programs",
}
MEMORY = "not enough memory. Close other programs, or choose a smaller network, image, or batch"


class FieldError(ValueError):
    """A field of a value is wrong: `field` is its name, `reason` says why, for a form that names the field itself."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field, self.reason = field, reason

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"


def describe(error: BaseException, to_report: str = IN_A_TERMINAL) -> str:
    """The error in one or two sentences, without the final full stop: what happened and what to do.

    `to_report` says what to do about an unexpected error.
    """
    if is_own_error(error) and str(error):
        return str(error).rstrip(".")
    if isinstance(error, MemoryError) or _is_about_memory(error):
        return MEMORY
    if isinstance(error, ImportError):
        return f"a library can't be loaded ({_first_line(error)}). Run `resnet-studio doctor` for details"
    if isinstance(error, OSError) and error.errno:
        what = f"{error.filename}: " if error.filename else ""
        return f"{what}{os_reason(error)}"
    where, kind = _location(error), type(error).__name__
    return f"unexpected error in {where} ({kind}). {to_report}"


def os_reason(error: OSError) -> str:
    """Why the operating system refused, to follow "could not be written: "."""
    number = error.errno or 0
    return OF_THE_SYSTEM.get(number) or (f"system error: {os.strerror(number).lower()}" if number else str(error))


def attach_message(error: BaseException, to_report: str) -> None:
    """Attach a message for `message_of` to a library's error: its traceback is lost between processes."""
    if not is_own_error(error):
        error.__dict__[SENTENCE] = describe(error, to_report)


def message_of(error: BaseException) -> str:
    """The message of an error that came from another process."""
    return str(error.__dict__.get(SENTENCE) or str(error) or type(error).__name__)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:120]


def is_own_error(error: BaseException) -> bool:
    """Whether this program raised the error, so that its message is written for users.

    What the operating system refuses is not: its words need others, whoever passed them on.
    """
    if isinstance(error, OSError) and error.errno:
        return False
    if type(error).__module__.partition(".")[0] == PACKAGE:
        return True
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    if frame is None or str(frame.tb_frame.f_globals.get("__name__")).partition(".")[0] != PACKAGE:
        return False
    return dis.opname[frame.tb_frame.f_code.co_code[frame.tb_lasti]] == "RAISE_VARARGS"  # and not a call that failed


def _is_about_memory(error: BaseException) -> bool:
    """Whether torch ran out of memory; only its message tells."""
    text = str(error)
    return "DefaultCPUAllocator" in text or "out of memory" in text.lower() or "not enough memory" in text.lower()


def _location(error: BaseException) -> str:
    """The library that raised an error, or the module and line of this program."""
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    if frame is None:
        return "a library"
    module = str(frame.tb_frame.f_globals.get("__name__", "a library"))
    return f"{module}, line {frame.tb_lineno}" if module.startswith(PACKAGE) else module.partition(".")[0]
