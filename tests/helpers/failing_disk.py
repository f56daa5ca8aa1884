"""A disk whose k-th call fails: Python's calls to the operating system, counted."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHUNK = 8192
"""Largest number of bytes per write, so that a file needs several."""
CALLS = ("fsync", "replace", "rename", "mkdir", "open", "close")


class FailingDisk:
    """Call number `fails`, counted from 0, fails, and with `lasting` all calls after it."""

    def __init__(self, fails: int, *, lasting: bool, number: int = errno.EIO) -> None:
        self.done: list[str] = []
        """The calls that succeeded before the first that failed."""
        self.failed = ""
        """Name of the first call that failed."""
        self._fails, self._lasting, self._number = fails, lasting, number

    def call(self, name: str) -> None:
        """Count a call, and raise if it is to fail."""
        if self.failed:
            if self._lasting:
                raise OSError(self._number, os.strerror(self._number))
        elif len(self.done) < self._fails:
            self.done.append(name)
        else:
            self.failed = name
            raise OSError(self._number, os.strerror(self._number))

    def counted(self, name: str) -> Callable[..., Any]:
        """A counted function of `os`. A descriptor is closed even if the call fails."""
        function = getattr(os, name)

        def call(*arguments: Any, **named: Any) -> Any:
            if name != "close":
                self.call(name)
                return function(*arguments, **named)
            function(*arguments)
            return self.call(name)

        return call

    def open(self, file: Any, mode: str = "r", *_: Any) -> io.BufferedIOBase:
        """Like `open` in binary mode; each unbuffered write is counted, including those of a flush."""
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
    """Inside the block, let that call fail."""
    disk = FailingDisk(fails, lasting=lasting)
    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, disk.counted(name))
        patch.setattr(io, "open", disk.open)
        yield disk
