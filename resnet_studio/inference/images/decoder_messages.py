"""What a decoder written in C says about an image while it decodes it: on stderr, and nowhere else."""

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
LIBTIFFS = re.compile(rb"^[\w.]*: .*$")
"""A line of libtiff: "Fax4Decode: Bad code word at line 29 of strip 0 (x 0)."."""
_listening = threading.Lock()


@contextmanager
def heard() -> Iterator[list[str]]:
    """Keep what libtiff prints off the terminal; the list that is given has it in the end.

    stderr is the whole process's, so one thread listens at a time, and what others print meanwhile is printed then.
    """
    messages: list[str] = []
    with _listening, _unnamed_file() as written:
        if sys.stderr is not None:
            sys.stderr.flush()
        try:
            before: int | None = os.dup(STDERR)
        except OSError:  # there is none, as in a program without a console
            before = None
        os.dup2(written.fileno(), STDERR)
        try:
            yield messages
        finally:
            if before is None:
                os.close(STDERR)
            else:
                os.dup2(before, STDERR)
                os.close(before)
            written.seek(0)
            for line in written:
                if LIBTIFFS.match(line.rstrip(b"\n")):
                    messages.append(line.decode(errors="replace").strip())
                elif before is not None:
                    os.write(STDERR, line)


def _unnamed_file() -> BinaryIO:
    """In memory where the system can, as the disk may be full."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("messages"), "w+b")
    return tempfile.TemporaryFile()
