"""Scanning what a pickle would do without executing it, and removing what must not be executed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pickletools import OpcodeInfo, genops, markobject
from typing import IO, Any, TypeAlias

MAX_OPERATIONS = 2_000_000
"""A ResNet-1202's state_dict has about 300,000."""
MAX_DEPTH = 100
"""Of nested values. Hashing a tuple that is nested about 100,000 deep would crash the process."""

CALLS = {"REDUCE", "NEWOBJ", "NEWOBJ_EX", "OBJ", "INST"}
MUTATES = {"APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD"}
MEMO_PUTS = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}
MEMO_GETS = {"GET", "BINGET", "LONG_BINGET"}
AS_TUPLE = {"REDUCE": b"\x86", "NEWOBJ": b"\x86", "BUILD": b"\x86", "APPEND": b"\x86", "SETITEM": b"\x87",
            "APPENDS": b"t\x86", "SETITEMS": b"t\x86", "OBJ": b"t", "INST": b"t"}  # fmt: skip
"""For operations that call, create or change an object: operations that put the same values into a tuple instead."""


@dataclass(frozen=True, slots=True)
class ImportedName:
    """A name that a pickle has imported, or the result of calling it."""

    name: str
    """Such as "argparse.Namespace"."""
    depth: int


Item: TypeAlias = int | str | ImportedName
"""A value on the pickle's stack: its text, the imported name that it comes from, or else its nesting depth."""


@dataclass(frozen=True, slots=True)
class PickleContents:
    """What a pickle would import ("torch._utils._rebuild_tensor_v2", …) and call, and its protocol."""

    imports: frozenset[str]
    calls: frozenset[str]
    """Those of the imports that it would call."""
    protocol: int
    end: int
    """The position in the stream after it."""


def scan_pickle(stream: IO[bytes]) -> PickleContents:
    """Read one pickle, leaving the stream positioned after it.

    Raises exceptions of various types (`ValueError`, `IndexError`, `KeyError`, …) if it is not a pickle, ends early,
    is nested too deeply or is too long for a state_dict.
    """
    machine = _Machine()
    for number, (operation, argument, _) in enumerate(genops(stream)):
        if number > MAX_OPERATIONS:
            raise ValueError("far more entries than a state_dict has")
        machine.step(operation, argument)
    return PickleContents(frozenset(machine.imports), frozenset(machine.calls), machine.protocol, stream.tell())


def without_unknown_imports(pickle: bytes, is_known: Callable[[str], object]) -> bytes:
    """The same pickle with every import that is not `is_known` replaced by None.

    An object that such an import would create becomes a tuple of its arguments, so nothing unknown is ever imported,
    called or changed. `pickle` must have passed `scan_pickle`, with protocol 2 or lower; the result has to be scanned
    again before it is loaded.
    """
    machine = _Machine()
    operations = list(genops(BytesIO(pickle)))
    ends = [*(start for _, _, start in operations[1:]), len(pickle)]
    written = []
    for (operation, argument, start), end in zip(operations, ends, strict=True):
        target = machine.step(operation, argument)
        unknown = isinstance(target, ImportedName) and not is_known(target.name)
        if unknown and operation.name == "GLOBAL":
            written.append(b"N")
        elif unknown and operation.name in AS_TUPLE:
            written.append(AS_TUPLE[operation.name])
        else:
            written.append(pickle[start:end])
    return b"".join(written)


class _Machine:
    """Simulates a pickle's stack, with every value reduced to its text, its imported name or its depth."""

    def __init__(self) -> None:
        self.stack: list[Item] = []
        self.marks: list[int] = []
        self.memo: dict[int, Item] = {}
        self.imports: set[str] = set()
        self.calls: set[str] = set()
        self.protocol = 0

    def step(self, operation: OpcodeInfo, argument: Any) -> Item | None:
        """Simulate one operation; returns what it imports, calls, creates or changes."""
        name = operation.name
        if name in MEMO_GETS:
            self.stack.append(self.memo[argument])
        elif name in MEMO_PUTS:
            self.memo[len(self.memo) if argument is None else argument] = self.stack[-1]
        elif name == "MARK":
            self.marks.append(len(self.stack))
        else:
            if name == "PROTO":
                self.protocol = argument
            return self._apply(operation, argument)
        return None

    def _apply(self, operation: OpcodeInfo, argument: Any) -> Item | None:
        """Replace the operation's arguments by its result, nested one level deeper than the deepest of them."""
        name, arguments = operation.name, self._pop(operation)
        depths = [_depth(item) for item in arguments]
        minimum, others = (depths[0], depths[1:]) if name in MUTATES else (0, depths)
        depth = max(minimum, 1 + max(others, default=0))
        if depth > MAX_DEPTH:
            raise ValueError("values nested deeper than in any state_dict")
        target = self._target(name, arguments, argument)
        result: Item = argument if isinstance(argument, str) else depth
        if isinstance(target, ImportedName):
            result = ImportedName(target.name, depth)
            if name in CALLS:
                self.calls.add(target.name)
        self.stack += [result] * len(operation.stack_after)
        return target

    def _target(self, name: str, arguments: list[Item], argument: Any) -> Item | None:
        """What an operation imports, calls, creates or changes."""
        imported = ""
        if name in ("GLOBAL", "INST"):
            imported = argument.replace(" ", ".")
        elif name == "STACK_GLOBAL":
            imported = ".".join(str(getattr(item, "name", item)) for item in arguments)
        elif name.startswith("EXT"):
            imported = "copyreg's extension registry"
        if imported:
            self.imports.add(imported)
            return ImportedName(imported, 1)
        return arguments[0] if name in CALLS or name in MUTATES else None

    def _pop(self, operation: OpcodeInfo) -> list[Item]:
        before = operation.stack_before
        end = self.marks.pop() if markobject in before else len(self.stack)
        start = end - (before.index(markobject) if markobject in before else len(before))
        if start < 0:
            raise ValueError("a value is missing")
        arguments = self.stack[start:]
        del self.stack[start:]
        return arguments


def _depth(item: Item) -> int:
    return item.depth if isinstance(item, ImportedName) else item if isinstance(item, int) else 0
