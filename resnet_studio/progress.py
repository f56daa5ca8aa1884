"""How far a long computation is: what its generator yields on the way to its result."""

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
    """Run a generator to its end without a look at its progress, and return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
