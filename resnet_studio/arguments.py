"""What the words of a command line stand for: architectures, their fields, files to write."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from resnet_studio.inference.files import Refusal, read_file, shown
from resnet_studio.networks.architecture import Architecture, ArchitectureError, from_json, with_text
from resnet_studio.networks.presets import PRESETS, preset

LARGEST_JSON = 1_000_000  # bytes; an architecture has some two hundred


def named(name: str, settings: Sequence[str] | None = None, image_size: int | None = None) -> Architecture:
    """The architecture that a preset's name or a JSON file's path stands for, with the fields that are set.

    `ValueError` in one line if there is none, or if a field can't have the value.
    """
    is_path = name.endswith(".json") or os.path.basename(name) != name or os.path.exists(name)
    architecture = from_file(Path(name)) if is_path and name not in PRESETS else preset(name)
    wanted = [*(settings or ()), *([] if image_size is None else [f"image={image_size}"])]
    return with_settings(architecture, wanted)


def from_file(path: Path) -> Architecture:
    """Read an architecture's JSON file; `ValueError` says what is wrong with which file."""
    try:
        return from_json(read_file(path, LARGEST_JSON).decode("utf-8-sig"))
    except Refusal as refusal:
        raise ValueError(f"{shown(path)} {refusal}") from None
    except ArchitectureError as error:
        raise ValueError(f"{shown(path)}: {error}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{shown(path)}: architecture: not JSON: it is not text") from None


def with_settings(architecture: Architecture, settings: Sequence[str]) -> Architecture:
    """Set fields from FIELD=VALUE in an order in which each step is valid, as some go only with others."""
    while settings:
        refused: dict[str, ArchitectureError] = {}
        for setting in settings:
            field, equals, text = setting.partition("=")
            if not equals:
                raise ValueError(f"--set {setting}: FIELD=VALUE is needed, as in --set width=32")
            try:
                architecture = with_text(architecture, field.strip(), text)
            except ArchitectureError as error:
                refused[setting] = error
        if len(refused) == len(settings):
            raise next(iter(refused.values()))
        settings = list(refused)
    return architecture


def check_target(path: Path, suffix: str) -> None:
    """Refuse a file that could not be written, before the work and not after it."""
    if path.suffix.lower() != suffix:
        raise ValueError(f"{path}: a name that ends in {suffix} is needed")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}")
