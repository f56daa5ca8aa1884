"""A least-recently-used cache, and file signatures as parts of its keys."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

FileSignature: TypeAlias = tuple[int, int] | None
"""A file's modification time and size, so that a replaced file is read again; None if there is no file."""
Result = TypeVar("Result")


class LRUCache(Generic[Result]):
    """The most recent results of a function. `contains` tells whether a result would come at once."""

    def __init__(self, compute: Callable[..., Result], max_size: int) -> None:
        self._compute, self._max_size = compute, max_size
        self._results: dict[tuple[Any, ...], Result] = {}

    def __call__(self, *key: Any) -> Result:
        result = self._results.pop(key) if key in self._results else self._compute(*key)
        self._results[key] = result  # the most recent is last
        while len(self._results) > self._max_size:
            del self._results[next(iter(self._results))]
        return result

    def contains(self, *key: Any) -> bool:
        return key in self._results

    def clear(self) -> None:
        self._results.clear()


def file_signature(path: str | Path | None) -> FileSignature:
    """A file's signature; None for a sample, random weights, or a path whose error will show when it is opened."""
    try:
        status = os.stat(path or "")
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size
