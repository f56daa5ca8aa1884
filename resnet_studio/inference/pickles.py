"""Reading what a pickle would do, without doing any of it."""

from __future__ import annotations

from dataclasses import dataclass
from pickletools import OpcodeInfo, genops, markobject
from typing import IO, Any, TypeAlias

MOST_OPERATIONS = 2_000_000
"""A ResNet-1202's state_dict has about 300,000."""
DEEPEST = 100
"""Of values inside values. Hashing a tuple that is nested some 100,000 deep would end the process."""

Item: TypeAlias = int | str
"""A value on the pickle's stack: its text, or else how deep it nests."""
GROWING = {"APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD"}
REMEMBERS = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}
RECALLS = {"GET", "BINGET", "LONG_BINGET"}


@dataclass(frozen=True, slots=True)
class Contents:
    """What one pickle would import ("torch._utils._rebuild_tensor_v2", …), and its protocol."""

    imports: frozenset[str]
    protocol: int


def contents(stream: IO[bytes]) -> Contents:
    """Read one pickle up to its end, leaving the stream behind it.

    Raises an exception of no particular type (`ValueError`, `IndexError`, `KeyError`, …) if it is no pickle,
    ends early, nests too deep or is too long for a state_dict.
    """
    machine = _Machine()
    for number, (operation, argument, _) in enumerate(genops(stream)):
        if number > MOST_OPERATIONS:
            raise ValueError("far more entries than a state_dict has")
        machine.step(operation, argument)
    return Contents(frozenset(machine.imports), machine.protocol)


class _Machine:
    """Follows a pickle's stack with every value reduced to its text or its depth."""

    def __init__(self) -> None:
        self.stack: list[Item] = []
        self.marks: list[int] = []
        self.memo: dict[int, Item] = {}
        self.imports: set[str] = set()
        self.protocol = 0

    def step(self, operation: OpcodeInfo, argument: Any) -> None:
        name = operation.name
        if name in RECALLS:
            self.stack.append(self.memo[argument])
        elif name in REMEMBERS:
            self.memo[len(self.memo) if argument is None else argument] = self.stack[-1]
        elif name == "MARK":
            self.marks.append(len(self.stack))
        else:
            self._note(name, argument)
            self._apply(operation, argument)

    def _note(self, name: str, argument: Any) -> None:
        if name == "PROTO":
            self.protocol = argument
        elif name in ("GLOBAL", "INST"):
            self.imports.add(argument.replace(" ", "."))
        elif name == "STACK_GLOBAL":
            self.imports.add(f"{self.stack[-2]}.{self.stack[-1]}")
        elif name.startswith("EXT"):
            self.imports.add("copyreg's extension registry")

    def _apply(self, operation: OpcodeInfo, argument: Any) -> None:
        """Replace what the operation takes by what it gives, one level deeper than the deepest it took."""
        taken = self._take(operation)
        depths = [item if isinstance(item, int) else 0 for item in taken]
        if operation.name in GROWING:
            depth = max(depths[0], 1 + max(depths[1:], default=0))
        else:
            depth = 1 + max(depths, default=0)
        if depth > DEEPEST:
            raise ValueError("values nested deeper than in any state_dict")
        text = isinstance(argument, str) and operation.name not in ("GLOBAL", "INST")
        self.stack += [argument if text else depth] * len(operation.stack_after)

    def _take(self, operation: OpcodeInfo) -> list[Item]:
        before = operation.stack_before
        end = self.marks.pop() if markobject in before else len(self.stack)
        start = end - (before.index(markobject) if markobject in before else len(before))
        if start < 0:
            raise ValueError("a value is missing")
        taken = self.stack[start:]
        del self.stack[start:]
        return taken
