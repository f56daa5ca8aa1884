"""What the stand-ins of a checkpoint's pickle mean: its tensors, and dictionaries of whatever class. Needs no torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import Any, TypeAlias

from resnet_studio.files import FileRefusedError
from resnet_studio.inference.weights.containers.numpy_values import (
    TYPES,
    array_parts,
    as_bytes,
    type_and_order,
    unwrapped,
)
from resnet_studio.inference.weights.containers.pickle_imports import UNREADABLE_TENSORS
from resnet_studio.inference.weights.containers.pickle_values import (
    LEGACY_PICKLES,
    LOAD_FROM_BYTES,
    Imported,
    StandIn,
    read_pickle,
)
from resnet_studio.inference.weights.containers.stored import (
    BYTES,
    Storage,
    StoredTensor,
    UnreadableTensor,
    contiguous,
)

STORAGES = {
    "FloatStorage": "float32", "DoubleStorage": "float64", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool", "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
}  # fmt: skip
"""The types of values that torch's classes of storages hold."""
LEGACY_VALUE, LEGACY_KEYS = 3, 4
"""Of the pickles at the beginning of a file from before 1.6: the saved value, and the keys of the storages, whose bytes
follow. The others are a magic number, the protocol and the system."""
REBUILD_TENSOR = re.compile(r"torch\._utils\._rebuild_tensor(_v2)?")
REBUILD_PARAMETER = re.compile(r"torch\._utils\._rebuild_parameter(_with_state)?")
MODULE_PARTS = ("_parameters", "_buffers", "_modules")

Tensor: TypeAlias = StoredTensor | UnreadableTensor
FindStorage: TypeAlias = Callable[[str, str, int], Storage]
"""The storage with a key, which holds values of a type, and so many of them."""


class TensorValues:
    """Finds tensors among a pickle's values."""

    def __init__(self, find_storage: FindStorage, *, big_endian: bool = False) -> None:
        self.find_storage, self.big_endian = find_storage, big_endian
        self.embedded: dict[int, tuple[str, Storage]] = {}
        """Storages inside of the pickle, by their text or bytes in it: many tensors may share them."""

    def tensor(self, value: Any) -> Tensor | None:
        """The tensor that a value means; None if it is something else. `FileRefusedError` if it is damaged."""
        if isinstance(value, StoredTensor):
            return value
        if not isinstance(value, StandIn):
            return None
        try:
            if REBUILD_PARAMETER.fullmatch(value.name):
                return self.tensor(value.arguments[0])
            if REBUILD_TENSOR.fullmatch(value.name):
                return self._torch_tensor(*value.arguments)
            if parts := array_parts(value):
                return self._array(*parts)
        except (TypeError, ValueError, IndexError, KeyError, AttributeError, RecursionError) as error:
            if isinstance(error, FileRefusedError):
                raise
            raise FileRefusedError("is incomplete or damaged. Copy or download it again") from None
        return UnreadableTensor(value.name) if UNREADABLE_TENSORS.match(value.name) else None

    def _torch_tensor(
        self, stored: Any, offset: Any, shape: Any, strides: Any, _gradient: Any = None, _hooks: Any = None,
        marks: Any = None,
    ) -> Tensor:  # fmt: skip
        if isinstance(stored, StandIn):
            dtype, storage = self._embedded(stored)
            return StoredTensor(dtype, tuple(sequence(shape)), tuple(sequence(strides)), offset, storage)
        kind, storage_class, key, _, count, *rest = stored.value
        dtype = STORAGES.get(storage_class.name.rpartition(".")[2], "")
        if kind != "storage" or not dtype or marks:  # marks: values that are to be negated or conjugated
            return UnreadableTensor(storage_class.name)
        view = rest[0] if rest else None
        offset = offset + view[1] if view else offset
        storage = self.find_storage(str(key), dtype, count)
        return StoredTensor(dtype, tuple(sequence(shape)), tuple(sequence(strides)), offset, storage, self.big_endian)

    def _embedded(self, stored: StandIn) -> tuple[str, Storage]:
        """Type and bytes of a storage that pickle wrote without torch.save: as a file of torch's inside of it."""
        if stored.name != LOAD_FROM_BYTES:
            raise TypeError("not a storage")
        (content,) = stored.arguments
        if id(content) not in self.embedded:
            self.embedded[id(content)] = _read_embedded(as_bytes(content))
        return self.embedded[id(content)]

    def _array(self, shape: Any, dtype: Any, fortran: bool, data: Any) -> Tensor:
        name, big_endian = type_and_order(dtype)
        if name not in TYPES:  # text, dates, Python's objects
            return UnreadableTensor(f"numpy.ndarray of {name}")
        sizes, content = tuple(sequence(shape)), unwrapped(data)
        if not all(type(size) is int and 0 <= size < 2**48 for size in sizes):
            raise ValueError("an impossible shape")
        strides = tuple(reversed(contiguous(tuple(reversed(sizes))))) if fortran else contiguous(sizes)
        if id(content) not in self.embedded:
            found = as_bytes(content)
            self.embedded[id(content)] = "", Storage(None, 0, len(found), data=found)
        return StoredTensor(TYPES[name], sizes, strides, 0, self.embedded[id(content)][1], big_endian)


def _read_embedded(data: bytes) -> tuple[str, Storage]:
    stream = BytesIO(data)
    parts = [read_pickle(stream) for _ in range(LEGACY_PICKLES)]
    (_, dtype, count), *_ = storage_keys(parts[LEGACY_VALUE].persistent)
    values = stream.read()[8:]  # after their number
    if len(values) != count * BYTES[dtype]:
        raise ValueError("some of its bytes are missing")
    return dtype, Storage(None, 0, len(values), data=values)


def sequence(value: Any) -> list[Any] | tuple[Any, ...]:
    """A list or tuple; torch.Size, too."""
    if isinstance(value, StandIn) and value.name == "torch.Size":
        (value,) = value.arguments
    if not isinstance(value, list | tuple):
        raise TypeError("not a sequence")
    return value


def is_module(value: Any) -> bool:
    """Whether it stands for a `torch.nn.Module`, of whatever class."""
    return isinstance(value, StandIn) and isinstance(value.state, dict) and value.state.keys() >= set(MODULE_PARTS)


def mapping(value: Any) -> Mapping[Any, Any] | None:
    """The entries of a dictionary of any class, and of a module's parameters, buffers and modules; None otherwise."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, StandIn):
        return None
    if value.entries:
        return value.entries
    if is_module(value):
        parts = [mapping(value.state[part]) or {} for part in MODULE_PARTS]
        return {name: child for part in parts for name, child in part.items() if child is not None}
    if value.name == "collections.OrderedDict" and value.arguments:  # as Python 2 wrote it
        return _pairs(value.arguments[0])
    return None


def _pairs(value: Any) -> Mapping[Any, Any] | None:
    pairs = value if isinstance(value, list | tuple) else ()
    found = [pair for pair in pairs if isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str)]
    return dict(map(tuple, found)) if len(found) == len(pairs) else None


def items(value: Any) -> list[Any] | tuple[Any, ...] | None:
    """The items of a list of any class, or of a tuple; None otherwise."""
    if isinstance(value, list | tuple):
        return value
    return value.items if isinstance(value, StandIn) and value.items else None


def storage_keys(persistent: tuple[Any, ...]) -> Iterator[tuple[str, str, int]]:
    """Key, type and number of values of each storage that a pickle refers to; other references are left out."""
    for value in persistent:
        if isinstance(value, tuple) and len(value) in (5, 6) and value[0] == "storage":
            _, storage_class, key, _, count, *_ = value
            name = storage_class.name.rpartition(".")[2] if isinstance(storage_class, Imported) else ""
            yield str(key), STORAGES.get(name, name), count
