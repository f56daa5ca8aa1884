"""Results that are kept for the next question, by what they were made of."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

Stamp: TypeAlias = tuple[int, int] | None
"""A file's time of change and size, so that a replaced file is read again; None where there is no file."""
Result = TypeVar("Result")


class LRUCache(Generic[Result]):
    """Results of a function, the newest few, and whether one is there: making it would take long."""

    def __init__(self, make: Callable[..., Result], most: int) -> None:
        self._make, self._most = make, most
        self._results: dict[tuple[Any, ...], Result] = {}

    def __call__(self, *key: Any) -> Result:
        result = self._results.pop(key) if key in self._results else self._make(*key)
        self._results[key] = result  # the newest is last
        while len(self._results) > self._most:
            del self._results[next(iter(self._results))]
        return result

    def known(self, *key: Any) -> bool:
        return key in self._results

    def clear(self) -> None:
        self._results.clear()


def stamp_of_file(path: str | Path | None) -> Stamp:
    """A file's stamp; None where there is none: a sample, random weights, or what opening will say is wrong."""
    try:
        status = os.stat(path or "")
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size
