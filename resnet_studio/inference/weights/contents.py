"""What a checkpoint contains: names, types and shapes of its weights, and what is known of them. Needs no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from resnet_studio.formatting import join_names
from resnet_studio.inference.errors import Shape
from resnet_studio.inference.weights.containers.state_dicts import IgnoredEntry
from resnet_studio.inference.weights.containers.stored import SourceFile, StoredTensor
from resnet_studio.inference.weights.provenance import TrainingProvenance
from resnet_studio.plain import plain

LONGEST_NOTE = 1000
"""Characters."""


@dataclass(frozen=True, eq=False)
class CheckpointContents:
    """A file's content, down to the shapes of its tensors: none of their values has been read."""

    container: str
    """"PyTorch zip", "PyTorch before 1.6", "safetensors", "safetensors, 3 shards", "plain pickle"."""
    path: str
    """The keys that lead to the weights: "state_dict"; "" if they are not inside of anything."""
    tensors: Mapping[str, StoredTensor]
    """By their names below `path`, averaged copies of a network after the network itself."""
    ignored: tuple[IgnoredEntry, ...]
    """Tensors that are no weights of a network."""
    passed_over: tuple[str, ...]
    """Classes of objects in the file; none of them was imported or constructed."""
    metadata: Mapping[str, Any]
    """What is in the file besides the weights, in JSON's terms: "hyper_parameters", "arch", "args", "epoch", …"""
    sidecar: Mapping[str, Any]
    """The config.json beside the file; empty if there is none that describes a model."""
    header: Mapping[str, str]
    """The metadata of a safetensors file."""
    sources: tuple[SourceFile, ...] = field(repr=False)
    wrappers: tuple[str, ...] = ()
    """What was removed from the tensors' names: "module", "_orig_mod"."""
    whole_module: bool = False
    """Whether the file has a pickled network instead of a state_dict."""
    provenance: TrainingProvenance | None = None
    """The provenance in the file, if this program wrote it."""
    newer_format: bool = False
    """Whether the provenance is in a format that only a newer version of this program can read."""

    @property
    def shapes(self) -> dict[str, Shape]:
        return {name: tensor.shape for name, tensor in self.tensors.items()}

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(source.size for source in self.sources)

    @property
    def precision(self) -> str:
        """The types of the floating-point weights: "float32", "float16 and float32"."""
        return " and ".join(sorted({tensor.dtype for tensor in self.tensors.values() if tensor.floating}))

    @cached_property
    def sha256(self) -> str:
        """The checksum of the file; of several, that of their checksums. Reads all of them when first asked for.

        `FileRefusedError` if a file is no longer the same.
        """
        digests = [source.sha256() for source in self.sources]
        return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know, in words: "found under 'state_dict'"."""
        notes = (
            *([f"found under '{self.path}'"] if self.path else []),
            *(["read from a whole pickled module, whose code was not run"] if self.whole_module else []),
            *(f"'{wrapper}.' removed from tensor names" for wrapper in self.wrappers),
            *_ignored_notes(self.ignored),
            *([f"skipped, not executed: {join_names(self.passed_over)}"] if self.passed_over else []),
        )
        return tuple(plain(note, LONGEST_NOTE) for note in notes)


def _ignored_notes(ignored: Iterable[IgnoredEntry]) -> list[str]:
    """A note for each reason: "ignored: queue, queue_ptr (a queue of MoCo's)"."""
    names: dict[str, list[str]] = {}
    for entry in ignored:
        names.setdefault(entry.reason, []).append(entry.name)
    return [f"ignored: {join_names(of_reason)} ({reason})" for reason, of_reason in names.items()]
