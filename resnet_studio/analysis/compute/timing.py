"""Timing of what is repeated: after a warm-up, in turns, and with nothing of its own process in the way."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from resnet_studio.analysis.measurement import Timing
from resnet_studio.formatting import about_percent

Task: TypeAlias = Callable[[], float]
"""Does something once and returns the seconds that it took."""
SETTLED = 0.05
"""The warm-up ends when the fastest of the last passes is no longer faster than those before them by this share."""
SETTLED_PASSES = 3
STEP = 0.1
"""Seconds between two yields: often enough to be canceled, rarely enough for what listens not to take cores."""
WAITED = 0.05
"""Share of the time for which a thread waits for a core, from which other programs count as a disturbance."""
SHORT_WAIT = 0.01
"""Share of a repetition that a thread may have waited for a core without being disturbed."""
FEWEST = 5
"""Undisturbed repetitions from which the others can be left out."""
THREADS = Path("/proc/self/task")
"""Where Linux accounts for each thread: nanoseconds on a core, nanoseconds of waiting for one, and turns."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long something is repeated. At least one repetition is timed, however long it takes."""

    warm_up: float = 1.0
    """Seconds after which the warm-up ends even if the times have not settled."""
    seconds: float = 2.0
    """For which all tasks together are timed."""
    least: int = 5
    """Repetitions for which these seconds may be exceeded …"""
    longest: float = 10.0
    """… up to so many."""


BUDGET = Budget()


def repeat_steps(tasks: Sequence[Task], budget: Budget = BUDGET) -> Generator[float, None, list[list[float]]]:
    """Seconds of each task at every repetition; the tasks take turns, so that what disturbs them disturbs all alike.

    Yields how much of the budget is used, 0 … 1, between repetitions.
    """
    yield from _warm_up_steps(tasks, budget)
    rounds: list[list[float]] = []
    began = yielded = time.perf_counter()
    while _goes_on(len(rounds), time.perf_counter() - began, budget):
        with no_collection():
            rounds.append([task() for task in tasks])
        if (now := time.perf_counter()) - yielded > STEP:
            yield min(1.0, (now - began) / budget.seconds)
            yielded = time.perf_counter()
    return [list(seconds) for seconds in zip(*rounds, strict=True)]


def _warm_up_steps(tasks: Sequence[Task], budget: Budget) -> Generator[float, None, None]:
    """Repeat the tasks until their times no longer fall: caches fill, and libraries choose their algorithms."""
    passes: list[float] = []
    began = yielded = time.perf_counter()
    while not _is_settled(passes) and (not passes or time.perf_counter() - began < budget.warm_up):
        with no_collection():
            passes.append(sum(task() for task in tasks))
        if time.perf_counter() - yielded > STEP:
            yield 0.0
            yielded = time.perf_counter()


def _is_settled(passes: Sequence[float]) -> bool:
    before, last = passes[:-SETTLED_PASSES], passes[-SETTLED_PASSES:]
    return len(before) >= SETTLED_PASSES and min(before) < (1 + SETTLED) * min(last)


def _goes_on(rounds: int, seconds: float, budget: Budget) -> bool:
    if rounds < budget.least:
        return rounds == 0 or seconds < budget.longest
    return seconds < budget.seconds


def timed(call: Callable[[], object], synchronize: Callable[[], object] = int) -> Task:
    """A task that times a call from a device that is idle to one that is idle again."""

    def task() -> float:
        synchronize()
        began = time.perf_counter()
        call()
        synchronize()
        return time.perf_counter() - began

    return task


def timing(seconds: Sequence[float] | NDArray[np.float64]) -> Timing:
    """Median and spread of repetitions."""
    low, median, high = map(float, np.percentile(seconds, (5, 50, 95)))
    return Timing(median, low, high, len(seconds))


@contextmanager
def no_collection() -> Iterator[None]:
    """Keep Python's garbage collection from running meanwhile."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def calm(seconds: Sequence[float], waited: Sequence[float]) -> NDArray[np.bool_]:
    """The repetitions in which no thread had to wait for a core for long; all of them if they are too few."""
    found = np.asarray(waited) <= SHORT_WAIT * np.asarray(seconds)
    return found if found.sum() >= FEWEST else np.ones(len(seconds), np.bool_)


class Contention:
    """How long this process waits for cores that other programs take, from its construction on."""

    def __init__(self) -> None:
        self._began, self._waited = time.perf_counter(), waited_seconds()

    def caveat(self) -> str:
        """What to say of it; empty if the cores were free, or if the system doesn't tell."""
        if not self._waited:
            return _load_caveat()
        share = longest_wait(self._waited) / (time.perf_counter() - self._began)
        return f"other programs took the cores for {about_percent(share)} of the time" if share > WAITED else ""


def waited_seconds() -> dict[str, float]:
    """Seconds for which each thread of this process has waited for a core; empty if the system doesn't tell."""
    found: dict[str, float] = {}
    for file in THREADS.glob("*/schedstat"):
        with suppress(OSError, ValueError, IndexError):  # a thread that has just ended
            found[file.parent.name] = int(file.read_text().split()[1]) / 1e9
    return found


def longest_wait(before: Mapping[str, float]) -> float:
    """Seconds for which a thread has waited for a core since `before`: that which waited longest."""
    now = waited_seconds()
    return max((seconds - before.get(thread, 0.0) for thread, seconds in now.items()), default=0.0)


def _load_caveat() -> str:
    """From the load of the last minute, which includes this process."""
    if not hasattr(os, "getloadavg"):
        return ""
    load, own = os.getloadavg()[0], torch.get_num_threads()
    return f"other programs were running: the load was {load:.1f}" if load > own + 1 else ""
