"""The name and color that a user gives a run: a file in the run's folder. Needs neither torch nor Qt."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from resnet_studio import codec
from resnet_studio.atomic import write_file
from resnet_studio.causes import FieldError
from resnet_studio.files import FileRefusedError, read_json_below

LABEL, DAMAGED_LABEL = "label.json", "label.json.damaged"
"""The label's file, and what an unreadable one is renamed to before a new one is written."""
MAX_BYTES = 10_000
"""Size up to which a label is read."""
COLORS = ("blue", "vermillion", "green", "orange", "purple", "sky blue", "text", "yellow")
"""Names of the colors that a run can have, the easiest to tell apart first."""


class LabelError(ValueError):
    """A label exists but can't be read. The message names the run's folder and says why."""


@dataclass(frozen=True, slots=True)
class Label:
    """Empty fields are not set: the run then shows its own name, and a color derived from it."""

    name: str = ""
    colour: str = ""


def read_label(folder: Path) -> Label:
    """A run's label, empty if it has none; `LabelError` if its file is damaged.

    If one field is invalid, the other is still read.
    """
    if not os.path.lexists(folder / LABEL):
        return Label()
    try:
        label, _ = codec.salvage(Label, read_json_below(folder, LABEL, MAX_BYTES))
    except FileRefusedError as refusal:
        raise LabelError(f"{folder.name}: {LABEL} {refusal}") from None
    except FieldError as error:
        raise LabelError(f"{folder.name}: {LABEL} is damaged ({error})") from None
    return label


def write_label(folder: Path, label: Label) -> None:
    """Write a run's label; `OSError` if that fails. A damaged file is renamed to `DAMAGED_LABEL` first."""
    try:
        read_label(folder)
    except LabelError:
        with suppress(OSError):
            os.replace(folder / LABEL, folder / DAMAGED_LABEL)
    write_file(folder / LABEL, json.dumps(codec.to_json(label)).encode())


def free_color(taken: Iterable[str]) -> str:
    """The first of the colors that the fewest runs have."""
    counts = dict.fromkeys(COLORS, 0)
    for color in taken:
        if color in counts:
            counts[color] += 1
    return min(COLORS, key=counts.__getitem__)


def derived_color(folder: Path) -> str:
    """The color of a run without a label: derived from the folder's name alone, so the same on every machine."""
    return COLORS[zlib.crc32(os.fsencode(folder.name)) % len(COLORS)]
