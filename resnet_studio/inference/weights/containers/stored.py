"""Tensors of a file by where their bytes are in it: none is read until it is asked for. Needs no torch."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path

from resnet_studio.files import FileRefusedError, as_refusal, open_file
from resnet_studio.inference.errors import Shape

BYTES = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "float8_e4m3fn": 1, "float8_e5m2": 1, "complex64": 8,
    "complex128": 16, "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint64": 8, "uint32": 4, "uint16": 2, "uint8": 1,
    "bool": 1,
}  # fmt: skip
"""Size of a value of each type, by torch's name for it."""
CHANGED = "changed while it was being read. Try again when it is complete"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that is opened again for each reading, and refused if it was replaced or written meanwhile."""

    path: Path
    """Relative to `folder`, if there is one."""
    size: int
    modified: int
    """Nanoseconds, as in `os.stat_result.st_mtime_ns`."""
    number: int
    """Of the file in its file system (`st_ino`)."""
    folder: Path | None = None
    """A folder that no link may lead out of."""

    @contextmanager
    def open(self) -> Iterator[BufferedReader]:
        """The file, positioned at its beginning; `FileRefusedError` if it can't be read or is no longer the same."""
        with open_file(self.path, self.size, self.folder) as file:
            self._check_unchanged(file)
            try:
                yield file
            except OSError as error:
                raise as_refusal(self.path, error) from None
            self._check_unchanged(file)

    def sha256(self) -> str:
        """The checksum of the whole file."""
        with self.open() as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _check_unchanged(self, file: BufferedReader) -> None:
        status = os.fstat(file.fileno())
        if (status.st_size, status.st_mtime_ns, status.st_ino) != (self.size, self.modified, self.number):
            raise FileRefusedError(CHANGED)


def source_file(path: Path, most: int, folder: Path | None = None) -> SourceFile:
    """The file at `path` as it is now; `FileRefusedError` if it is no regular file or has more than `most` bytes."""
    with open_file(path, most, folder) as file:
        status = os.fstat(file.fileno())
    return SourceFile(path, status.st_size, status.st_mtime_ns, status.st_ino, folder)


@dataclass(frozen=True, slots=True, eq=False)
class Storage:
    """Consecutive bytes that tensors are views of."""

    source: SourceFile | None
    start: int
    """Position in the file of the first byte."""
    size: int
    crc32: int | None = None
    """The checksum in the file; None where the format has none."""
    data: bytes | None = field(default=None, repr=False)
    """The bytes themselves, where the format has them inside of its description."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredTensor:
    """A tensor's type, its shape, and where its values are."""

    dtype: str
    """torch's name: "float32", "bfloat16", "int64"."""
    shape: Shape
    strides: tuple[int, ...]
    """As torch's, in values."""
    offset: int
    """Of the first value in the storage, in values."""
    storage: Storage
    big_endian: bool = False

    @property
    def values(self) -> int:
        return math.prod(self.shape)

    @property
    def floating(self) -> bool:
        return "float" in self.dtype

    def check(self, name: str) -> None:
        """Raise `FileRefusedError` unless every value has a place of its own in the storage."""
        numbers = (*self.shape, *self.strides, self.offset)
        if len(self.strides) != len(self.shape) or not all(type(number) is int and number >= 0 for number in numbers):
            raise FileRefusedError(
                f"is incomplete or damaged: {name} has an impossible shape. Copy or download it again"
            )
        spans = (stride * (size - 1) for size, stride in zip(self.shape, self.strides, strict=True))
        last = self.offset + sum(spans) if self.values else 0
        held = self.storage.size // BYTES[self.dtype]
        if last >= max(held, 1) or self.values > held:
            raise FileRefusedError(f"is not a weights file: {name} claims more values than the file contains")
        if self._overlaps():
            raise FileRefusedError(f"is incomplete or damaged: values of {name} overlap. Copy or download it again")

    def _overlaps(self) -> bool:
        """Whether two of its values are in the same place."""
        extent = 1
        for stride, size in sorted(zip(self.strides, self.shape, strict=True)):
            if size > 1 and stride < extent:
                return True
            extent += stride * (size - 1)
        return False


@dataclass(frozen=True, slots=True)
class UnreadableTensor:
    """A tensor that has no plain values to read: sparse, quantized, on no device, or of a class of its own."""

    kind: str
    """The function that would have made it: "torch._utils._rebuild_sparse_tensor"."""


def contiguous(shape: Shape) -> tuple[int, ...]:
    """The strides of a tensor whose last dimension varies fastest."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))
