"""Medians, spreads and ratios of tasks that are run in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

Task: TypeAlias = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Line:
    """One claim with its measurement, met if `value` (a ratio to the peer, or a figure) is at most `limit`."""

    claim: str
    measured: str
    value: float
    limit: float
    peer: str = ""

    @property
    def met(self) -> bool:
        return self.value <= self.limit

    def __str__(self) -> str:
        verdict = "met   " if self.met else "MISSED"
        return f"{verdict} {self.claim}: {self.measured}{f' against {self.peer}' if self.peer else ''}"


def in_turns(
    tasks: Mapping[str, Task], rounds: int, warm_up: int = 1, before: Mapping[str, Task] | None = None
) -> dict[str, list[float]]:
    """Seconds of every task over the rounds; each round runs all of them, so that noise affects all alike.

    A task in `before` with the same name runs before it and is not timed.
    """
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(warm_up + rounds):
        for name, task in tasks.items():
            (before or {}).get(name, int)()
            began = time.perf_counter()
            task()
            if number >= warm_up:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def spread(values: list[float], unit: float = 1e3) -> str:
    """Median with the smallest and the largest value: "69.1 ms (67.0 … 80.2, n = 15)"."""
    name = {1e3: "ms", 1.0: "s"}[unit]
    low, middle, high = (unit * value for value in (min(values), median(values), max(values)))
    return f"{middle:.1f} {name} ({low:.1f} … {high:.1f}, n = {len(values)})"


def ratio(claim: str, ours: list[float], theirs: list[float], limit: float, peer: str) -> Line:
    """A claim that our median is at most `limit` times the peer's."""
    value = median(ours) / median(theirs)
    return Line(f"{claim} ≤ {limit} ×", f"{value:.3f} ×, {spread(ours)}", value, limit, f"{peer} {spread(theirs)}")
