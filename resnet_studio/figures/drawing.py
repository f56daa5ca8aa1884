"""A figure as values: shapes and texts in points. The writers and the window draw them alike.

Needs neither torch nor Qt. x grows to the right and y downwards. Colors are keys, which a `Palette`
(`figures/palette.py`) turns into colors, so that one drawing can be shown in the window's theme and printed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from resnet_studio.figures.text_metrics import ASCENT, CAP_HEIGHT, DESCENT, SPARE, text_width
from resnet_studio.networks.families.family import Joint

Point: TypeAlias = tuple[float, float]
Fill: TypeAlias = str | float | None
"""What an area is filled with: a stage ("conv2_x") or a kind of layer ("conv", "relu") as a key of the palette, a
number from 0 to 1 of its color scale, or nothing."""
Tone = Literal["text", "muted", "rule"]
"""The palette's color of texts and lines."""
Anchor = Literal["start", "middle", "end"]
"""Which part of a text its `x` is."""
Border = Literal["solid", "dashed", "none"]


class Rect(NamedTuple):
    """An upright rectangle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def center(self) -> Point:
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text."""

    text: str
    x: float
    y: float
    """The middle of its capital letters."""
    size: float = 7.0
    anchor: Anchor = "middle"
    bold: bool = False
    italic: bool = False
    tone: Tone = "text"
    on: Fill = None
    """What it stands on: white or black, whichever is legible there."""

    @property
    def bounds(self) -> Rect:
        """The area that it may cover, with a wider font, too."""
        spare = self.width * (SPARE - 1)
        left, top, width, height = self.rect
        return Rect(left - spare, top - 1, width + 2 * spare, height + 2)

    @property
    def baseline(self) -> float:
        return self.y + self.size * CAP_HEIGHT / 2

    @property
    def width(self) -> float:
        return text_width(self.text, self.size, bold=self.bold)

    @property
    def rect(self) -> Rect:
        """The area of its letters."""
        left = self.x - self.width * {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor]
        return Rect(left, self.baseline - ASCENT * self.size, self.width, (ASCENT + DESCENT) * self.size)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle that stands for a layer, with lines of text in its middle."""

    rect: Rect
    lines: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """Names of the layers and blocks that it stands for, the one to select first; none for the image."""
    column: int = 0
    """Which of the drawing's architectures it belongs to."""
    stage: str = ""
    fill: Fill = None
    border: Border = "solid"
    size: float = 7.0
    """Of its text."""
    italic: bool = False
    radius: float = 1.5
    """Of its corners."""
    extrusion: float = 0.0
    """How far it reaches back, up and to the right along each axis; 0 for a flat box."""
    value: str = ""
    """The number that it is colored by, as text."""

    @property
    def bounds(self) -> Rect:
        """The area that it covers."""
        reach = self.extrusion + 1
        return Rect(self.rect.x - 1, self.rect.y - reach, self.rect.width + 1 + reach, self.rect.height + 1 + reach)

    @property
    def layer(self) -> str:
        """The layer or the block to select; empty for the image."""
        return self.names[0] if self.names else ""

    def labels(self) -> Iterator[Label]:
        """Its lines of text, each where it stands."""
        x, middle = self.rect.center
        height = LINE_HEIGHT * self.size
        for number, line in enumerate(self.lines):
            y = middle + (number - (len(self.lines) - 1) / 2) * height
            yield Label(line, x, y, self.size, italic=self.italic, on=self.fill)


ARROW = 3.2
"""Length of an arrowhead."""
LINE_HEIGHT = 1.25
"""From a line of text to the next, as a multiple of the font's size."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points, with an arrowhead at its end if it is an arrow."""

    points: tuple[Point, ...]
    arrow: bool = False
    dotted: bool = False
    tone: Tone = "text"
    width: float = 0.7

    @property
    def bounds(self) -> Rect:
        """The area that it covers, with its arrowhead."""
        return _bounds(self.points, ARROW if self.arrow else 1)


@dataclass(frozen=True, slots=True)
class Arc:
    """A skip connection: cubic Bézier curves, with an arrowhead at the end."""

    points: tuple[Point, ...]
    """The start, and for each curve two control points and its end: 1 + 3 n points."""
    dotted: bool = False
    """Whether the shape changes on it."""
    block: str = ""
    """Name of the block that it skips."""
    joint: Joint = "identity"
    column: int = 0
    arrow: bool = True
    width: float = 0.7
    names: tuple[str, ...] = ()
    """Names of the layers on it."""

    @property
    def bounds(self) -> Rect:
        """The area that it covers at most, with its arrowhead."""
        return _bounds(self.points, ARROW)


@dataclass(frozen=True, slots=True)
class Brace:
    """A curly brace from one point to another, whose tip is `depth` to the left of that direction."""

    start: Point
    end: Point
    depth: float
    tone: Tone = "text"
    width: float = 0.7

    @property
    def bounds(self) -> Rect:
        """The area that it covers."""
        return _bounds(self.points, 1)

    @property
    def points(self) -> tuple[Point, ...]:
        """Cubic Bézier curves, as those of an `Arc`."""
        (x0, y0), (x1, y1), half = self.start, self.end, self.depth / 2
        length = max(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5, 1e-9)
        along = ((x1 - x0) / length, (y1 - y0) / length)
        aside = (along[1], -along[0])

        def at(distance: float, out: float) -> Point:
            return (x0 + distance * along[0] + out * aside[0], y0 + distance * along[1] + out * aside[1])

        middle, turn = length / 2, min(self.depth, length / 4)
        return (
            at(0, 0), at(0, half), at(0, half), at(turn, half),
            at(turn, half), at(middle - turn, half), at(middle - turn, half),
            at(middle, half), at(middle, half), at(middle, 2 * half),
            at(middle, half), at(middle, half), at(middle + turn, half),
            at(middle + turn, half), at(length - turn, half), at(length - turn, half),
            at(length, half), at(length, half), at(length, 0),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ColorBar:
    """The palette's color scale from 0 at the left to 1 at the right."""

    rect: Rect

    @property
    def bounds(self) -> Rect:
        """The area that it covers."""
        return self.rect


def _bounds(points: Sequence[Point], margin: float) -> Rect:
    columns, rows = zip(*points, strict=True)
    left, top = min(columns) - margin, min(rows) - margin
    return Rect(left, top, max(columns) + margin - left, max(rows) + margin - top)


Item: TypeAlias = Box | Line | Arc | Brace | Label | ColorBar


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure: everything lies between (0, 0) and (`width`, `height`), and later items over earlier ones."""

    width: float
    height: float
    items: tuple[Item, ...]
    title: str = ""
    """What it shows, in a line."""
    description: str = ""
    """The same for those who can't see it, in sentences."""
    folded: tuple[Mapping[str, str], ...] = field(default=(), hash=False)
    """For each architecture the blocks that are not drawn themselves, and the equal block that is drawn for them."""

    @property
    def boxes(self) -> Iterator[Box]:
        return (item for item in self.items if isinstance(item, Box))

    @property
    def arcs(self) -> Iterator[Arc]:
        return (item for item in self.items if isinstance(item, Arc))

    def labels(self) -> Iterator[Label]:
        """All text, that in boxes included."""
        for item in self.items:
            if isinstance(item, Label):
                yield item
            elif isinstance(item, Box):
                yield from item.labels()

    def boxes_of(self, column: int, name: str) -> Sequence[Box]:
        """The boxes that stand for a layer or a block of an architecture, or for an equal one that is folded away."""
        shown = self.shown_name(column, name)
        inside = f"{shown}."
        found = [box for box in self.boxes if box.column == column and box.names]
        exact = [box for box in found if shown in box.names]
        return exact or [box for box in found if any(known.startswith(inside) for known in box.names)]

    def shown_name(self, column: int, name: str) -> str:
        """The name of the layer that is drawn for a layer: its own, or that of the equal one of a block that is not
        folded away."""
        folded = self.folded[column] if column < len(self.folded) else {}
        block = name
        while block and block not in folded:
            block = block.rpartition(".")[0]
        return folded[block] + name[len(block) :] if block else name
