"""A disk of which the k-th call fails: Python's own calls to the operating system, counted."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHUNK = 8192
"""Bytes that one write takes, so that a file needs several."""
CALLS = ("fsync", "replace", "rename", "mkdir", "open", "close")


class FailingDisk:
    """The calls from number `fails` on fail, counted from 0; or that one alone, if it is but a moment."""

    def __init__(self, fails: int, *, lasting: bool, number: int = errno.EIO) -> None:
        self.done: list[str] = []
        """The calls that succeeded before the first that failed."""
        self.failed = ""
        """The first call that failed."""
        self._fails, self._lasting, self._number = fails, lasting, number

    def call(self, name: str) -> None:
        """Count a call, and fail if it is its turn."""
        if self.failed:
            if self._lasting:
                raise OSError(self._number, os.strerror(self._number))
        elif len(self.done) < self._fails:
            self.done.append(name)
        else:
            self.failed = name
            raise OSError(self._number, os.strerror(self._number))

    def counted(self, name: str) -> Callable[..., Any]:
        """One of `os`'s functions, counted. A descriptor is closed even where closing fails."""
        function = getattr(os, name)

        def call(*arguments: Any, **named: Any) -> Any:
            if name != "close":
                self.call(name)
                return function(*arguments, **named)
            function(*arguments)
            return self.call(name)

        return call

    def open(self, file: Any, mode: str = "r", *_: Any) -> io.BufferedIOBase:
        """As `open` in binary mode; each write below the buffer is counted, those of a flush too."""
        self.call("open a file")
        raw = _Raw(self, file, mode.replace("b", ""))
        return io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)


class _Raw(io.FileIO):
    def __init__(self, disk: FailingDisk, file: Any, mode: str) -> None:
        super().__init__(file, mode)
        self._disk = disk

    def write(self, data: Any) -> int:
        self._disk.call("write")
        return super().write(data[:CHUNK])

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._disk.call("close a file")


@contextmanager
def failing(fails: int, *, lasting: bool) -> Iterator[FailingDisk]:
    """Let that call fail meanwhile."""
    disk = FailingDisk(fails, lasting=lasting)
    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, disk.counted(name))
        patch.setattr(io, "open", disk.open)
        yield disk
