"""The JSON form of architectures, and reading one from a file."""

from __future__ import annotations

from pathlib import Path

from resnet_studio.codec import Form
from resnet_studio.files import read_json
from resnet_studio.networks.architecture import Architecture, from_json, to_json

ARCHITECTURE = Form(to_json, from_json)


def read_architecture(path: Path) -> Architecture:
    """The architecture of a JSON file; `ValueError` says what is wrong with which file. It never waits for a pipe."""
    return read_json(path, from_json)
