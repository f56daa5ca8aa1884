"""Safetensors files, read down to their header. Needs no torch."""

from __future__ import annotations

import json
from typing import Any, BinaryIO

from safetensors import SafetensorError, safe_open

from resnet_studio.files import FileRefusedError
from resnet_studio.inference.weights.containers.stored import BYTES, SourceFile, Storage, StoredTensor, contiguous
from resnet_studio.inference.weights.containers.torch_files import NOT_WEIGHTS, Container
from resnet_studio.inference.weights.containers.torch_values import TensorValues

METADATA = "__metadata__"
MAX_HEADER = 100_000_000
"""Bytes; safetensors itself reads no longer one."""
DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2", "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U64": "uint64",
    "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool", "C64": "complex64",
}  # fmt: skip
"""torch's names of safetensors' types."""
HEADER_FAULTS = {
    "unknown variant": "has an unknown data type",
    "JSON": "can't be read",
    "offset for tensor `": "has tensors that overlap or leave gaps",
    "not fully covered": "doesn't match the file's size",
    "overflow": "has a tensor too large for any file",
    "invalid shape": "has a tensor whose shape doesn't match its data",
}
"""Parts of safetensors' error messages about a header, and our words for them."""


def is_safetensors(beginning: bytes) -> bool:
    """Whether a file begins with the length of a JSON header."""
    return beginning[7:9] == b"\0{"


def read_safetensors(source: SourceFile, file: BinaryIO) -> Container:
    """Read a safetensors file. `FileRefusedError` if its header is damaged or doesn't match the file."""
    length = int.from_bytes(file.read(8), "little")
    if 8 + length > source.size:
        raise FileRefusedError(
            f"is incomplete or damaged: its header should have {length:,} bytes. Copy or download it again"
        )
    text = file.read(min(length, MAX_HEADER))
    _check_complete(source, length, text)
    _check_header(source)
    header = json.loads(text)
    metadata = header.pop(METADATA, None) or {}
    value = {name: _tensor(source, 8 + length, entry) for name, entry in header.items()}
    return Container("safetensors", value, TensorValues(_no_storage), (source,), header=metadata)


def _check_header(source: SourceFile) -> None:
    """Let the library check the header: types, shapes, and that the tensors cover the file exactly."""
    path = source.folder / source.path if source.folder else source.path
    try:
        with safe_open(path, framework="numpy"):
            pass
    except SafetensorError as error:
        reason = next((ours for theirs, ours in HEADER_FAULTS.items() if theirs in str(error)), "is invalid")
        raise FileRefusedError(f"is incomplete or damaged: its header {reason}. Copy or download it again") from None
    except Exception:  # whatever else its bindings raise
        raise FileRefusedError(NOT_WEIGHTS) from None


def _check_complete(source: SourceFile, length: int, text: bytes) -> None:
    """Name the missing bytes of a file that was cut off after its header."""
    try:
        entries = [entry for name, entry in json.loads(text).items() if name != METADATA]
        last = max(int(entry["data_offsets"][1]) for entry in entries)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return  # the library says what is wrong with it
    if source.size < 8 + length + last < 2**48:
        raise FileRefusedError(
            f"is incomplete: it has {source.size:,} of {8 + length + last:,} bytes. Copy or download it again"
        )


def _tensor(source: SourceFile, data: int, entry: Any) -> StoredTensor:
    try:
        dtype, shape, (start, end) = DTYPES[entry["dtype"]], tuple(entry["shape"]), entry["data_offsets"]
    except KeyError:  # a type that torch lacks
        raise FileRefusedError(NOT_WEIGHTS) from None
    tensor = StoredTensor(dtype, shape, contiguous(shape), 0, Storage(source, data + start, end - start))
    if tensor.values * BYTES[dtype] != end - start or not 0 <= start <= end <= source.size - data:
        raise FileRefusedError(NOT_WEIGHTS)
    return tensor


def _no_storage(key: str, dtype: str, count: int) -> Storage:
    raise FileRefusedError(NOT_WEIGHTS)
