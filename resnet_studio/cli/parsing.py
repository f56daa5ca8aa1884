"""What the words of a command line stand for: architectures, their fields, files to write."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from resnet_studio.networks.architecture import Architecture, ArchitectureError, with_text
from resnet_studio.networks.parsing import read_architecture
from resnet_studio.networks.presets import PRESETS, preset


def named(name: str, settings: Sequence[str] | None = None, image_size: str | None = None) -> Architecture:
    """The architecture that a preset's name or a JSON file's path stands for, with the fields that are set.

    `ValueError` in one line if there is none, or if a field can't have the value.
    """
    is_path = name.endswith(".json") or os.path.basename(name) != name or os.path.exists(name)
    architecture = read_architecture(Path(name)) if is_path and name not in PRESETS else preset(name)
    wanted = [*(settings or ()), *([] if image_size is None else [f"image={image_size}"])]
    return with_settings(architecture, wanted)


def with_settings(architecture: Architecture, settings: Sequence[str]) -> Architecture:
    """Set fields from FIELD=VALUE in an order in which each step is valid, as some go only with others.

    The variant comes first, as it brings other fields with it: what is asked of these must not get lost.
    """
    settings = sorted(settings, key=lambda setting: setting.partition("=")[0].strip() != "variant")
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
