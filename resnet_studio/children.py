"""How this program starts processes of its own, so that no Python file of the folder it stands in is imported.

Python looks first in the working directory, for `-c` and `-m` alike: a folder of images with a `struct.py` in it would
run that file in the engine or in a training. Needs neither torch nor Qt.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

SAFE_PATH = "PYTHONSAFEPATH"
"""Set in the environment it keeps a Python's working directory off its path, and those of its children."""


def command(*arguments: str) -> list[str]:
    """A command line of this program, for a process of its own."""
    return [sys.executable, "-P", "-m", "resnet_studio", *arguments]


def own_folder() -> Path:
    """A folder in which nothing but this program writes, for processes to stand in."""
    folder = Path(platformdirs.user_data_dir("resnet-studio", appauthor=False))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(__file__).parent
    return folder


@contextmanager
def safe_path() -> Iterator[None]:
    """Let processes that are started meanwhile have their working directory off their path.

    Not for good in the window's process: a file manager that it opens would hand it on to whatever is started there.
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
