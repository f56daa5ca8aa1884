"""Rows of a comparison as values: what each network has in them, and how that stands to the first. No torch, no Qt."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from resnet_studio.analysis import units
from resnet_studio.analysis.table_one import BlockCell

TOTAL = "total"
"""The name of the rows about whole networks."""


@dataclass(frozen=True, slots=True)
class ComparisonEntry:
    """What one network has in one row, and how that stands to the first network."""

    value: str
    differs: bool = False
    delta: str = ""
    share: str = ""
    """The delta in per cent, or as a factor."""
    tip: str = ""
    number: float | None = None
    bar: float | None = None
    """Part of the longest bar, where one cost alone is shown."""
    blocks: BlockCell | None = None
    matched: bool = True
    """Whether it can be held against the first network's: not a part that only one of both has by design, and not what
    nobody has measured."""
    ratio: float = 1.0
    """The number divided by that of the first network; 1 for what differs and is no number."""

    @property
    def known(self) -> bool:
        """Whether the network has something there."""
        return self.value != units.DASH

    @property
    def words(self) -> str:
        """The whole entry in one line, for a screen reader."""
        sign = "≠" if self.differs and self.matched else ""
        return " ".join(filter(None, (self.blocks.words if self.blocks else self.value, sign, self.delta, self.share)))

    @property
    def distance(self) -> float:
        """How far the number is from the first network's, as times a factor of two: 1 for twice and for half."""
        if not self.matched or self.ratio == 1:
            return 0.0
        return abs(math.log2(self.ratio)) if 0 < self.ratio < math.inf else math.inf


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """A row of one stage or of the whole, with an entry for every network."""

    name: str
    label: str
    entries: tuple[ComparisonEntry, ...]

    @property
    def equal(self) -> bool:
        """Whether all networks have the same there."""
        return len(self.entries) > 1 and all(entry.matched and not entry.differs for entry in self.entries)

    @property
    def distance(self) -> float:
        """The largest distance of a network from the first."""
        return max(entry.distance for entry in self.entries)


def number_entries(
    numbers: Sequence[float | None], show: Callable[[float], str], tips: Sequence[str], *, shares: bool = True,
    show_delta: Callable[[float], str] | None = None,
) -> tuple[ComparisonEntry, ...]:  # fmt: skip
    """An entry for each network's number, against the first one; None is a dash, which is held against nothing.

    `show_delta` shows the amount of a difference, where `show` doesn't.
    """
    reference = numbers[0]
    entries = []
    for number, tip in zip(numbers, tips, strict=True):
        if number is None:
            entries.append(ComparisonEntry(units.DASH, tip=tip, matched=False))
            continue
        more = 0.0 if reference is None else number - reference
        sign = "+" if more > 0 else units.MINUS
        delta = f"{sign}{(show_delta or show)(abs(more))}" if more else ""
        tip = f"{tip}\n{delta} vs. {show(reference)}" if delta and reference is not None else tip
        share = units.delta_share(number, reference) if more and shares and reference else ""
        ratio = 1.0 if reference is None else ratio_to(number, reference)
        matched = reference is not None
        entries.append(
            ComparisonEntry(show(number), bool(more), delta, share, tip, number, matched=matched, ratio=ratio)
        )
    return tuple(entries)


def ratio_to(value: float, reference: float) -> float:
    """1 for two zeros, infinity for something instead of nothing."""
    if reference:
        return value / reference
    return math.inf if value else 1.0
