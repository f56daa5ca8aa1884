"""Jobs without torch for a real engine process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np

from resnet_studio.progress import Progress

Steps = Generator[Any, None, Any]


class NeedsTwoError(Exception):
    """Pickles, but can't be unpickled: its arguments are not those of its constructor."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


class HoldingError(Exception):
    """Can't be pickled: it holds a lambda."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.held = lambda: None


def count(to: int, marker: str = "") -> Steps:
    """Yields 0 … to − 1 and answers with `to`; leaves a file when it is closed."""
    try:
        yield from range(to)
    finally:
        if marker:
            Path(marker).touch()
    return to


def wait_for(path: str) -> Steps:
    """One long step: until the file is there."""
    yield Progress(0, 1, "waiting")
    while not Path(path).exists():
        time.sleep(0.005)
    yield Progress(1, 1, "waited")
    return "waited"


def steps_until(path: str) -> Steps:
    """Short steps until the file is there."""
    while not Path(path).exists():
        yield Progress(0, 1, "waiting step by step")
        time.sleep(0.005)
    return "waited"


def slowly(seconds: float) -> Steps:
    """Short steps forever."""
    number = 0
    while True:
        yield Progress(number, 0, "going on")
        number += 1
        time.sleep(seconds)


def stuck(path: str) -> Steps:
    """A step that never ends; there is a file once it has begun."""
    yield Progress(0, 1, "about to be stuck")
    Path(path).touch()
    while True:
        time.sleep(60)


def computing(path: str) -> Steps:
    """Like `stuck`, but computing instead of sleeping."""
    yield Progress(0, 1, "about to compute")
    Path(path).touch()
    while True:
        sum(range(1000))


def die() -> Steps:
    """Dies like a crash in a library."""
    yield Progress(0, 1, "dying")
    os.kill(os.getpid(), signal.SIGKILL)


def frames(number: int, bytes_each: int) -> Steps:
    for index in range(number):
        yield np.full(bytes_each // 4, index, dtype=np.float32)
    return number


def fail(kind: str) -> Steps:
    yield 0
    match kind:
        case "value":
            raise ValueError("an ordinary error")
        case "end of file":
            raise EOFError("a job's own end of file")
        case "holding":
            raise HoldingError("can't be pickled")
        case "needs two":
            raise NeedsTwoError("this", "that")
        case "exit":
            raise SystemExit(3)
        case "value that can't be pickled":
            yield lambda: None


def echo(value: Any) -> Steps:
    return value
    yield


JOBS = {
    job.__name__: job
    for job in (count, wait_for, steps_until, slowly, stuck, computing, die, frames, fail, echo)
}  # fmt: skip
