"""Everything besides the tensors of a checkpoint, in JSON's terms. Needs no torch."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import islice
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from resnet_studio.inference.weights.containers.numpy_values import plain_array
from resnet_studio.inference.weights.containers.pickle_values import StandIn

MAX_VALUES, MAX_DEPTH, MAX_TEXT, MAX_PATH_PART = 20_000, 12, 100_000, 1000
PATH = re.compile(r"pathlib\.(_local\.)?(Pure)?(Posix|Windows)?Path")


def plain_value(value: Any) -> Any:
    """The value in JSON's terms, as far as it has any: numbers, text, lists and dictionaries; None for the rest.

    Of an object, its attributes; of an enumeration's member, its value; of OmegaConf's nodes, what they hold.
    """
    return _Plain().convert(value, 0)


def is_short(value: Any) -> bool:
    """Whether it is a text, a finite number of 64 bits, or None: something that JSON has, and that is soon written."""
    if isinstance(value, int):
        return abs(value) < 2**63
    return math.isfinite(value) if isinstance(value, float) else value is None or isinstance(value, str)


class _Plain:
    def __init__(self) -> None:
        self.left = MAX_VALUES

    def convert(self, value: Any, depth: int) -> Any:
        self.left -= 1
        if depth > MAX_DEPTH or self.left < 0:
            return None
        if value is None or isinstance(value, bool | int | float):
            return value if is_short(value) else None
        if isinstance(value, str):
            return value if len(value) <= MAX_TEXT else None
        if isinstance(value, list | tuple | set | frozenset):
            return self._list(value, depth)
        if isinstance(value, dict):
            return self._dict(value, depth)
        return self._stand_in(value, depth) if isinstance(value, StandIn) else None

    def _list(self, values: Any, depth: int) -> list[Any]:
        return [self.convert(value, depth + 1) for value in islice(values, MAX_VALUES)]

    def _dict(self, entries: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        first = islice(entries.items(), MAX_VALUES)
        return {str(key): self.convert(value, depth + 1) for key, value in first if is_short(key)}

    def _stand_in(self, value: StandIn, depth: int) -> Any:
        if value.name.startswith("numpy."):
            return self.convert(plain_array(value, self.left), depth)
        if PATH.fullmatch(value.name):
            parts = [part for part in value.arguments if isinstance(part, str) and len(part) < MAX_PATH_PART]
            return str(PureWindowsPath(*parts) if "Windows" in value.name else PurePosixPath(*parts))
        if value.entries or value.items:
            return self._dict(value.entries, depth) if value.entries else self._list(value.items, depth)
        if isinstance(value.state, dict):
            inner = next((value.state[key] for key in ("_content", "_val") if key in value.state), value.state)
            return self.convert(inner, depth + 1)
        if len(value.arguments) == 1:
            return self.convert(value.arguments[0], depth + 1)
        return self._list(value.arguments, depth) if value.arguments else None
