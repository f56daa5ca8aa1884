"""Finds a drawing's items by place, by layer, and by text without looking at each: a deep network has thousands."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Generator, Iterable, Sequence
from math import hypot
from operator import mul
from statistics import median

from resnet_studio.figures.drawing import Arc, Box, Drawing, Item, Point, Rect

BUCKET = 48.0
"""Points of a drawing's longer side that are searched together."""
MOST_BUCKETS = 8
"""Items that span more of them are looked at every time."""
STEP = 500
"""Items that are indexed without a pause."""


class DrawingIndex:
    """Made by `index_steps`. Items are numbered as in `Drawing.items`."""

    def __init__(self, drawing: Drawing) -> None:
        self.drawing = drawing
        self.vertical = drawing.height >= drawing.width
        """Whether the drawing is searched along its height."""
        self.columns: dict[int, list[int]] = {}
        """The boxes of each architecture, as they follow one another."""
        self._buckets: dict[int, list[int]] = defaultdict(list)
        self._large: list[int] = []
        self._named: dict[tuple[int, str], list[int]] = defaultdict(list)
        self._inside: dict[tuple[int, str], list[int]] = defaultdict(list)
        self._texts: dict[int, str] = {}
        self._starts: dict[int, list[float]] = {}
        self.box_length = 1.0
        """The usual extent of a box along the searched side, in points."""

    def box(self, number: int) -> Box:
        item = self.drawing.items[number]
        assert isinstance(item, Box)
        return item

    def items_in(self, area: Rect) -> list[int]:
        """The items that may lie in an area, in the order in which they are painted."""
        first, last = self._range(area)
        found = set(self._large)
        for bucket in range(int(first // BUCKET), int(last // BUCKET) + 1):
            found.update(self._buckets.get(bucket, ()))
        return sorted(found)

    def part(self, number: int) -> Box | Arc:
        """A box, or a skip connection."""
        item = self.drawing.items[number]
        assert isinstance(item, Box | Arc)
        return item

    def area(self, number: int) -> Rect:
        """Where a box or a skip connection is."""
        item = self.part(number)
        return item.rect if isinstance(item, Box) else item.bounds

    def part_at(self, point: Point, reach: float) -> int | None:
        """The uppermost box of a layer at a point, else a skip connection that passes it closer than `reach`."""
        items = [(number, self.drawing.items[number]) for number in reversed(self.items_in(Rect(*point, 0, 0)))]
        for number, item in items:
            if isinstance(item, Box) and item.names and _contains(item, point):
                return number
        arcs = [(number, item) for number, item in items if isinstance(item, Arc) and (item.names or item.block)]
        distance, nearest = min(((_distance(arc, point), number) for number, arc in arcs), default=(reach + 1, -1))
        return nearest if distance <= reach else None

    def boxes_of(self, column: int, name: str) -> Sequence[int]:
        """The boxes that stand for a layer or a block; if it has none, those of the block that it is part of."""
        shown = self.drawing.shown_name(column, name)
        while shown:
            if found := self._named.get((column, shown)) or self._inside.get((column, shown)):
                return found
            shown = shown.rpartition(".")[0]
        return ()

    def matching(self, text: str) -> list[int]:
        """The boxes whose layers' names or whose own text have a text in them, in any case; × may be written as x."""
        wanted = _key(text)
        if not wanted:
            return []
        return [number for number, line in self._texts.items() if wanted in line]

    def coarse_boxes(self, area: Rect, least: float) -> Iterable[Box]:
        """The boxes in an area, and of those that begin closer together than `least` points only one."""
        first, last = self._range(area)
        for column, numbers in self.columns.items():
            starts = self._starts[column]
            at = max(bisect_left(starts, first) - 1, 0)
            while at < len(numbers) and starts[at] <= last:
                yield self.box(numbers[at])
                at = max(bisect_left(starts, starts[at] + least, at), at + 1)

    def _range(self, area: Rect) -> tuple[float, float]:
        return (area.y, area.bottom) if self.vertical else (area.x, area.right)

    def _add(self, number: int, item: Item) -> None:
        first, last = (bound // BUCKET for bound in self._range(item.bounds))
        if last - first > MOST_BUCKETS:
            self._large.append(number)
        else:
            for bucket in range(int(first), int(last) + 1):
                self._buckets[bucket].append(number)
        if isinstance(item, Box) and item.names:
            self._add_box(number, item)
        if isinstance(item, Arc):
            for name in item.names:
                self._named[item.column, name].append(number)

    def _add_box(self, number: int, box: Box) -> None:
        self.columns.setdefault(box.column, []).append(number)
        self._texts[number] = _key("\n".join((*box.names, *box.lines)))
        around: dict[str, None] = {}
        for name in box.names:
            self._named[box.column, name].append(number)
            while name := name.rpartition(".")[0]:
                around[name] = None
        for name in around:
            self._inside[box.column, name].append(number)

    def _add_folded(self) -> None:
        """Let a search for a block that is folded away find the box that stands for it."""
        for column, folded in enumerate(self.drawing.folded):
            for block, shown in folded.items():
                for number in self._named.get((column, shown)) or self._inside.get((column, shown), ())[:1]:
                    self._texts[number] += f"\n{_key(block)}"

    def _sort(self) -> None:
        lengths = []
        for column, numbers in self.columns.items():
            spans = {number: self._range(self.box(number).rect) for number in numbers}
            numbers.sort(key=lambda number: spans[number][0])
            self._starts[column] = [spans[number][0] for number in numbers]
            lengths += [last - first for first, last in spans.values()]
        self.box_length = median(lengths) if lengths else 1.0


def index_steps(drawing: Drawing) -> Generator[None, None, DrawingIndex]:
    """Index a drawing; yields between steps that take a few milliseconds each."""
    index = DrawingIndex(drawing)
    for number, item in enumerate(drawing.items):
        index._add(number, item)
        if number % STEP == STEP - 1:
            yield
    index._add_folded()
    yield
    index._sort()
    return index


def _contains(box: Box, point: Point) -> bool:
    rect, (x, y) = box.rect, point
    return rect.x <= x <= rect.right and rect.y <= y <= rect.bottom


def _distance(arc: Arc, point: Point) -> float:
    """How far a point is from an arc's curves."""
    x, y = point
    curves = [arc.points[first : first + 4] for first in range(0, len(arc.points) - 1, 3)]
    return min(
        hypot(sum(map(mul, weights, xs)) - x, sum(map(mul, weights, ys)) - y)
        for xs, ys in (zip(*curve, strict=True) for curve in curves)
        for weights in CURVE
    )


def _weights(t: float) -> tuple[float, float, float, float]:
    """Those of a cubic Bézier curve's four points, at a share t of the way along it."""
    return (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3


CURVE = tuple(_weights(number / 24) for number in range(25))
"""Where curves are looked at, from their start to their end."""


def _key(text: str) -> str:
    return text.strip().lower().replace("×", "x")
