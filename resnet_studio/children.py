"""Starting child processes without importing Python files from the working directory.

With `-c` and `-m` Python searches the working directory first: a folder of images that holds a `struct.py` would run
that file in the engine or in a training. Needs neither torch nor Qt.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

SAFE_PATH = "PYTHONSAFEPATH"
"""Environment variable that keeps the working directory off the path of a Python process and its children."""


def command(*arguments: str) -> list[str]:
    """The command line that starts this program in another process."""
    return [sys.executable, "-P", "-m", "resnet_studio", *arguments]


def module_command(name: str) -> list[str]:
    """The command line that runs a module of this program in another process."""
    return [sys.executable, "-P", "-m", name]


def working_folder() -> Path:
    """A working directory that only this program writes to."""
    folder = Path(platformdirs.user_data_dir("resnet-studio", appauthor=False))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(__file__).parent
    return folder


@contextmanager
def safe_path() -> Iterator[None]:
    """Keep the working directory off the path of processes started in this block.

    The window doesn't set this for good: a file manager that it opens would pass it on to everything started there.
    """
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SAFE_PATH]
        else:
            os.environ[SAFE_PATH] = before
