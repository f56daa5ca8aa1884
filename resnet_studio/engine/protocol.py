"""What the window and the engine say to each other, and how it gets across. Needs neither torch nor Qt."""

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

from resnet_studio.causes import IN_A_WINDOW, give_sentence

Parts: TypeAlias = list[memoryview]

NOTHING = ""
"""The job of a request that only ends what its lane is doing."""
PIECE = 1 << 18
"""Bytes of a reply that are sent at once: what the window waits for at most before it looks at its events again."""


@dataclass(frozen=True, slots=True)
class Request:
    """Do `job` with these arguments. Of the requests of one lane only the newest counts."""

    lane: str
    number: int
    """Rises from request to request, over all lanes."""
    job: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What the engine says of one request.

    Of every request it says exactly one of "answer", "error" and "dropped", and nothing after that; before it
    "part" for each value the job yields, and "started" when it turns from another request to this one. Of itself
    it says (in no lane, number 0) "ready" with the versions of its libraries, or "failed" with the reason.
    """

    lane: str
    number: int
    kind: Literal["ready", "failed", "started", "part", "answer", "error", "dropped"]
    value: Any = None


class EngineDiedError(RuntimeError):
    """A request that ended the engine twice, and so is not tried a third time. The text names it."""


def crossing(error: BaseException) -> Exception:
    """The error, or a `RuntimeError` with its text where the window could not unpickle it without importing more.

    Its traceback goes along as a note, for whoever copies the error into a report, and with a library's error what to
    say of it.
    """
    note = "".join(traceback.format_exception(error))
    try:
        if not isinstance(error, Exception):
            raise TypeError(error)
        _Plain(io.BytesIO(pickle.dumps(error))).load()
    except Exception:
        error, original = RuntimeError(f"{type(error).__name__}: {error}"), error
        error.__traceback__ = original.__traceback__
    error.add_note(note)
    give_sentence(error, IN_A_WINDOW)
    return error


class _Plain(pickle.Unpickler):
    """Knows Python's own classes and this package's, whose errors live where nothing heavy is imported."""

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] not in ("builtins", "copyreg", "pathlib", "resnet_studio"):
            raise pickle.UnpicklingError(f"{module}.{name}")
        return super().find_class(module, name)


def pack(reply: Reply) -> tuple[Reply, Parts]:
    """The reply and what is sent of it; an error reply in its place if its value can't be pickled.

    The first part is the pickle, the others are the memory of its arrays, which is not copied.
    """
    arrays: list[pickle.PickleBuffer] = []
    try:
        pickled = pickle.dumps(reply, protocol=5, buffer_callback=arrays.append)
    except Exception as error:
        return pack(replace(reply, kind="error", value=crossing(error)))
    return reply, [memoryview(pickled), *(buffer.raw() for buffer in arrays)]


def send(pipe: Connection, parts: Parts) -> None:
    """Send a packed reply: the sizes of its parts, then their pieces."""
    pipe.send_bytes(array("Q", [part.nbytes for part in parts]))
    for piece in _pieces(parts):
        pipe.send_bytes(piece)


class MessageAssembler:
    """A reply of which some pieces have come."""

    def __init__(self) -> None:
        self._parts: Parts = []
        self._missing: deque[memoryview] = deque()

    def add(self, pipe: Connection) -> Reply | None:
        """Take what comes next, and return the reply if it is whole now. `EOFError` or `OSError` at the pipe's end."""
        if not self._missing:
            sizes = memoryview(pipe.recv_bytes()).cast("Q")
            self._parts = [np.empty(size, np.uint8).data for size in sizes]  # not zeroed, unlike a bytearray
            self._missing.extend(_pieces(self._parts))
            return None
        pipe.recv_bytes_into(self._missing.popleft())
        if self._missing:
            return None
        (pickled, *arrays), self._parts = self._parts, []
        reply: Reply = pickle.loads(pickled, buffers=arrays)
        return reply


def _pieces(parts: Parts) -> Iterator[memoryview]:
    for part in parts:
        for start in range(0, part.nbytes, PIECE):
            yield part[start : start + PIECE]
