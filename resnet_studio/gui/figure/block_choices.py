"""The blocks of a network that can be drawn from inside: of equal ones in a row the first."""

from __future__ import annotations

from typing import NamedTuple

from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.plan import block_runs


class BlockChoice(NamedTuple):
    """Equal blocks in a row."""

    name: str
    """Of the first."""
    length: int
    label: str

    def includes(self, block: str) -> bool:
        """Whether a block is one of them."""
        (stage, _, first), (other, _, number) = self.name.rpartition("."), block.rpartition(".")
        return stage == other and number.isdecimal() and int(first) <= int(number) < int(first) + self.length


def block_choices(architecture: Architecture) -> list[BlockChoice]:
    """The runs of equal blocks, first to last; none in a network without blocks."""
    if not isinstance(architecture, Residual):
        return []
    found = []
    for block, count in block_runs(architecture):
        last = int(block.name.rpartition(".")[2]) + count - 1
        names = block.name if count == 1 else f"{block.name} … {last}"
        found.append(BlockChoice(block.name, count, f"{block.stage} · {names}"))
    return found


def chosen_block(architecture: Architecture, wanted: str) -> str:
    """The block that stands for a wanted one; without it the first that repeats, as its shape does not change. Empty
    for a network without blocks."""
    choices = block_choices(architecture)
    found = next((choice for choice in choices if choice.includes(wanted)), None)
    found = found or next((choice for choice in choices if choice.length > 1), None)
    return found.name if found else choices[0].name if choices else ""


def has_block(architecture: Architecture, block: str) -> bool:
    """Whether a network has a block of that name."""
    return any(choice.includes(block) for choice in block_choices(architecture))
