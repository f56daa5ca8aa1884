"""Parsing of command-line values: architectures, their fields, output files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from resnet_studio.networks.architecture import Architecture, ArchitectureError, with_text
from resnet_studio.networks.arguments import split_argument
from resnet_studio.networks.parsing import read_architecture
from resnet_studio.networks.presets import PRESETS, preset


def resolve_architecture(
    name: str, settings: Sequence[str] | None = None, image_size: str | None = None
) -> Architecture:
    """The architecture of a preset's name or a JSON file's path, with the given fields set.

    The name may have fields of its own behind it, as in "resnet50 image=64": one of several networks is set so.
    `ValueError` with a one-line message if there is none, or if a field can't have the value.
    """
    name, own_settings = (name, ()) if os.path.exists(name) else split_argument(name)
    is_path = name.endswith(".json") or os.path.basename(name) != name or os.path.exists(name)
    architecture = read_architecture(Path(name)) if is_path and name not in PRESETS else preset(name)
    fields = [*own_settings, *(settings or ()), *([] if image_size is None else [f"image={image_size}"])]
    return with_settings(architecture, fields)


def with_settings(architecture: Architecture, settings: Sequence[str]) -> Architecture:
    """Set fields from FIELD=VALUE in an order in which each step is valid, as some values require others.

    The kind of block comes first, since it decides about other fields and must not overwrite their settings.
    """
    settings = sorted(settings, key=lambda setting: setting.partition("=")[0].strip() not in ("variant", "block"))
    while settings:
        errors: dict[str, ArchitectureError] = {}
        for setting in settings:
            field, equals, text = setting.partition("=")
            if not equals:
                raise ValueError(f"--set {setting}: must be FIELD=VALUE, as in --set width=32")
            try:
                architecture = with_text(architecture, field.strip(), text)
            except ArchitectureError as error:
                errors[setting] = error
        if len(errors) == len(settings):
            raise next(iter(errors.values()))
        settings = list(errors)
    return architecture


def check_output(path: Path, suffix: str) -> None:
    """`ValueError` if an output file could not be written; called before the work instead of after it."""
    if path.suffix.lower() != suffix:
        raise ValueError(f"{path}: the file name must end in {suffix}")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"{path}: directory not found: {path.parent}")
