"""Where weights of the program's own come from: what belongs to them, in the header of their file. Needs no torch."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resnet_studio.files import Refusal
from resnet_studio.networks.architecture import Architecture, from_json, to_json

KEY, DIGEST, HEADER_DIGEST = "resnet_studio", "sha256", "header_sha256"
"""Entries of a safetensors file's metadata: an `Origin` as JSON, the SHA-256 of what follows the header, and that of
the header itself, which files from before it lack."""
METADATA = "__metadata__"


@dataclass(frozen=True, slots=True)
class Origin:
    """The training that weights come from."""

    architecture: Architecture
    data: str
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    """Of the training images' channels, of values 0 … 1."""
    run: str
    step: int

    @property
    def told(self) -> str:
        """In words: "trained on digits, 330 steps"."""
        return f"trained on {self.data}, {self.step:,} steps" if self.step else "initial weights of a run"


def to_metadata(origin: Origin, plain: bytes) -> dict[str, str]:
    """The metadata for the same tensors saved with it; `plain` is the file without any."""
    values = {
        "architecture": to_json(origin.architecture),
        **{name: getattr(origin, name) for name in ("data", "classes", "mean", "deviation", "run", "step")},
    }
    metadata = {"format": "pt", KEY: json.dumps(values, ensure_ascii=False), DIGEST: _digest(plain)}
    header = json.loads(plain[8 : _start(plain)]) | {METADATA: metadata}
    return metadata | {HEADER_DIGEST: _header_digest(header)}


def of_file(data: bytes) -> Origin | None:
    """What a safetensors file says of itself; None if it is not the program's own.

    `Refusal` if its header or its numbers are not those that were saved.
    """
    header = json.loads(data[8 : _start(data)])
    metadata = _metadata(header)
    if not _whole(header) or (KEY in metadata and metadata.get(DIGEST) != _digest(data)):
        raise Refusal("is damaged: its checksum differs. Copy it again")
    return of_header(header)


def of_header(header: Any) -> Origin | None:
    """What a safetensors file's parsed header says of it; None if it is not the program's own, or is damaged."""
    if not _whole(header):
        return None
    try:
        return _origin(json.loads(_metadata(header)[KEY]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None  # a later version's: its tensors are good all the same


def _metadata(header: Any) -> Mapping[str, Any]:
    metadata = header.get(METADATA) if isinstance(header, Mapping) else None
    return metadata if isinstance(metadata, Mapping) else {}


def _origin(values: Mapping[str, Any]) -> Origin:
    origin = Origin(
        from_json(values["architecture"]), str(values["data"]), tuple(map(str, values["classes"])),
        tuple(map(float, values["mean"])), tuple(map(float, values["deviation"])), str(values["run"]),
        int(values["step"]),
    )  # fmt: skip
    counts = len(origin.classes), len(origin.mean), len(origin.deviation)
    if counts != (origin.architecture.classes, origin.architecture.channels, origin.architecture.channels):
        raise ValueError(f"{counts} classes, means and deviations are not this network's")
    if not all(map(math.isfinite, origin.mean)) or not all(0 < one < math.inf for one in origin.deviation):
        raise ValueError(f"means {origin.mean} and deviations {origin.deviation} are not those of images")
    return origin


def _start(data: bytes) -> int:
    return 8 + int.from_bytes(data[:8], "little")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data[_start(data) :]).hexdigest()


def _whole(header: Any) -> bool:
    """Whether a header is the one that was written; one without a checksum of its own counts as whole."""
    metadata = _metadata(header)
    return HEADER_DIGEST not in metadata or metadata[HEADER_DIGEST] == _header_digest(header)


def _header_digest(header: Mapping[str, Any]) -> str:
    """The SHA-256 of all that a header says but for this checksum, whatever the order in which it is written."""
    metadata = {name: value for name, value in _metadata(header).items() if name != HEADER_DIGEST}
    return hashlib.sha256(json.dumps({**header, METADATA: metadata}, sort_keys=True).encode()).hexdigest()
