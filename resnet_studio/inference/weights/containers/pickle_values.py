"""The values in a pickle, without importing, calling or constructing anything that it names. Needs no torch.

Python's own unpickler does what a pickle says. This one only notes it: whatever the pickle imports is a name, and
whatever it calls or constructs is a `StandIn` that holds the arguments. Only numbers, text, lists, tuples and
dictionaries become what they are.
"""

from __future__ import annotations

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pickletools import genops
from typing import IO, Any, TypeAlias

MAX_OPERATIONS = 2_000_000
"""A ResNet-1202's state_dict has about 300,000."""
MAX_KEY_PARTS = 100
"""Values in a dictionary's key. Hashing a tuple that is nested about 100,000 deep would crash the process."""
LEGACY_PICKLES = 5
"""At the beginning of what torch.save wrote before 1.6."""
LOAD_FROM_BYTES = "torch.storage._load_from_bytes"
"""How pickle writes a tensor's storage without torch.save: as such a file in the pickle."""
EXTENSION_REGISTRY = "copyreg's extension registry"
SIMPLE_KEYS = (str, int, float, bool, bytes, type(None))


@dataclass(frozen=True, slots=True, eq=False)
class Imported:
    """Something that the pickle would import: "torch._utils._rebuild_tensor_v2"."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class PersistentId:
    """Something that is outside of the pickle, such as a tensor's bytes."""

    value: Any


class StandIn:
    """In place of what calling something would have made: its name, and everything that it was given."""

    __slots__ = ("arguments", "entries", "items", "name", "state")

    def __init__(self, name: str, arguments: tuple[Any, ...]) -> None:
        self.name, self.arguments = name, arguments
        self.state: Any = None
        """What it would restore its attributes from."""
        self.items: list[Any] = []
        self.entries: dict[Any, Any] = {}


@dataclass(frozen=True, slots=True)
class PickleValues:
    """The value of a pickle, and what it would do if it were loaded."""

    value: Any
    imports: frozenset[str]
    calls: frozenset[str]
    """Those of the imports that it would call."""
    protocol: int
    persistent: tuple[Any, ...]
    """The values of its persistent IDs, in order."""
    operations: int


def read_pickle(stream: IO[bytes], most: int = MAX_OPERATIONS) -> PickleValues:
    """Read one pickle of at most `most` operations, leaving the stream positioned after it.

    Raises exceptions of various types (`ValueError`, `IndexError`, `KeyError`, `TypeError`, …) if it is not a pickle,
    ends early, or is too long for a state_dict.
    """
    reader = _Reader(most)
    for operation, argument, _ in genops(stream):
        reader.left -= 1
        if reader.left < 0:
            raise ValueError("far more entries than a state_dict has")
        OPERATIONS[operation.name](reader, argument)
    return PickleValues(
        reader.pop(), frozenset(reader.imports), frozenset(reader.calls), reader.protocol, tuple(reader.persistent),
        most - reader.left,
    )  # fmt: skip


class _Reader:
    """A pickle's stack, and one method for each kind of operation."""

    def __init__(self, most: int) -> None:
        self.left = most
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.imports: set[str] = set()
        self.calls: set[str] = set()
        self.persistent: list[Any] = []
        self.protocol = 0

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if len(self.stack) <= self._floor():
            raise ValueError("a value is missing")
        return self.stack.pop()

    def top(self) -> Any:
        if len(self.stack) <= self._floor():
            raise ValueError("a value is missing")
        return self.stack[-1]

    def _floor(self) -> int:
        return self.marks[-1] if self.marks else 0

    def mark(self, _: Any) -> None:
        self.marks.append(len(self.stack))

    def pop_to_mark(self) -> list[Any]:
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def discard(self, _: Any) -> None:
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self.pop()

    def remember(self, number: int | None) -> None:
        self.memo[len(self.memo) if number is None else number] = self.top()

    def recall(self, number: int) -> None:
        self.push(self.memo[number])

    def set_protocol(self, number: int) -> None:
        self.protocol = max(self.protocol, number)

    def import_name(self, module: str, name: str) -> Imported:
        """Note an import; protocols below 3 have Python 2's names of modules, such as `commands` for `subprocess`."""
        if self.protocol < 3:
            module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
        imported = Imported(f"{module}.{name}" if name else module)
        self.imports.add(imported.name)
        return imported

    def import_global(self, names: str) -> None:
        module, _, name = names.partition(" ")
        self.push(self.import_name(module, name))

    def import_from_stack(self, _: Any) -> None:
        name, module = self.pop(), self.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise TypeError("a name that is no text")
        self.push(self.import_name(module, name))

    def import_extension(self, _: int) -> None:
        self.push(self.import_name(EXTENSION_REGISTRY, ""))

    def call(self, function: Any, arguments: Any) -> None:
        """Note a call of an imported function or class, or of what such a call would have made."""
        if not isinstance(function, Imported | StandIn) or not isinstance(arguments, tuple):
            raise TypeError("a call of something that can't be called")
        self.calls.add(function.name)
        if function.name == LOAD_FROM_BYTES:
            self._note_inner(*arguments)
        self.push(StandIn(function.name, arguments))

    def _note_inner(self, data: bytes) -> None:
        """Note what the pickles in a storage's bytes would import and call."""
        stream = BytesIO(data)
        for _ in range(LEGACY_PICKLES):
            inner = read_pickle(stream, self.left)
            self.left -= inner.operations
            self.imports |= inner.imports
            self.calls |= inner.calls

    def reduce(self, _: Any) -> None:
        arguments, function = self.pop(), self.pop()
        self.call(function, arguments)

    def new_with_names(self, _: Any) -> None:
        named, arguments, function = self.pop(), self.pop(), self.pop()
        self.call(function, arguments)
        if named:
            self.top().state = named

    def make_from_mark(self, _: Any) -> None:
        function, *arguments = self.pop_to_mark()
        self.call(function, tuple(arguments))

    def import_and_make(self, names: str) -> None:
        arguments = tuple(self.pop_to_mark())
        self.import_global(names)
        self.call(self.pop(), arguments)

    def restore(self, _: Any) -> None:
        state, value = self.pop(), self.top()
        if isinstance(value, StandIn):
            value.state = state

    def append(self, values: list[Any]) -> None:
        target = self.top()
        (target.items if isinstance(target, StandIn) else _as(list, target)).extend(values)

    def set_items(self, values: list[Any]) -> None:
        target = self.top()
        entries = target.entries if isinstance(target, StandIn) else _as(dict, target)
        entries.update(_pairs(values))

    def add_items(self, _: Any) -> None:
        values, target = self.pop_to_mark(), self.top()
        _as(set, target).update(map(_key, values))

    def persistent_id(self, value: Any) -> None:
        self.persistent.append(value)
        # In old files, a module's class is stored with its source.
        is_class = isinstance(value, tuple) and value[:1] == ("module",) and len(value) > 1
        self.push(value[1] if is_class else PersistentId(value))


def _as(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(f"not a {kind.__name__}")
    return value


def _pairs(values: list[Any]) -> dict[Any, Any]:
    if len(values) % 2:
        raise ValueError("a key without a value")
    return {_key(values[at]): values[at + 1] for at in range(0, len(values), 2)}


def _key(value: Any) -> Any:
    """The value, if hashing and comparing it takes little time and no recursion to speak of."""
    if isinstance(value, SIMPLE_KEYS):
        return value
    waiting, count = [value], 0
    while waiting:
        part, count = waiting.pop(), count + 1
        if count > MAX_KEY_PARTS:
            raise ValueError("values nested deeper than in any state_dict")
        if isinstance(part, tuple | frozenset):
            waiting += part
    return value


Operation: TypeAlias = Callable[[_Reader, Any], None]
LITERALS = (
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
    "BINBYTES8",
)  # fmt: skip
"""Operations whose own argument is the value."""
OPERATIONS: dict[str, Operation] = {
    **dict.fromkeys(LITERALS, _Reader.push),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Reader.remember),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Reader.recall),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _Reader.import_extension),
    "BYTEARRAY8": lambda reader, value: reader.push(bytes(value)),
    "NONE": lambda reader, _: reader.push(None),
    "NEWTRUE": lambda reader, _: reader.push(True),
    "NEWFALSE": lambda reader, _: reader.push(False),
    "EMPTY_LIST": lambda reader, _: reader.push([]),
    "EMPTY_TUPLE": lambda reader, _: reader.push(()),
    "EMPTY_DICT": lambda reader, _: reader.push({}),
    "EMPTY_SET": lambda reader, _: reader.push(set()),
    "LIST": lambda reader, _: reader.push(reader.pop_to_mark()),
    "TUPLE": lambda reader, _: reader.push(tuple(reader.pop_to_mark())),
    "DICT": lambda reader, _: reader.push(_pairs(reader.pop_to_mark())),
    "FROZENSET": lambda reader, _: reader.push(frozenset(map(_key, reader.pop_to_mark()))),
    "TUPLE1": lambda reader, _: reader.push((reader.pop(),)),
    "TUPLE2": lambda reader, _: reader.push((reader.pop(), reader.pop())[::-1]),
    "TUPLE3": lambda reader, _: reader.push((reader.pop(), reader.pop(), reader.pop())[::-1]),
    "APPEND": lambda reader, _: reader.append([reader.pop()]),
    "APPENDS": lambda reader, _: reader.append(reader.pop_to_mark()),
    "SETITEM": lambda reader, _: reader.set_items([reader.pop(), reader.pop()][::-1]),
    "SETITEMS": lambda reader, _: reader.set_items(reader.pop_to_mark()),
    "ADDITEMS": _Reader.add_items,
    "MARK": _Reader.mark,
    "POP": _Reader.discard,
    "POP_MARK": lambda reader, _: reader.pop_to_mark().clear(),
    "DUP": lambda reader, _: reader.push(reader.top()),
    "GLOBAL": _Reader.import_global,
    "STACK_GLOBAL": _Reader.import_from_stack,
    "REDUCE": _Reader.reduce,
    "NEWOBJ": _Reader.reduce,
    "NEWOBJ_EX": _Reader.new_with_names,
    "OBJ": _Reader.make_from_mark,
    "INST": _Reader.import_and_make,
    "BUILD": _Reader.restore,
    "PERSID": _Reader.persistent_id,
    "BINPERSID": lambda reader, _: reader.persistent_id(reader.pop()),
    "PROTO": _Reader.set_protocol,
    "FRAME": lambda reader, _: None,
    "STOP": lambda reader, _: None,
}
"""Every operation of protocols 0 to 5, but those with buffers outside of the pickle."""
