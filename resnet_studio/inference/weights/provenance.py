"""Where weights of the program's own come from: what belongs to them, in the header of their file. Needs no torch."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from resnet_studio.files import Refusal
from resnet_studio.networks.architecture import Architecture, from_json, to_json
from resnet_studio.plain import plain

KEY, DIGEST, HEADER_DIGEST = "resnet_studio", "sha256", "header_sha256"
"""Entries of a safetensors file's metadata: an `Origin` as JSON, the SHA-256 of what follows the header, and that of
the header itself, which files from before it lack."""
METADATA = "__metadata__"
VERSION = 2
"""Files of version 1 hold mean and deviation of the training images' channels, whatever the run subtracted."""
LARGEST_MEAN_IMAGE = 6_400_000
"""Bytes; as text in the header it stays below 10 MB, which is read of a file to list it. 730 pixels a side in RGB."""


@dataclass(frozen=True, slots=True)
class TrainingProvenance:
    """The training that weights come from."""

    architecture: Architecture
    data: str
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    """What the run subtracted from each channel and divided it by, of values 0 … 1."""
    run: str
    step: int
    mean_image: bytes = field(default=b"", repr=False)
    """What was subtracted from each pixel instead of `mean`, where that was so: float32, channels × image × image."""
    version: int = VERSION

    @property
    def told(self) -> str:
        """In words: "trained on digits, 330 steps"."""
        return f"trained on {self.data}, {self.step:,} steps" if self.step else "initial weights of a run"


Completed: TypeAlias = tuple[TrainingProvenance, str]
"""An origin, and why its mean and deviation may not be what was subtracted and divided by; empty where they are."""
COMPLETERS: dict[str, Callable[[Path, TrainingProvenance], Completed | None]] = {}
"""Who may know how the images of a file of version 1 were normalized, as its run does; added by whoever may import
the training. None where that is not known."""
UNKNOWN = (
    "saved by an earlier version, which did not say how the images were normalized: by channel is assumed. "
    "In its run's folder it is looked up"
)


def completed(path: Path, origin: TrainingProvenance) -> Completed:
    """What the file at `path` says of itself, with what a file of version 1 lacks."""
    if origin.version == VERSION:
        return origin, ""
    found = (complete(path, origin) for complete in COMPLETERS.values())
    return next((one for one in found if one), (origin, UNKNOWN))


def to_metadata(origin: TrainingProvenance, plain: bytes) -> dict[str, str]:
    """The metadata for the same tensors saved with it; `plain` is the file without any."""
    values = {
        "architecture": to_json(origin.architecture),
        **{name: getattr(origin, name) for name in ("version", "data", "classes", "mean", "deviation", "run", "step")},
        "mean_image": base64.b64encode(origin.mean_image).decode("ascii"),
    }
    metadata = {"format": "pt", KEY: json.dumps(values, ensure_ascii=False), DIGEST: _digest(plain)}
    header = json.loads(plain[8 : _start(plain)]) | {METADATA: metadata}
    return metadata | {HEADER_DIGEST: _header_digest(header)}


def of_file(data: bytes) -> tuple[TrainingProvenance | None, bool]:
    """What a safetensors file says of itself, None if it is not the program's own; and whether it says more than
    this version can read.

    `Refusal` if its header or its numbers are not those that were saved.
    """
    header = json.loads(data[8 : _start(data)])
    metadata = _metadata(header)
    if not _whole(header) or (KEY in metadata and metadata.get(DIGEST) != _digest(data)):
        raise Refusal("is damaged: its checksum differs. Copy it again")
    origin = of_header(header)
    return origin, KEY in _metadata(header) and origin is None


def of_header(header: Any) -> TrainingProvenance | None:
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


def _origin(values: Mapping[str, Any]) -> TrainingProvenance:
    origin = TrainingProvenance(
        from_json(values["architecture"]), plain(str(values["data"])),
        tuple(plain(str(name)) for name in values["classes"]), tuple(map(float, values["mean"])),
        tuple(map(float, values["deviation"])), str(values["run"]),
        int(values["step"]), base64.b64decode(values.get("mean_image", ""), validate=True),
        int(values.get("version", 1)),
    )  # fmt: skip
    if origin.version > VERSION:
        raise ValueError(f"version {origin.version} is newer than {VERSION}")
    channels, image = origin.architecture.channels, origin.architecture.image
    counts = len(origin.classes), len(origin.mean), len(origin.deviation)
    if counts != (origin.architecture.classes, channels, channels):
        raise ValueError(f"{counts} classes, means and deviations are not this network's")
    if len(origin.mean_image) not in (0, 4 * channels * image**2):
        raise ValueError(f"a mean image of {len(origin.mean_image)} bytes is not this network's")
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
