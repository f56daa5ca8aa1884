"""Reading an architecture from a file."""

from __future__ import annotations

from pathlib import Path

from resnet_studio.files import FileRefusedError, display_name, read_file
from resnet_studio.networks.architecture import Architecture, ArchitectureError, from_json

LARGEST_JSON = 1_000_000  # bytes; an architecture has some two hundred


def read_architecture(path: Path) -> Architecture:
    """The architecture of a JSON file; `ValueError` says what is wrong with which file. It never waits for a pipe."""
    try:
        return from_json(read_file(path, LARGEST_JSON).decode("utf-8-sig"))
    except FileRefusedError as refusal:
        raise ValueError(f"{display_name(path)} {refusal}") from None
    except ArchitectureError as error:
        raise ValueError(f"{display_name(path)}: {error}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{display_name(path)}: architecture: not valid JSON: not text") from None
