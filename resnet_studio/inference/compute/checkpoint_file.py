"""Reads tensors of an untrusted weights file: those that are asked for, each after its checksum was compared."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from zlib import crc32

import torch
from torch import Tensor

from resnet_studio.files import FileRefusedError, display_name
from resnet_studio.inference.errors import WeightsError
from resnet_studio.inference.weights.containers.stored import BYTES, SourceFile, Storage, StoredTensor
from resnet_studio.inference.weights.containers.torch_files import INCOMPLETE
from resnet_studio.inference.weights.contents import CheckpointContents
from resnet_studio.inference.weights.reader import read_contents

NO_CHECKSUM = "is damaged, or was saved without checksums. Copy or download it again"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A weights file that can be loaded from."""

    path: Path
    contents: CheckpointContents

    @property
    def sha256(self) -> str:
        """Raises `WeightsError` if the file is no longer the same."""
        try:
            return self.contents.sha256
        except FileRefusedError as refusal:
            raise WeightsError(display_name(self.path), str(refusal)) from None

    def load(self, names: Iterable[str]) -> dict[str, Tensor]:
        """These tensors by their names in `contents`, of the types that they were saved in, on the CPU.

        Raises `WeightsError` if the file is damaged or no longer the same. Values are not checked.
        """
        stored = {name: self.contents.tensors[name] for name in names}
        try:
            return _load(stored)
        except FileRefusedError as refusal:
            raise WeightsError(display_name(self.path), str(refusal)) from None


def read(path: Path, max_bytes: int) -> Checkpoint:
    """Read what is in a weights file of at most `max_bytes` bytes, whatever its name ends in; see `read_contents`."""
    return Checkpoint(path, read_contents(path, max_bytes))


def check_real(name: str, tensor: Tensor) -> None:
    """Raise `FileRefusedError` for a network's tensor that is not made of real numbers."""
    if not tensor.is_floating_point() and not name.endswith("num_batches_tracked"):
        kind = str(tensor.dtype).removeprefix("torch.")
        raise FileRefusedError(f"has {kind} values in {name}; weights must be floating point. Save them as float32")


def _load(stored: Mapping[str, StoredTensor]) -> dict[str, Tensor]:
    sources = {tensor.storage.source for tensor in stored.values()} - {None}
    with ExitStack() as stack:
        files = {source: stack.enter_context(source.open()) for source in sources if source}
        read: dict[int, Tensor] = {}
        return {name: _tensor(tensor, files, read) for name, tensor in stored.items()}


def _tensor(stored: StoredTensor, files: Mapping[SourceFile, BufferedReader], read: dict[int, Tensor]) -> Tensor:
    """The tensor, a view of its storage's bytes, which are read once for all tensors in it."""
    storage, size = stored.storage, BYTES[stored.dtype]
    if id(storage) not in read:
        read[id(storage)] = _read(storage, files[storage.source] if storage.source else None)
    data = read[id(storage)]
    if stored.big_endian != (sys.byteorder == "big") and size > 1:
        data = data[: len(data) // size * size].view(-1, size).flip(1).reshape(-1)
    values = data[: len(data) // size * size].view(getattr(torch, stored.dtype))
    if not stored.values:
        return torch.empty(stored.shape, dtype=values.dtype)
    return values.as_strided(stored.shape, stored.strides, stored.offset)


def _read(storage: Storage, file: BufferedReader | None) -> Tensor:
    """The bytes of a storage; `FileRefusedError` if some are missing or the checksum differs."""
    if not storage.size:
        return torch.empty(0, dtype=torch.uint8)
    if storage.data is not None or file is None:
        return torch.frombuffer(bytearray(storage.data or b""), dtype=torch.uint8)
    data = torch.empty(storage.size, dtype=torch.uint8)
    view = data.numpy().data
    file.seek(storage.start)
    if file.readinto(view) != storage.size:
        raise FileRefusedError(INCOMPLETE)
    if storage.crc32 is not None and crc32(view) != storage.crc32:
        raise FileRefusedError(NO_CHECKSUM)
    return data
