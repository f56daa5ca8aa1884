"""The values of a sweep's fields as they are typed: "18,34,50", "32..96:16", "fit:8". Needs no torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from resnet_studio.analysis.budget import MAX_BATCH, USUAL_BATCH, Budget, read_bytes, read_count, read_milliseconds
from resnet_studio.analysis.fitting import Fit
from resnet_studio.analysis.sweep import DEPTH, MOST_COMBINATIONS, SCALE, WIDTH, SweepError, variable_fields
from resnet_studio.analysis.units import FlopUnit
from resnet_studio.networks.architecture import CHOICES, Architecture, ArchitectureError, read_value
from resnet_studio.networks.image_size import TIMES, ImageSize, image_text

RANGE = re.compile(r"(\d+)\s*(?:\.\.|…|–)\s*(\d+)(?::(\d+))?")
HOW = "integers such as 32,64, or a range with its step such as 32..96:16"
EXAMPLES: Mapping[str, str] = {
    DEPTH: "18, 34, 50", WIDTH: "32..96:16", "image": "160, 224", "blocks": "2,2,2,2; 3,4,6,3", SCALE: "0.5, 1, 2",
}  # fmt: skip
"""What can be typed for a field, for a placeholder."""


def read_variations(texts: Sequence[str], base: Architecture) -> dict[str, tuple[Any, ...]]:
    """Variations from FIELD=VALUES each; `SweepError` names a field that is wrong, `ValueError` a text without one."""
    found: dict[str, tuple[Any, ...]] = {}
    for text in texts:
        field, equals, values = text.partition("=")
        if not equals:
            raise ValueError(f"{text}: must be FIELD=VALUES, as in width=32..96:16")
        field = field.strip()
        if field in found:
            raise SweepError(field, "is varied twice; write all its values behind one =")
        found[field] = read_values(field, values, base)
    return found


def read_values(field: str, text: str, base: Architecture) -> tuple[Any, ...]:
    """The values of one field from text, without repetitions; `SweepError` says what is wrong."""
    if field not in (known := variable_fields(base)):
        near = get_close_matches(field, known, 2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"must be one of {', '.join(known)}"
        raise SweepError(field, f"can't be varied: {hint}")
    parts = [part.strip() for part in text.split(";" if field == "blocks" else ",")]
    if not all(parts):
        raise SweepError(field, f"must be {_wanted(field)}, got {text.strip()!r}")
    values = tuple(dict.fromkeys(value for part in parts for value in _READERS.get(field, _read_numbers)(field, part)))
    if len(values) > MOST_COMBINATIONS:
        raise SweepError(field, f"{len(values):,} values are too many; the limit is {MOST_COMBINATIONS:,}")
    return values


def values_text(field: str, values: Iterable[Any]) -> str:
    """Values as they are typed: the inverse of `read_values`."""
    return ("; " if field == "blocks" else ", ").join(value_text(value) for value in values)


BUDGET: Mapping[str, Callable[[str], Any]] = {
    "max_macs": read_count, "max_parameters": read_count, "max_memory": read_bytes, "max_ms": read_milliseconds,
}  # fmt: skip
"""How each limit of a budget is read."""


def read_fields(texts: Mapping[str, str], base: Architecture) -> tuple[dict[str, tuple[Any, ...]], dict[str, str]]:
    """The variations of the fields among some texts by their names, and what is wrong with others.

    An empty text varies nothing.
    """
    found: dict[str, tuple[Any, ...]] = {}
    problems: dict[str, str] = {}
    for field in variable_fields(base):
        if text := texts.get(field, "").strip():
            try:
                found[field] = read_values(field, text, base)
            except SweepError as error:
                problems[field] = error.reason
    return found, problems


def read_budget(texts: Mapping[str, str], unit: FlopUnit = "flops") -> tuple[Budget, dict[str, str]]:
    """The budget of the limits among some texts, "max_macs" being in the unit, and what is wrong with others."""
    found: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for limit, read in BUDGET.items():
        if text := texts.get(limit, "").strip():
            try:
                found[limit] = read(text)
            except ValueError as error:
                problems[limit] = str(error)
    macs = found.get("max_macs")
    if macs is not None and unit == "operations":
        macs = max(1, macs // 2)
    batch = texts.get("batch", "").strip() or str(USUAL_BATCH)
    if not re.fullmatch(r"\d{1,5}", batch) or not 1 <= int(batch) <= MAX_BATCH:
        problems["batch"], batch = f"must be from 1 to {MAX_BATCH:,}, got {batch!r}", str(USUAL_BATCH)
    size, seconds = found.get("max_memory"), found.get("max_ms")
    return Budget(macs, found.get("max_parameters"), size, seconds, int(batch)), problems


def value_text(value: Any) -> str:
    """One value: "64", "3,4,6,3", "160×224", "fit:8"."""
    if isinstance(value, tuple):
        return image_text(value) if len(value) == 2 else ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _wanted(field: str) -> str:
    if field in CHOICES:
        return f"one or more of {', '.join(CHOICES[field])}"
    if field == "blocks":
        return "lists of integers with ; between them, such as 2,2,2,2; 3,4,6,3"
    return "numbers such as 0.5,1,2" if field == SCALE else HOW


def _read_numbers(field: str, text: str) -> Iterable[int]:
    """A number, or all of a range."""
    if found := RANGE.fullmatch(text):
        first, last, step = int(found[1]), int(found[2]), int(found[3] or 1)
        if step < 1:
            raise SweepError(field, f"the step of {text!r} must be at least 1")
        if last < first:
            raise SweepError(field, f"the range {text!r} must go up")
        return range(first, min(last, first + MOST_COMBINATIONS * step) + 1, step)
    if not re.fullmatch(r"\d+", text):
        raise SweepError(field, f"must be {_wanted(field)}, got {text!r}")
    return (int(text),)


def _read_choice(field: str, text: str) -> Iterable[str]:
    if text not in CHOICES[field]:
        raise SweepError(field, f"must be {_wanted(field)}, got {text!r}")
    return (text,)


def _read_as_field(field: str, text: str) -> Iterable[Any]:
    """One value as the architecture's own field is read."""
    try:
        return (read_value(field, text),)
    except ArchitectureError as error:
        raise SweepError(error.field, error.reason) from None


def _read_width(field: str, text: str) -> Iterable[int | Fit]:
    if found := re.fullmatch(r"fit(?::(\d+))?", text):
        multiple = int(found[1] or Fit().multiple)
        if not 1 <= multiple <= 256:
            raise SweepError(field, f"can be fitted to multiples of 1 to 256, got {multiple}")
        return (Fit(multiple),)
    return _read_numbers(field, text)


def _read_image(field: str, text: str) -> Iterable[ImageSize]:
    """A side, a range of sides, or a height and a width."""
    return _read_as_field(field, text) if TIMES.search(text) else _read_numbers(field, text)


def _read_scale(field: str, text: str) -> Iterable[float]:
    try:
        return (float(text),)
    except ValueError:
        raise SweepError(field, f"must be {_wanted(field)}, got {text!r}") from None


_READERS: Mapping[str, Callable[[str, str], Iterable[Any]]] = {
    **dict.fromkeys(CHOICES, _read_choice),
    "blocks": _read_as_field, WIDTH: _read_width, "image": _read_image, SCALE: _read_scale,
}  # fmt: skip
