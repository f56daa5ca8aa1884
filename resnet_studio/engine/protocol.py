"""The messages between the window and the engine, and how they cross the pipe. Needs neither torch nor Qt."""

from __future__ import annotations

import io
import pickle
import traceback
from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any, Literal, TypeAlias

import numpy as np

from resnet_studio.causes import IN_A_WINDOW, attach_message

Parts: TypeAlias = list[memoryview]

CANCEL = ""
"""The job of a request that only ends what its lane is running."""
CHUNK_SIZE = 1 << 18
"""Bytes of a reply that are sent at once: the most that the window reads between two rounds of its event loop."""


@dataclass(frozen=True, slots=True)
class Request:
    """Run `job` with these arguments. A newer request of the same lane replaces this one."""

    lane: str
    number: int
    """Increases with every request, over all lanes."""
    job: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """One message of the engine about a request, or about itself.

    Every request gets exactly one of "answer", "error" and "dropped", and nothing after it; before that, "part" for
    each value that the job yields, and "started" whenever the engine switches to it from another request. About
    itself (lane "", number 0) the engine sends "ready" with the versions of its libraries, or "failed" with the error.
    """

    lane: str
    number: int
    kind: Literal["ready", "failed", "started", "part", "answer", "error", "dropped"]
    value: Any = None


class CanceledError(Exception):
    """The request was canceled, so there will be no answer."""

    def __init__(self) -> None:
        super().__init__("Canceled")


class EngineDiedError(RuntimeError):
    """A request that killed the engine twice, so it is not tried a third time. The text names it."""


def picklable(error: BaseException) -> Exception:
    """The error, or a `RuntimeError` with its text if the window would have to import a library to unpickle it.

    The traceback is added as a note, for error reports, and so is the sentence shown for a library's error.
    """
    note = "".join(traceback.format_exception(error))
    try:
        if not isinstance(error, Exception):
            raise TypeError(error)
        _RestrictedUnpickler(io.BytesIO(pickle.dumps(error))).load()
    except Exception:
        error, original = RuntimeError(f"{type(error).__name__}: {error}"), error
        error.__traceback__ = original.__traceback__
    error.add_note(note)
    attach_message(error, IN_A_WINDOW)
    return error


class _RestrictedUnpickler(pickle.Unpickler):
    """Allows Python's own classes and this package's, whose errors live in modules that import nothing heavy."""

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] not in ("builtins", "copyreg", "pathlib", "resnet_studio"):
            raise pickle.UnpicklingError(f"{module}.{name}")
        return super().find_class(module, name)


def pack(reply: Reply) -> tuple[Reply, Parts]:
    """The reply and its parts to send; an error reply instead if its value can't be pickled.

    The first part is the pickle, the others are the memory of its arrays, which is not copied.
    """
    arrays: list[pickle.PickleBuffer] = []
    try:
        pickled = pickle.dumps(reply, protocol=5, buffer_callback=arrays.append)
    except Exception as error:
        return pack(replace(reply, kind="error", value=picklable(error)))
    return reply, [memoryview(pickled), *(buffer.raw() for buffer in arrays)]


def send(pipe: Connection, parts: Parts) -> None:
    """Send a packed reply: the sizes of its parts, then their chunks."""
    pipe.send_bytes(array("Q", [part.nbytes for part in parts]))
    for chunk in _chunks(parts):
        pipe.send_bytes(chunk)


class MessageAssembler:
    """Puts a reply together from the chunks that arrive."""

    def __init__(self) -> None:
        self._parts: Parts = []
        self._missing: deque[memoryview] = deque()

    def add(self, pipe: Connection) -> Reply | None:
        """Receive the next chunk; return the reply once it is complete. `EOFError` or `OSError` at the pipe's end."""
        if not self._missing:
            sizes = memoryview(pipe.recv_bytes()).cast("Q")
            self._parts = [np.empty(size, np.uint8).data for size in sizes]  # not zeroed, unlike a bytearray
            self._missing.extend(_chunks(self._parts))
            return None
        pipe.recv_bytes_into(self._missing.popleft())
        if self._missing:
            return None
        (pickled, *arrays), self._parts = self._parts, []
        reply: Reply = pickle.loads(pickled, buffers=arrays)
        return reply


def _chunks(parts: Parts) -> Iterator[memoryview]:
    for part in parts:
        for start in range(0, part.nbytes, CHUNK_SIZE):
            yield part[start : start + CHUNK_SIZE]
