"""What a user calls a run and the color it has: a file beside what the run wrote. Needs neither torch nor Qt."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from resnet_studio.atomic import write_file
from resnet_studio.files import Refusal, json_inside

LABEL, DAMAGED = "label.json", "label.json.damaged"
"""A label's file, and where one that can't be read is put before another takes its place."""
LARGEST = 10_000
"""Bytes of a label that is read."""
COLORS = ("blue", "vermillion", "green", "orange", "purple", "sky blue", "text", "yellow")
"""Names of the colors that a run can have; those that are easiest to tell apart come first."""


class LabelError(ValueError):
    """A label is there but can't be read. The text names the run's folder and says why."""


@dataclass(frozen=True, slots=True)
class Label:
    """Empty where nothing was chosen: the run then has its own name, and a color derived from it."""

    name: str = ""
    colour: str = ""


def read_label(folder: Path) -> Label:
    """A run's label, an empty one where there is none; `LabelError` if its file is damaged.

    Of a label with one wrong field the other is kept.
    """
    if not os.path.lexists(folder / LABEL):
        return Label()
    try:
        values = json_inside(folder, LABEL, LARGEST)
    except Refusal as refusal:
        raise LabelError(f"{folder.name}: {LABEL} {refusal}") from None
    if not isinstance(values, dict):
        raise LabelError(f"{folder.name}: {LABEL} is damaged (a JSON object is needed)")
    name, colour = values.get("name", ""), values.get("colour", "")
    return Label(name if isinstance(name, str) else "", colour if isinstance(colour, str) else "")


def write_label(folder: Path, label: Label) -> None:
    """Keep a label beside its run; `OSError` if it can't be written. A damaged one is set aside."""
    try:
        read_label(folder)
    except LabelError:
        with suppress(OSError):
            os.replace(folder / LABEL, folder / DAMAGED)
    write_file(folder / LABEL, json.dumps(asdict(label)).encode())


def free_color(taken: Iterable[str]) -> str:
    """The color that the fewest runs have so far; of several the first."""
    counts = dict.fromkeys(COLORS, 0)
    for color in taken:
        if color in counts:
            counts[color] += 1
    return min(COLORS, key=counts.__getitem__)


def derived_color(folder: Path) -> str:
    """The color of a run without a label, the same on every machine: it follows from the folder's name alone."""
    return COLORS[zlib.crc32(os.fsencode(folder.name)) % len(COLORS)]
