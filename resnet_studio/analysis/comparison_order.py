"""The order of a comparison's rows, and those that are equal in all networks put together. No torch, no Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from resnet_studio.analysis.comparison_entries import ComparisonRow
from resnet_studio.formatting import counted

Order = Literal["stage", "difference"]


@dataclass(frozen=True, slots=True)
class OrderedRows:
    """Rows to list, and after them those that are equal in all networks and folded into a line."""

    listed: tuple[ComparisonRow, ...]
    equal: tuple[ComparisonRow, ...]

    @property
    def fold_text(self) -> str:
        """The line that stands for the equal rows: "12 rows are equal"; empty if there are none."""
        count = len(self.equal)
        if not count:
            return ""
        return f"{'' if self.listed else 'all '}{counted(count, 'row')} {'is' if count == 1 else 'are'} equal"


def ordered(rows: Sequence[ComparisonRow], order: Order = "stage", *, fold: bool = True) -> OrderedRows:
    """The rows by stage, as they come, or by difference: first the row in which a network is furthest from the first
    one, as a factor up or down. Rows without a number follow.

    Without `fold` equal rows are listed among the others.
    """
    listed = [row for row in rows if not (fold and row.equal)]
    if order == "difference":
        listed.sort(key=lambda row: (row.equal, -row.distance))
    return OrderedRows(tuple(listed), tuple(row for row in rows if fold and row.equal))
