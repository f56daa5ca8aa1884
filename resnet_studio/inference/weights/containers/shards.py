"""Weights in several files, which an index names: `model.safetensors.index.json`, `pytorch_model.bin.index.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from resnet_studio.files import FileRefusedError, display_name, json_fault, read_file
from resnet_studio.formatting import counted, join_names
from resnet_studio.inference.weights.containers.stored import SourceFile, source_file
from resnet_studio.inference.weights.containers.torch_files import Container
from resnet_studio.inference.weights.containers.torch_values import mapping
from resnet_studio.plain import plain

MAX_INDEX_BYTES, MAX_SHARDS = 20_000_000, 1000
SHARD = re.compile(r"(?P<stem>.+)-\d{5}-of-\d{5}(?P<suffix>\.(safetensors|bin|pt|pth))")
INDEX_SUFFIX = ".index.json"
ReadOne: TypeAlias = Callable[[SourceFile, BinaryIO], Container]


def index_of(path: Path) -> Path | None:
    """The index that a shard belongs to, if it is beside it; None for any other file."""
    shard = SHARD.fullmatch(path.name)
    index = path.with_name(f"{shard['stem']}{shard['suffix']}{INDEX_SUFFIX}") if shard else path
    return index if shard and index.is_file() else None


def is_index(beginning: bytes, name: str) -> bool:
    """Whether a file is an index, going by its beginning or its name."""
    is_json = beginning.lstrip()[:1] == b"{"
    return is_json and (b'"weight_map"' in beginning or name.endswith(INDEX_SUFFIX))


def read_shards(path: Path, most: int, read_one: ReadOne) -> Container:
    """Read the files that an index names; all together have at most `most` bytes.

    `FileRefusedError` if one is missing, lies outside of the index's folder or behind a link, or doesn't hold the
    tensors that the index says.
    """
    shards = _shards(path)
    sources, value, containers = [source_file(path, MAX_INDEX_BYTES)], dict[str, Any](), []
    for name, tensors in shards.items():
        container, found = _read_shard(path.parent, name, most - sum(source.size for source in sources), read_one)
        if found.keys() != tensors:
            raise FileRefusedError(f"doesn't match {plain(name)}, which has other tensors. Download both again")
        value |= found
        sources += container.sources
        containers.append(container)
    kind = f"{join_names(sorted({container.kind for container in containers}))}, {counted(len(shards), 'shard')}"
    skipped = sorted({name for container in containers for name in container.passed_over})
    return Container(kind, value, containers[0].tensors, tuple(sources), tuple(skipped), containers[0].header)


def _shards(path: Path) -> dict[str, set[str]]:
    """The names of the files in an index, and the names of each file's tensors."""
    try:
        weight_map = json.loads(read_file(path, MAX_INDEX_BYTES))["weight_map"]
        shards: dict[str, set[str]] = {}
        for tensor, file in weight_map.items():
            shards.setdefault(_checked_name(file), set()).add(tensor)
    except FileRefusedError:
        raise
    except (ValueError, RecursionError) as error:
        raise FileRefusedError(f"is not an index of weights ({json_fault(error)}). Download it again") from None
    except (KeyError, TypeError, AttributeError):
        raise FileRefusedError("is not a weights file but a JSON file. Choose the weights themselves") from None
    if not 0 < len(shards) <= MAX_SHARDS:
        raise FileRefusedError(f"is not an index of weights: it names {len(shards):,} files. Download it again")
    return shards


def _checked_name(name: Any) -> str:
    """A file's name, if it is a plain one: an index must not lead out of its folder."""
    if not isinstance(name, str) or not name or name in (".", "..") or set(name) & set("/\\:\0"):
        raise FileRefusedError(
            f"names a file outside of its folder ({plain(str(name))[:100]}), which is not opened. Download it again"
        )
    return name


def _read_shard(folder: Path, name: str, most: int, read_one: ReadOne) -> tuple[Container, dict[str, Any]]:
    """A shard, and its tensors by name."""
    try:
        source = source_file(Path(name), most, folder)
        with source.open() as file:
            container = read_one(source, file)
            entries = mapping(container.value) or {}
            tensors = {name: container.tensors.tensor(value) for name, value in entries.items()}
    except FileRefusedError as refusal:
        raise FileRefusedError(f"needs {display_name(Path(name))}, which {refusal}") from None
    return container, tensors
