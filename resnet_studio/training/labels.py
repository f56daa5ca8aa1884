"""What a user calls a run and the colour it has: a file beside what the run wrote. Needs neither torch nor Qt."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from resnet_studio.atomic import write_file
from resnet_studio.files import read_file

LABEL = "label.json"
LARGEST = 10_000
"""Bytes of a label that is read."""


@dataclass(frozen=True, slots=True)
class Label:
    """Empty where nothing was chosen: the run then has its own name and the colour that is its turn."""

    name: str = ""
    colour: str = ""


def read_label(folder: Path) -> Label:
    """A run's label; an empty one where there is none, or where it can't be read."""
    try:
        values = json.loads(read_file(folder / LABEL, LARGEST))
        name, colour = values.get("name", ""), values.get("colour", "")
    except (ValueError, AttributeError):
        return Label()  # a `Refusal` to read it is a ValueError too
    return Label(name if isinstance(name, str) else "", colour if isinstance(colour, str) else "")


def write_label(folder: Path, label: Label) -> None:
    """Keep a label beside its run; `OSError` if it can't be written."""
    write_file(folder / LABEL, json.dumps(asdict(label), ensure_ascii=False).encode())
