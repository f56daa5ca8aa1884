"""The training that the program's own weights come from, stored in the header of their file. Needs no torch."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from resnet_studio import codec
from resnet_studio.files import FileRefusedError
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.parsing import ARCHITECTURE
from resnet_studio.plain import plain

KEY, DIGEST, HEADER_DIGEST = "resnet_studio", "sha256", "header_sha256"
"""Entries of a safetensors file's metadata: a `TrainingProvenance` as JSON, the SHA-256 of the data after the header,
and that of the header itself, which older files lack."""
OWN_KEYS = {KEY, DIGEST, HEADER_DIGEST}
METADATA = "__metadata__"
VERSION = 2
"""Files of version 1 always have mean and deviation per channel, even if the run subtracted something else."""
LARGEST_MEAN_IMAGE = 6_400_000
"""Bytes, for 730 pixels a side in RGB; as text it fits into the first 10 MB of a file, which are read for listing."""


@dataclass(frozen=True, slots=True)
class TrainingProvenance:
    """The training that weights come from."""

    architecture: Annotated[Architecture, ARCHITECTURE]
    data: str
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    """`mean` is what the run subtracted from each channel, `deviation` its divisor, for values of 0 … 1."""
    run: str
    step: int
    mean_image: bytes = field(default=b"", repr=False)
    """The mean of each pixel, if that was subtracted instead of `mean`: float32, channels × height × width."""
    version: int = VERSION

    @property
    def description(self) -> str:
        """In words: "trained on digits, 330 steps"."""
        return f"trained on {self.data}, {self.step:,} steps" if self.step else "initial weights of a run"


CompletedProvenance: TypeAlias = tuple[TrainingProvenance, str]
"""A provenance, and why its mean and deviation may not be those of the run; empty if they are."""
COMPLETERS: dict[str, Callable[[Path, TrainingProvenance], CompletedProvenance | None]] = {}
"""Functions that look up how the images of a version 1 file were normalized, and return None if they can't. The
training package adds one that reads the run's folder."""
UNKNOWN_NORMALIZATION = (
    "saved by an earlier version, which did not record how images were normalized: per channel is assumed. "
    "In its run's folder, the recorded normalization is used"
)


def complete_provenance(path: Path, provenance: TrainingProvenance) -> CompletedProvenance:
    """The provenance of the file at `path`, completed if it is of version 1."""
    if provenance.version == VERSION:
        return provenance, ""
    completions = (complete(path, provenance) for complete in COMPLETERS.values())
    return next((completion for completion in completions if completion), (provenance, UNKNOWN_NORMALIZATION))


def to_metadata(
    provenance: TrainingProvenance, data: bytes, others: Mapping[str, str] | None = None
) -> dict[str, str]:  # fmt: skip
    """The metadata to save with the tensors; `data` is the safetensors file without metadata.

    The checksum of the header is also that of other metadata.
    """
    text = json.dumps(codec.to_json(provenance), ensure_ascii=False)
    metadata = {"format": "pt", **(others or {}), KEY: text, DIGEST: _digest(data)}
    header = json.loads(data[8 : _header_end(data)]) | {METADATA: metadata}
    return metadata | {HEADER_DIGEST: _header_digest(header)}


def read_provenance(data: bytes) -> tuple[TrainingProvenance | None, bool]:
    """The provenance of a safetensors file, None if it is not the program's own or not readable; and whether it is the
    program's own, but not readable by this version.

    `FileRefusedError` if a checksum of the header or of the tensors differs.
    """
    header = json.loads(data[8 : _header_end(data)])
    metadata = _metadata(header)
    if not _is_intact(header) or (KEY in metadata and metadata.get(DIGEST) != _digest(data)):
        raise FileRefusedError("is damaged (wrong checksum). Copy it again")
    provenance = provenance_from_header(header)
    return provenance, KEY in _metadata(header) and provenance is None


def provenance_from_header(header: Any) -> TrainingProvenance | None:
    """The provenance in the parsed header of a safetensors file; None if there is none or it is damaged."""
    if not _is_intact(header):
        return None
    try:
        return _parse_provenance(json.loads(_metadata(header)[KEY]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None  # from a later version: its tensors are valid all the same


def _metadata(header: Any) -> Mapping[str, Any]:
    metadata = header.get(METADATA) if isinstance(header, Mapping) else None
    return metadata if isinstance(metadata, Mapping) else {}


def _parse_provenance(values: dict[str, Any]) -> TrainingProvenance:
    if codec.is_newer(values, VERSION):
        raise ValueError(f"version {values['version']} is newer than {VERSION}")
    provenance = codec.from_json(TrainingProvenance, {"version": 1, "mean_image": ""} | values, complete=True)
    names = tuple(map(plain, provenance.classes))
    provenance = replace(provenance, data=plain(provenance.data), classes=names)
    shape = provenance.architecture.input_shape
    counts = len(provenance.classes), len(provenance.mean), len(provenance.deviation)
    if counts != (provenance.architecture.classes, shape[0], shape[0]):
        raise ValueError(f"{counts} classes, means and deviations are not this network's")
    if len(provenance.mean_image) not in (0, 4 * math.prod(shape)):
        raise ValueError(f"a mean image of {len(provenance.mean_image)} bytes is not this network's")
    if not all(map(math.isfinite, provenance.mean)) or not all(0 < value < math.inf for value in provenance.deviation):
        raise ValueError(f"means {provenance.mean} and deviations {provenance.deviation} are not those of images")
    return provenance


def _header_end(data: bytes) -> int:
    return 8 + int.from_bytes(data[:8], "little")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data[_header_end(data) :]).hexdigest()


def _is_intact(header: Any) -> bool:
    """Whether a header is unchanged; one without a checksum of its own counts as intact."""
    metadata = _metadata(header)
    return HEADER_DIGEST not in metadata or metadata[HEADER_DIGEST] == _header_digest(header)


def _header_digest(header: Mapping[str, Any]) -> str:
    """The SHA-256 of a header without this checksum, independent of the order of its entries."""
    metadata = {name: value for name, value in _metadata(header).items() if name != HEADER_DIGEST}
    return hashlib.sha256(json.dumps({**header, METADATA: metadata}, sort_keys=True).encode()).hexdigest()
