"""NumPy's arrays and scalars in a pickle, from the stand-ins for them. Needs no torch."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from resnet_studio.inference.weights.containers.pickle_values import StandIn

TYPES = {
    "f2": "float16", "f4": "float32", "f8": "float64", "i1": "int8", "i2": "int16", "i4": "int32", "i8": "int64",
    "u1": "uint8", "u2": "uint16", "u4": "uint32", "u8": "uint64", "b1": "bool",
}  # fmt: skip
"""torch's names of NumPy's types."""
READABLE = re.compile(r"[fiu][1248]|b1|[US]\d{1,4}")
"""The types of arrays that are read as plain values: numbers and text."""
MAX_PLAIN_BYTES = 1_000_000
ARRAY = re.compile(r"numpy\._?core\.multiarray\._reconstruct")
BUFFER = re.compile(r"numpy\._?core\.numeric\._frombuffer")
SCALAR = re.compile(r"numpy\._?core\.multiarray\.scalar")


def array_parts(value: StandIn) -> tuple[Any, Any, bool, Any] | None:
    """Shape, data type, order (True if columns come first) and bytes of an array, as they are in the pickle; None if it
    is something else."""
    if ARRAY.fullmatch(value.name):
        _, shape, dtype, fortran, data = value.state
        return shape, dtype, bool(fortran), data
    if BUFFER.fullmatch(value.name):
        data, dtype, shape, order = value.arguments
        return shape, dtype, order == "F", data
    return None


def type_and_order(dtype: Any) -> tuple[str, bool]:
    """NumPy's short name of a data type ("f4"), and whether its values are big-endian."""
    if not isinstance(dtype, StandIn) or dtype.name != "numpy.dtype" or not isinstance(dtype.arguments[0], str):
        raise TypeError("not a data type")
    order = dtype.state[1] if isinstance(dtype.state, tuple) else "<"
    return dtype.arguments[0], order == ">"


def plain_array(value: StandIn, most: int) -> Any:
    """An array's or a scalar's values as Python's own, in nested lists; None if there are more than `most`."""
    try:
        if SCALAR.fullmatch(value.name):
            dtype, data = value.arguments
            shape, fortran = (), False
        else:
            shape, dtype, fortran, data = array_parts(value) or ((), None, False, None)
        name, big_endian = type_and_order(dtype)
        if not READABLE.fullmatch(name):
            return None
        numpy_type = np.dtype(f"{'>' if big_endian else '<'}{name}")
        if len(unwrapped(data)) > min(most * numpy_type.itemsize, MAX_PLAIN_BYTES):
            return None
        numbers = np.frombuffer(as_bytes(data), numpy_type)
        return numbers.reshape(tuple(shape), order="F" if fortran else "C").tolist()
    except (TypeError, ValueError, IndexError, KeyError, AttributeError, OverflowError):
        return None


def unwrapped(value: Any) -> Any:
    """The text in a call that makes bytes from it, as protocol 2 has it; everything else as it is."""
    return value.arguments[0] if isinstance(value, StandIn) and value.name == "_codecs.encode" else value


def as_bytes(value: Any) -> bytes:
    """Bytes, also as Python 2 and protocol 2 wrote them; `TypeError` for anything else."""
    value = unwrapped(value)
    if not isinstance(value, str | bytes):
        raise TypeError("neither text nor bytes")
    return value.encode("latin-1") if isinstance(value, str) else value
