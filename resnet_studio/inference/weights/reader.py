"""Reads what an untrusted weights file contains, without running anything in it or reading its tensors' values.

What kind of file it is follows from its content, whatever its name. Needs no torch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from resnet_studio.files import MAX_JSON_BYTES, FileRefusedError, display_name, read_file
from resnet_studio.inference.errors import WeightsError
from resnet_studio.inference.weights import file_kinds, provenance
from resnet_studio.inference.weights.containers.plain_values import plain_value
from resnet_studio.inference.weights.containers.safetensors_file import is_safetensors, read_safetensors
from resnet_studio.inference.weights.containers.shards import index_of, is_index, read_shards
from resnet_studio.inference.weights.containers.state_dicts import find_weights
from resnet_studio.inference.weights.containers.stored import SourceFile, source_file
from resnet_studio.inference.weights.containers.torch_files import (
    LEGACY,
    NOT_WEIGHTS,
    ZIP,
    Container,
    read_legacy,
    read_plain_pickle,
    read_zip,
)
from resnet_studio.inference.weights.containers.torch_values import mapping
from resnet_studio.inference.weights.contents import CheckpointContents
from resnet_studio.plain import plain

BEGINNING, END = 8192, 64
"""Bytes that tell what a file is."""
PICKLE = re.compile(rb"\x80[\x02-\x05]")
"""A pickle's protocol; older ones begin like any text."""
LONGEST_REFUSAL = 1000
"""Characters; it may name what is in the file."""
SIDECAR = "config.json"
SIDECAR_KEYS = {"architecture", "architectures", "model_type", "pretrained_cfg", "id2label"}
"""Entries of a config.json, one of which every description of a model has."""


def read_contents(path: Path, max_bytes: int) -> CheckpointContents:
    """Read what a file of at most `max_bytes` bytes contains, or all the files that it is the index of.

    Raises `WeightsError` for a file that has no weights, is damaged, or would run code if another program opened it.
    """
    try:
        source = source_file(path, max_bytes)
        with source.open() as file:
            container = _read_sharded(path, file, max_bytes) or _read_one(source, file)
            return _contents(path, file, container)
    except FileRefusedError as refusal:
        raise WeightsError(display_name(path), plain(str(refusal), LONGEST_REFUSAL)) from None


def _read_sharded(path: Path, file: BinaryIO, max_bytes: int) -> Container | None:
    """All the files of an index, if the file is one or is named by one; None for any other."""
    index = index_of(path) or (path if is_index(file.read(BEGINNING), path.name) else None)
    file.seek(0)
    return read_shards(index, max_bytes, _read_one) if index else None


def _read_one(source: SourceFile, file: BinaryIO) -> Container:
    beginning = file.read(BEGINNING)
    file.seek(0)
    if beginning.startswith(ZIP):
        return read_zip(source, file)
    if beginning.startswith(LEGACY):
        return read_legacy(source, file)
    if is_safetensors(beginning):
        return read_safetensors(source, file)
    if PICKLE.match(beginning):
        return read_plain_pickle(source, file)
    if known := file_kinds.describe_file(beginning, _end(source, file), source.path.name):
        raise FileRefusedError(f"is not a weights file but {known}")
    raise FileRefusedError(NOT_WEIGHTS)


def _end(source: SourceFile, file: BinaryIO) -> bytes:
    file.seek(max(source.size - END, 0))
    end = file.read(END)
    file.seek(0)
    return end


def _contents(path: Path, file: BinaryIO, container: Container) -> CheckpointContents:
    weights = find_weights(container)
    origin, newer_format = _provenance(container, file)
    return CheckpointContents(
        container.kind,
        ".".join(weights.path),
        weights.tensors,
        weights.ignored,
        container.passed_over,
        _metadata(container.value, weights.path),
        _sidecar(path),
        container.header,
        container.sources,
        weights.wrappers,
        weights.whole_module,
        origin,
        newer_format,
    )


def _metadata(value: Any, path: tuple[str, ...]) -> Mapping[str, Any]:
    """The entries beside the weights, on each level of the dictionaries that lead to them."""
    found: dict[Any, Any] = {}
    for key in path:
        entries = mapping(value) or {}
        found |= {name: entry for name, entry in entries.items() if name != key}
        value = entries.get(key)
    plain_values: dict[str, Any] = plain_value(found)
    return {name: entry for name, entry in plain_values.items() if entry is not None}


def _sidecar(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(read_file(path.with_name(SIDECAR), MAX_JSON_BYTES))
    except (FileRefusedError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) and SIDECAR_KEYS & content.keys() else {}


def _provenance(container: Container, file: BinaryIO) -> tuple[provenance.TrainingProvenance | None, bool]:
    """The provenance of a file that this program wrote; and whether only a newer version can read it."""
    if container.kind != "safetensors" or not provenance.OWN_KEYS & container.header.keys():
        return None, False
    file.seek(0)
    return provenance.read_provenance(file.read())
