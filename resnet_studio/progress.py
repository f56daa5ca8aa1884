"""Progress of long computations, which are generators that yield it on the way to their result."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")
Step = TypeVar("Step")
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `of` steps, the current one in words ("tracing layer3.0")."""

    done: int
    of: int
    what: str


def map_progress(
    steps: Generator[Step, None, Result], change: Callable[[Step], Other]
) -> Generator[Other, None, Result]:
    """The same computation, which yields what `change` makes of its progress."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        yield change(step)


def finish(steps: Generator[Step, None, Result], report: Callable[[Step], object] = lambda _: None) -> Result:
    """Run a computation to its end, reporting its progress, and return its result."""
    reported = map_progress(steps, report)
    while True:
        try:
            next(reported)
        except StopIteration as end:
            result: Result = end.value
            return result
