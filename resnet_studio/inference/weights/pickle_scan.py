"""Reading what a pickle would do, without doing any of it, and leaving out of it what must not be done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pickletools import OpcodeInfo, genops, markobject
from typing import IO, Any, TypeAlias

MOST_OPERATIONS = 2_000_000
"""A ResNet-1202's state_dict has about 300,000."""
DEEPEST = 100
"""Of values inside values. Hashing a tuple that is nested some 100,000 deep would end the process."""

CALLING = {"REDUCE", "NEWOBJ", "NEWOBJ_EX", "OBJ", "INST"}
GROWING = {"APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD"}
REMEMBERS = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}
RECALLS = {"GET", "BINGET", "LONG_BINGET"}
AS_TUPLE = {"REDUCE": b"\x86", "NEWOBJ": b"\x86", "BUILD": b"\x86", "APPEND": b"\x86", "SETITEM": b"\x87",
            "APPENDS": b"t\x86", "SETITEMS": b"t\x86", "OBJ": b"t", "INST": b"t"}  # fmt: skip
"""What calls, makes or changes an object, and operations that lay the same values into a tuple instead."""


@dataclass(frozen=True, slots=True)
class ImportedName:
    """What a pickle has imported, or what has come of calling that."""

    name: str
    """As in "argparse.Namespace"."""
    depth: int


Item: TypeAlias = int | str | ImportedName
"""A value on the pickle's stack: its text, where it comes from, or else how deep it nests."""


@dataclass(frozen=True, slots=True)
class PickleContents:
    """What one pickle would import ("torch._utils._rebuild_tensor_v2", …), and its protocol."""

    imports: frozenset[str]
    calls: frozenset[str]
    """Those of the imports that it would call."""
    protocol: int
    end: int
    """Where the stream was then."""


def contents(stream: IO[bytes]) -> PickleContents:
    """Read one pickle up to its end, leaving the stream behind it.

    Raises an exception of no particular type (`ValueError`, `IndexError`, `KeyError`, …) if it is no pickle,
    ends early, nests too deep or is too long for a state_dict.
    """
    machine = _Machine()
    for number, (operation, argument, _) in enumerate(genops(stream)):
        if number > MOST_OPERATIONS:
            raise ValueError("far more entries than a state_dict has")
        machine.step(operation, argument)
    return PickleContents(frozenset(machine.imports), frozenset(machine.calls), machine.protocol, stream.tell())


def without_strangers(pickle: bytes, known: Callable[[str], object]) -> bytes:
    """The same pickle, in which what would be imported is None where it is not `known`.

    What would be made by it is a tuple of what it would be made from, so nothing strange is ever imported, called or
    changed. `pickle` is one that `contents` has read, of protocol 2 or less; whoever loads the result reads that first.
    """
    machine = _Machine()
    operations = list(genops(BytesIO(pickle)))
    ends = [*(place for _, _, place in operations[1:]), len(pickle)]
    written = []
    for (operation, argument, place), end in zip(operations, ends, strict=True):
        target = machine.step(operation, argument)
        strange = isinstance(target, ImportedName) and not known(target.name)
        if strange and operation.name == "GLOBAL":
            written.append(b"N")
        elif strange and operation.name in AS_TUPLE:
            written.append(AS_TUPLE[operation.name])
        else:
            written.append(pickle[place:end])
    return b"".join(written)


class _Machine:
    """Follows a pickle's stack with every value reduced to its text, its origin or its depth."""

    def __init__(self) -> None:
        self.stack: list[Item] = []
        self.marks: list[int] = []
        self.memo: dict[int, Item] = {}
        self.imports: set[str] = set()
        self.calls: set[str] = set()
        self.protocol = 0

    def step(self, operation: OpcodeInfo, argument: Any) -> Item | None:
        """Follow one operation; what it imports, calls, makes or changes."""
        name = operation.name
        if name in RECALLS:
            self.stack.append(self.memo[argument])
        elif name in REMEMBERS:
            self.memo[len(self.memo) if argument is None else argument] = self.stack[-1]
        elif name == "MARK":
            self.marks.append(len(self.stack))
        else:
            if name == "PROTO":
                self.protocol = argument
            return self._apply(operation, argument)
        return None

    def _apply(self, operation: OpcodeInfo, argument: Any) -> Item | None:
        """Replace what the operation takes by what it gives, one level deeper than the deepest it took."""
        name, taken = operation.name, self._take(operation)
        depths = [_depth(item) for item in taken]
        least, others = (depths[0], depths[1:]) if name in GROWING else (0, depths)
        depth = max(least, 1 + max(others, default=0))
        if depth > DEEPEST:
            raise ValueError("values nested deeper than in any state_dict")
        target = self._target(name, taken, argument)
        given: Item = argument if isinstance(argument, str) else depth
        if isinstance(target, ImportedName):
            given = ImportedName(target.name, depth)
            if name in CALLING:
                self.calls.add(target.name)
        self.stack += [given] * len(operation.stack_after)
        return target

    def _target(self, name: str, taken: list[Item], argument: Any) -> Item | None:
        """What an operation imports, calls, makes or changes."""
        imported = ""
        if name in ("GLOBAL", "INST"):
            imported = argument.replace(" ", ".")
        elif name == "STACK_GLOBAL":
            imported = ".".join(str(getattr(item, "name", item)) for item in taken)
        elif name.startswith("EXT"):
            imported = "copyreg's extension registry"
        if imported:
            self.imports.add(imported)
            return ImportedName(imported, 1)
        return taken[0] if name in CALLING or name in GROWING else None

    def _take(self, operation: OpcodeInfo) -> list[Item]:
        before = operation.stack_before
        end = self.marks.pop() if markobject in before else len(self.stack)
        start = end - (before.index(markobject) if markobject in before else len(before))
        if start < 0:
            raise ValueError("a value is missing")
        taken = self.stack[start:]
        del self.stack[start:]
        return taken


def _depth(item: Item) -> int:
    return item.depth if isinstance(item, ImportedName) else item if isinstance(item, int) else 0
