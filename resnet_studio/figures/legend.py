"""The line under a figure that says what its arcs and its colors mean. Needs neither torch nor Qt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from resnet_studio.figures.coloring import Coloring
from resnet_studio.figures.drawing import Box, ColorBar, Item, Label, Line, Rect
from resnet_studio.figures.elements import Skip
from resnet_studio.figures.text_metrics import SPARE, text_width
from resnet_studio.networks.families.family import Joint
from resnet_studio.stage_colors import STAGE_COLORS

SIZE, ROW, SAMPLE, SPACE = 6.5, 12.0, 16.0, 12.0
"""Size of the text, height of a row, width of a sample, and the space between two entries."""
BAR = 90.0
"""Width of the color scale."""
JOINTS: dict[Joint, str] = {
    "identity": "identity",
    "projection": "projection",
    "pooled projection": "2×2 average pool, projection",
    "zero pad": "zero padding",
    "none": "",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A sample and what it means."""

    text: str
    sample: str
    """"arc", "dotted arc", "scale", the key of a color, or nothing."""
    last: str = ""
    """The largest number of a scale."""

    @property
    def width(self) -> float:
        if self.sample == "scale":
            return sum(SPARE * text_width(text, SIZE) + 4 for text in (self.text, "0", self.last)) + BAR
        return self._sample_width + SPARE * text_width(self.text, SIZE)

    @property
    def _sample_width(self) -> float:
        return 0.0 if not self.sample else 4 + (SAMPLE if self.sample.endswith("arc") else 7.0)

    def items(self, x: float, y: float) -> Iterator[Item]:
        """The entry with its left edge at x, on the line y."""
        if self.sample == "scale":
            yield from self._scale(x, y)
            return
        if self.sample.endswith("arc"):
            yield Line(((x, y), (x + SAMPLE, y)), arrow=True, dotted=self.sample.startswith("dotted"))
        elif self.sample:
            yield Box(Rect(x, y - 3.5, 7, 7), fill=self.sample, radius=1, column=-1)
        yield Label(self.text, x + self._sample_width, y, SIZE, "start", tone="muted")

    def _scale(self, x: float, y: float) -> Iterator[Item]:
        yield Label(self.text, x, y, SIZE, "start", tone="muted")
        x += SPARE * text_width(self.text, SIZE) + 8
        yield Label("0", x, y, SIZE, "start", tone="muted")
        x += SPARE * text_width("0", SIZE) + 3
        yield ColorBar(Rect(x, y - 3.5, BAR, 7))
        yield Label(self.last, x + BAR + 3, y, SIZE, "start", tone="muted")


def skip_entries(skips: Iterable[Skip]) -> tuple[Entry, ...]:
    """An entry for each kind of skip connection: "identity", and dotted "projection, shape changes (B)"."""
    kinds = dict.fromkeys((skip.changes_shape, skip.joint, skip.option) for skip in skips)
    return tuple(
        Entry(_skip_text(joint, option, changes=changes), "dotted arc" if changes else "arc")
        for changes, joint, option in sorted(kinds)
    )


def _skip_text(joint: Joint, option: str, *, changes: bool) -> str:
    return f"{JOINTS[joint]}{', shape changes' if changes else ''}{f' ({option})' if option else ''}"


def color_entries(coloring: Coloring | None, largest: float, stages: Iterable[str]) -> tuple[Entry, ...]:
    """The color scale, or an entry for each stage."""
    if coloring:
        return (Entry(coloring.title, "scale", coloring.text(largest)),)
    used = set(stages)
    return tuple(Entry(stage, stage) for stage in STAGE_COLORS if stage in used)


def legend(rows: Sequence[Sequence[Entry]], x: float, y: float, width: float) -> tuple[list[Item], float]:
    """The entries in rows that are as wide as the figure, from y downwards, and how high they are."""
    items: list[Item] = []
    top = y
    for entries in rows:
        at = x
        for entry in entries:
            if at > x and at + entry.width > x + width:
                at, y = x, y + ROW
            items += entry.items(at, y + ROW / 2)
            at += entry.width + SPACE
        y += ROW if entries else 0
    return items, y - top


def least_width(rows: Sequence[Sequence[Entry]]) -> float:
    """The width of the widest entry: no figure may be narrower."""
    return max((entry.width for entries in rows for entry in entries), default=0.0)
