"""Progress of long computations, which are generators that yield it on the way to their result."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `of` steps, the current one in words ("tracing layer3.0")."""

    done: int
    of: int
    what: str


def finish(steps: Generator[Any, None, Result]) -> Result:
    """Run a generator to its end, ignoring its progress, and return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
