"""Files that torch.save wrote, as zip archives and as before 1.6, and plain pickles. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, BinaryIO
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from resnet_studio.files import FileRefusedError
from resnet_studio.inference.weights import file_kinds
from resnet_studio.inference.weights.containers.pickle_imports import check_imports, passed_over
from resnet_studio.inference.weights.containers.pickle_values import LEGACY_PICKLES, PickleValues, read_pickle
from resnet_studio.inference.weights.containers.stored import BYTES, SourceFile, Storage
from resnet_studio.inference.weights.containers.torch_values import (
    LEGACY_KEYS,
    LEGACY_VALUE,
    TensorValues,
    storage_keys,
)

ZIP, LEGACY = b"PK\x03\x04", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""First bytes of torch.save's files: a zip since 1.6, before that a pickle of torch's magic number."""
FOLDER = 0x10
"""The attribute that makes torch treat a zip's record as a folder: it reads nothing and leaves the tensor unset."""
LEGACY_HEADS = (1_000_000, 64_000_000)
"""Bytes of an old file in which its pickles end: nearly always, and at most."""
LOCAL_HEADER = 30
"""Bytes before the name of a zip's record."""
NOT_WEIGHTS = "is not a weights file. Choose a state_dict saved as .pth, .pt or .safetensors"
INCOMPLETE = "is incomplete or damaged. Copy or download it again"
QUANTIZED = (
    "has quantized (int8) weights, which only the quantized network can use. Save the state_dict of the float network, "
    "before torch.ao.quantization.convert"
)


@dataclass(frozen=True, slots=True)
class Container:
    """A file's content, before its weights are looked for."""

    kind: str
    """"PyTorch zip", "safetensors"."""
    value: Any
    """Dictionaries, lists and stand-ins, with tensors among them."""
    tensors: TensorValues
    sources: tuple[SourceFile, ...]
    passed_over: tuple[str, ...] = ()
    """Classes and functions in its pickle that become neither tensors nor plain values."""
    header: Mapping[str, str] = field(default_factory=dict)
    """The metadata of a safetensors file."""


def read_zip(source: SourceFile, file: BinaryIO) -> Container:
    """Read a zip archive of torch.save. `FileRefusedError` if it is another archive, damaged or harmful."""
    try:
        archive = ZipFile(file)
    except Exception:  # a broken directory raises all kinds of errors
        raise FileRefusedError(INCOMPLETE) from None
    with archive:
        records = _checked_records(archive, source.size)
        root = archive.infolist()[0].filename.split("/")[0]
        found = _scan(_record(archive, f"{root}/data.pkl"), NOT_WEIGHTS)
        order = _record(archive, f"{root}/byteorder") if f"{root}/byteorder" in records else b"little"
        storages = _ZipStorages(source, file, records, root)
        storages.check_all_used({key for key, _, _ in storage_keys(found.persistent)})
        tensors = TensorValues(storages.find, big_endian=order == b"big")
        return Container("PyTorch zip", found.value, tensors, (source,), tuple(passed_over(found.imports)))


def read_legacy(source: SourceFile, file: BinaryIO) -> Container:
    """Read a file of torch.save from before version 1.6. `FileRefusedError` if it is damaged or harmful."""
    try:
        parts, end = _legacy_pickles(source, file)
        for part in parts:
            check_imports(part.imports, part.calls)
        storages = _legacy_storages(source, file, parts, end)
    except FileRefusedError:
        raise
    except Exception:  # a broken pickle raises all kinds of errors
        raise FileRefusedError(INCOMPLETE) from None

    def find(key: str, dtype: str, count: int) -> Storage:
        return storages[key]

    found = parts[LEGACY_VALUE]
    return Container(
        "PyTorch before 1.6", found.value, TensorValues(find), (source,), tuple(passed_over(found.imports))
    )


def read_plain_pickle(source: SourceFile, file: BinaryIO) -> Container:
    """Read a pickle that torch.save did not write: it may have tensors, or NumPy arrays as Detectron2's files."""
    found = _scan(file.read(), NOT_WEIGHTS)

    def find(key: str, dtype: str, count: int) -> Storage:
        raise FileRefusedError(NOT_WEIGHTS)

    return Container("plain pickle", found.value, TensorValues(find), (source,), tuple(passed_over(found.imports)))


def _scan(pickle: bytes, message: str) -> PickleValues:
    """Read a pickle's values; refuse one that is broken, with `message`, or that would run code."""
    try:
        found = read_pickle(BytesIO(pickle))
    except Exception:  # a broken pickle raises all kinds of errors
        raise FileRefusedError(message) from None
    check_imports(found.imports, found.calls)
    return found


def _checked_records(archive: ZipFile, size: int) -> dict[str, ZipInfo]:
    """The archive's records by name, after checking that it is one of torch.save and that no record inflates."""
    records = archive.infolist()
    names = [record.filename for record in records]
    pickle = names[0].split("/")[0] + "/data.pkl" if names else ""
    if pickle not in names or any(name.endswith("/constants.pkl") for name in names):
        raise FileRefusedError(f"is not a weights file but {file_kinds.describe_archive(names)}")
    if sum(record.file_size for record in records) > size or len({name.lower() for name in names}) < len(names):
        raise FileRefusedError("is not a weights file: its records are larger than the file itself")
    if any(record.external_attr & FOLDER and record.file_size for record in records):
        raise FileRefusedError(INCOMPLETE)
    return dict(zip(names, records, strict=True))


def _record(archive: ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except Exception:  # a broken record raises all kinds of errors
        raise FileRefusedError(INCOMPLETE) from None


class _ZipStorages:
    """Finds the storages in a zip archive: a record for each, neither compressed nor encrypted."""

    def __init__(self, source: SourceFile, file: BinaryIO, records: Mapping[str, ZipInfo], root: str) -> None:
        self.source, self.file, self.records, self.root = source, file, records, root
        self.found: dict[str, Storage] = {}

    def check_all_used(self, keys: set[str]) -> None:
        """Refuse an archive with storages that nothing refers to: torch.save writes none."""
        folder = f"{self.root}/data/"
        if {name.removeprefix(folder) for name in self.records if name.startswith(folder)} != keys:
            raise FileRefusedError(INCOMPLETE)

    def find(self, key: str, dtype: str, count: int) -> Storage:
        storage = self.found.get(key) or self._locate(key)
        if count * BYTES[dtype] != storage.size:
            raise FileRefusedError(INCOMPLETE)
        self.found[key] = storage
        return storage

    def _locate(self, key: str) -> Storage:
        record = self.records[f"{self.root}/data/{key}"]
        if record.compress_type != ZIP_STORED or record.flag_bits & 1:  # compressed or encrypted
            raise FileRefusedError(INCOMPLETE)
        self.file.seek(record.header_offset)
        header = self.file.read(LOCAL_HEADER)
        name, extra = int.from_bytes(header[26:28], "little"), int.from_bytes(header[28:30], "little")
        start = record.header_offset + LOCAL_HEADER + name + extra
        same = header.startswith(ZIP) and self.file.read(name) == record.orig_filename.encode()
        if not same or start + record.file_size > self.source.size:
            raise FileRefusedError(INCOMPLETE)
        return Storage(self.source, start, record.file_size, record.CRC)


def _legacy_pickles(source: SourceFile, file: BinaryIO) -> tuple[list[PickleValues], int]:
    """The pickles at the beginning of an old file, and where they end."""
    head, most = LEGACY_HEADS
    stream = BytesIO(file.read(head))
    try:
        return [read_pickle(stream) for _ in range(LEGACY_PICKLES)], stream.tell()
    except Exception:  # the last one may be cut off
        if source.size <= head:
            raise
    file.seek(0)
    stream = BytesIO(file.read(most))
    return [read_pickle(stream) for _ in range(LEGACY_PICKLES)], stream.tell()


def _legacy_storages(source: SourceFile, file: BinaryIO, parts: list[PickleValues], start: int) -> dict[str, Storage]:
    """The storages of an old file, which follow its pickles: the number of values and the values of each."""
    sizes = {key: (dtype, count) for key, dtype, count in storage_keys(parts[LEGACY_VALUE].persistent)}
    storages = {}
    for key in parts[LEGACY_KEYS].value:
        dtype, count = sizes[key]
        if dtype not in BYTES:
            raise FileRefusedError(QUANTIZED if "QInt" in dtype or "QUInt" in dtype else NOT_WEIGHTS)
        file.seek(start)
        if int.from_bytes(file.read(8), "little") != count:
            raise FileRefusedError(INCOMPLETE)
        storages[key] = Storage(source, start + 8, count * BYTES[dtype])
        start += 8 + count * BYTES[dtype]
    if start != source.size or storages.keys() != sizes.keys():
        raise FileRefusedError(INCOMPLETE)
    return storages
