"""Capturing the messages that libtiff prints to stderr, which is the only place where it reports damage."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

STDERR = 2
LIBTIFF_LINE = re.compile(rb"^[\w.]*: .*$")
"""A line of libtiff: "Fax4Decode: Bad code word at line 29 of strip 0 (x 0)."."""
_lock = threading.Lock()


@contextmanager
def captured_messages() -> Iterator[list[str]]:
    """Capture libtiff's lines on stderr; they are in the yielded list after the block.

    stderr belongs to the whole process, so only one thread captures at a time. Other lines that are printed meanwhile
    are passed on at the end.
    """
    messages: list[str] = []
    with _lock, _unnamed_file() as file:
        if sys.stderr is not None:
            sys.stderr.flush()
        try:
            saved: int | None = os.dup(STDERR)
        except OSError:  # no stderr, as in a program without a console
            saved = None
        os.dup2(file.fileno(), STDERR)
        try:
            yield messages
        finally:
            if saved is None:
                os.close(STDERR)
            else:
                os.dup2(saved, STDERR)
                os.close(saved)
            file.seek(0)
            for line in file:
                if LIBTIFF_LINE.match(line.rstrip(b"\n")):
                    messages.append(line.decode(errors="replace").strip())
                elif saved is not None:
                    os.write(STDERR, line)


def _unnamed_file() -> BinaryIO:
    """A temporary file, in memory if the system supports it, as the disk may be full."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("messages"), "w+b")
    return tempfile.TemporaryFile()
