"""Processes that write versions one after another, each killed at a random moment: a program that a test starts.

It forks, which a process with threads must not; and it loads no more than it needs, so that a kill takes milliseconds.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from resnet_studio.atomic import WRITING, sweep, write_file, write_folder

SIZE = 200_000
"""Bytes of a version; enough for a kill to meet the writer in every part of its work."""
LONGEST = 0.02
"""Seconds that a writer lives at most."""


def sealed(version: int) -> bytes:
    """A version's content, which tells whether it is whole."""
    body = version.to_bytes(8, "big") * (SIZE // 8)
    return hashlib.sha256(body).digest() + body


def opened(data: bytes) -> int:
    """Which version that is; `AssertionError` if it is not whole."""
    digest, body = data[:32], data[32:]
    assert hashlib.sha256(body).digest() == digest, "a version that is not whole was found"
    return int.from_bytes(body[:8], "big")


class Files:
    """One file that is replaced."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "session.json"

    def write(self, version: int) -> None:
        write_file(self.path, sealed(version))

    def read(self) -> int:
        return opened(self.path.read_bytes())

    def watch(self, seconds: float) -> None:
        """Read all the time meanwhile, as another window would."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.read()


class Folders:
    """A folder a version, of two files; the one before the newest is removed, as checkpoints are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, version: int) -> None:
        def fill(place: Path) -> None:
            for name in ("weights", "optimizer"):
                (place / name).write_bytes(sealed(version))

        place = self.folder / f"step-{version:07d}"
        write_folder(place, fill)
        for old in self.folder.glob("step-*"):
            if old != place:
                shutil.rmtree(old)

    def read(self) -> int:
        newest = max(self.folder.glob("step-*"))
        versions = {opened((newest / name).read_bytes()) for name in ("weights", "optimizer")}
        assert versions == {int(newest.name.removeprefix("step-"))}, "files of two versions were found in one folder"
        return versions.pop()

    def watch(self, seconds: float) -> None:
        """Nobody but the run itself reads checkpoints while they are written."""
        time.sleep(seconds)


KINDS: dict[str, Callable[[Path], Files | Folders]] = {"files": Files, "folders": Folders}


def kill_a_writer(kept: Files | Folders, last: int, seconds: float) -> int:
    """Let a process write versions from `last` + 1 on and kill it; the newest version that it has said is safe."""
    heard, said = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(heard)
        for version in itertools.count(last + 1):
            kept.write(version)
            os.write(said, version.to_bytes(8, "big"))
    os.close(said)
    try:
        kept.watch(seconds)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with open(heard, "rb") as pipe:
        told = pipe.read()
    return int.from_bytes(told[-8:], "big") if told else last


def main(kind: str, place: str, kills: int) -> None:
    """Kill writers; what is there after each must be the newest version that was safe, or the one after it."""
    kept, chance = KINDS[kind](Path(place)), random.Random(kills)
    kept.write(0)
    last = torn = 0
    for _ in range(kills):
        safe = kill_a_writer(kept, last, chance.uniform(0, LONGEST))
        last = kept.read()
        assert safe <= last <= safe + 1, f"version {last} was found after {safe} was safe"
        left = [path for path in kept.folder.iterdir() if path.name.startswith(WRITING)]
        torn += bool(left)
        sweep(kept.folder)
        assert not any(path.exists() for path in left)
        assert kept.read() == last
    print(last, torn)  # noqa: T201 - the test reads it


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
