"""Processes that write versions one after another, each killed at a random moment: a program that a test starts.

It forks, which a process with threads must not do, and it imports little, so that a kill takes milliseconds.
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

from resnet_studio.atomic import WRITING, remove_leftovers, write_file, write_folder

SIZE = 200_000
"""Bytes of a version; enough for a kill to hit the writer in every part of its work."""
MAX_LIFETIME = 0.02
"""Longest lifetime of a writer, in seconds."""


def encode_version(version: int) -> bytes:
    """The content of a version, with a checksum."""
    body = version.to_bytes(8, "big") * (SIZE // 8)
    return hashlib.sha256(body).digest() + body


def decode_version(data: bytes) -> int:
    """The version number; `AssertionError` if the content is incomplete."""
    digest, body = data[:32], data[32:]
    assert hashlib.sha256(body).digest() == digest, "a version that is not whole was found"
    return int.from_bytes(body[:8], "big")


class Files:
    """One file that is replaced."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "session.json"

    def write(self, version: int) -> None:
        write_file(self.path, encode_version(version))

    def read(self) -> int:
        return decode_version(self.path.read_bytes())

    def watch(self, seconds: float) -> None:
        """Read continuously, as another window would."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.read()


class Folders:
    """One folder per version, of two files; older ones are removed, as checkpoints are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, version: int) -> None:
        def fill(place: Path) -> None:
            for name in ("weights", "optimizer"):
                (place / name).write_bytes(encode_version(version))

        place = self.folder / f"step-{version:07d}"
        write_folder(place, fill)
        for old in self.folder.glob("step-*"):
            if old != place:
                shutil.rmtree(old)

    def read(self) -> int:
        newest = max(self.folder.glob("step-*"))
        versions = {decode_version((newest / name).read_bytes()) for name in ("weights", "optimizer")}
        assert versions == {int(newest.name.removeprefix("step-"))}, "files of two versions were found in one folder"
        return versions.pop()

    def watch(self, seconds: float) -> None:
        """Only the run itself reads checkpoints while they are written."""
        time.sleep(seconds)


KINDS: dict[str, Callable[[Path], Files | Folders]] = {"files": Files, "folders": Folders}


def kill_a_writer(store: Files | Folders, last: int, seconds: float) -> int:
    """Let a process write versions from `last` + 1 on and kill it; the newest version that it reported as written."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        for version in itertools.count(last + 1):
            store.write(version)
            os.write(write_end, version.to_bytes(8, "big"))
    os.close(write_end)
    try:
        store.watch(seconds)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with open(read_end, "rb") as pipe:
        data = pipe.read()
    return int.from_bytes(data[-8:], "big") if data else last


def main(kind: str, place: str, kills: int) -> None:
    """Kill writers; after each, the version on disk must be the newest reported one, or the one after it."""
    store, chance = KINDS[kind](Path(place)), random.Random(kills)
    store.write(0)
    last = torn = 0
    for _ in range(kills):
        safe = kill_a_writer(store, last, chance.uniform(0, MAX_LIFETIME))
        last = store.read()
        assert safe <= last <= safe + 1, f"version {last} was found after {safe} was safe"
        left = [path for path in store.folder.iterdir() if path.name.startswith(WRITING)]
        torn += bool(left)
        remove_leftovers(store.folder)
        assert not any(path.exists() for path in left)
        assert store.read() == last
    print(last, torn)  # noqa: T201 - the test reads it


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
