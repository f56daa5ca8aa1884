"""Networks from left to right, a box for each block, as high as its maps are large and as wide as it has channels.

Needs neither torch nor Qt. Sizes and widths are compressed (a power and a root), as papers do: drawn to scale, the last
maps would be invisible. What comes behind the last maps is a bar whose height is its number of values.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from resnet_studio.figures.coloring import Coloring
from resnet_studio.figures.drawing import Arc, Box, Brace, Drawing, Item, Label, Line, Point, Rect
from resnet_studio.figures.elements import HEAD, Element, Figure, Group, Repeat, Skip, figure_of
from resnet_studio.figures.legend import color_entries, least_width, legend, skip_entries
from resnet_studio.figures.options import FigureOptions, costs, headings
from resnet_studio.figures.shapes import BACK
from resnet_studio.figures.text_metrics import SPARE, text_width
from resnet_studio.figures.values import Shades, description, shades_steps
from resnet_studio.formatting import dimensions
from resnet_studio.networks.architecture import Architecture

MARGIN = 12.0
SPACE = 10.0
"""Between two boxes, beside what the first one's extrusion takes."""
TEXT, HEADING, DETAIL = 6.2, 8.5, 6.2
LINE = 8.0
"""From a line of text to the next."""
LABEL_GAP = 5.0
"""Between the labels of two clusters."""
BULGE, WIDER = 9.0, 6.0
"""How far a skip connection passes above its box, and how much farther one around others."""
BRACE = 4.0
EXTRUSION = 0.16
"""Of a box's height."""
LEAVES, ARRIVES = 0.66, 0.28
"""Where in the space between two boxes a skip connection leaves the main path, and where it joins it."""
ROW_GAP = 20.0
BOXES_A_STEP = 200


@dataclass(slots=True)
class _Solid:
    """A box of the figure: a group of elements."""

    group: Group
    element: Element
    """The group as one element: all of its names, the output of its last."""
    what: str
    width: float
    height: float
    extrusion: float
    left: float = 0.0

    @property
    def back(self) -> float:
        """How far it reaches to the right and upwards behind its front."""
        return BACK * self.extrusion

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def end(self) -> float:
        return self.right + self.back

    @property
    def shape(self) -> str:
        """ "256@56×56", as LeNet's figure writes it; behind the last maps the number of values."""
        if self.element.level == HEAD:
            return str(self.element.channels)
        return f"{self.element.channels}@{dimensions(self.element.size)}"

    @property
    def lines(self) -> tuple[str, str]:
        return self.what, self.shape


@dataclass(slots=True)
class _Row:
    """A network."""

    index: int
    architecture: Architecture
    figure: Figure
    heading: str
    details: str
    solids: list[_Solid] = field(default_factory=list)
    clusters: list[list[_Solid]] = field(default_factory=list)
    """Boxes in a row that have one label."""
    axis: float = 0.0
    """y of the main path."""

    @property
    def repeats(self) -> Iterator[Repeat]:
        """The repetitions, by numbers of boxes: the image is the first."""
        return (one._replace(first=one.first + 1, last=one.last + 1) for one in self.figure.repeats)

    @property
    def above(self) -> float:
        """What lies above the main path."""
        skips = [
            self.reach(solid, skip) + (8 if skip.option else 1) for solid in self.solids for skip in solid.group.skips
        ]
        return max([solid.height / 2 + solid.back for solid in self.solids] + skips)

    @property
    def below(self) -> float:
        """What lies below it, with the labels."""
        return max(self.label_top(cluster) + 2 * LINE for cluster in self.clusters)

    @property
    def right(self) -> float:
        last = self.clusters[-1]
        return max(last[-1].end, _middle(last) + _label_width(last) / 2)

    def reach(self, solid: _Solid, skip: Skip) -> float:
        """How far above the main path a skip connection passes."""
        around = sum(skip != one and skip.first <= one.first and one.last <= skip.last for one in solid.group.skips)
        return solid.height / 2 + solid.back + BULGE + WIDER * around

    def label_top(self, cluster: Sequence[_Solid]) -> float:
        """Where a cluster's label begins below the main path: below its boxes, and below a brace."""
        first, last = self.solids.index(cluster[0]), self.solids.index(cluster[-1])
        inside = [one for one in self.repeats if one.first <= last and one.last >= first]
        bottoms = [solid.height / 2 + 4 for solid in cluster]
        return max(bottoms + [self.brace_top(one.first, one.last) + BRACE + 2 + LINE for one in inside])

    def brace_top(self, first: int, last: int) -> float:
        """Where the brace under some groups begins below the main path."""
        return max(solid.height / 2 for solid in self.solids[first : last + 1]) + 3


def horizontal_steps(
    architectures: Sequence[Architecture], options: FigureOptions, coloring: Coloring | None = None
) -> Generator[None, None, Drawing]:
    """The drawing of these networks below one another, with a yield now and then.

    `ValueError` where repeated blocks may not be folded and there are too many boxes for that.
    """
    fold = options.folds(architectures)
    rows: list[_Row] = []
    y = MARGIN
    for index, (architecture, heading) in enumerate(zip(architectures, headings(architectures), strict=True)):
        figure = figure_of(architecture, fold=fold)
        row = _Row(index, architecture, figure, heading, ", ".join(costs(architecture, options.unit)))
        yield from _place(row)
        row.axis = y + HEADING + 10 + row.above
        y = row.axis + row.below + ROW_GAP
        rows.append(row)
    drawn = [[solid.element for solid in row.solids[1:]] for row in rows]
    shades = yield from shades_steps(coloring, [row.figure for row in rows], drawn)
    yield
    items: list[Item] = []
    for row in rows:
        items += _row_heading(row)
        for number in range(0, len(row.solids), BOXES_A_STEP):
            items += _row_items(row, shades, range(number, number + BOXES_A_STEP))
            yield
        items += _labels(row)
    return _drawing(rows, shades, items, y - ROW_GAP)


def _place(row: _Row) -> Generator[None, None, None]:
    """Make the boxes of a row, and place them from left to right: the labels under them take their room, too."""
    image = Element("image", (), "", row.architecture.channels, row.architecture.image_size, 0, "image")
    groups = [Group("", (image,)), *row.figure.groups]
    row.solids = [_solid(group) for group in groups]
    row.clusters = [list(run) for _, run in groupby(row.solids, lambda solid: solid.lines)]
    yield
    left, labels_end = MARGIN, MARGIN - LABEL_GAP
    for cluster in row.clusters:
        _place_cluster(cluster, left)
        overlap = labels_end + LABEL_GAP - (_middle(cluster) - _label_width(cluster) / 2)
        if overlap > 0:
            _place_cluster(cluster, left + overlap)
        left = cluster[-1].end + SPACE
        labels_end = _middle(cluster) + _label_width(cluster) / 2


def _place_cluster(cluster: Sequence[_Solid], left: float) -> None:
    for solid in cluster:
        solid.left = left
        left = solid.end + SPACE


def _solid(group: Group) -> _Solid:
    last = group.elements[-1]
    names = tuple(name for element in group.elements for name in element.names)
    element = last._replace(names=(group.name, *names) if group.name else names)
    if element.kind == "image":
        return _Solid(group, element, "image", 3.0, _height(element.size), 0.0)
    if element.level == HEAD:
        return _Solid(group, element, _what(group), 5.0, 3 + 1.3 * math.sqrt(element.channels), 2.0)
    height = _height(element.size)
    return _Solid(group, element, _what(group), 2 + 0.95 * math.sqrt(element.channels), height, EXTRUSION * height + 2)


def _height(size: tuple[int, int]) -> float:
    return 3 + 5.2 * math.pow(max(size), 0.55)


def _what(group: Group) -> str:
    """What a box is, in a word or two: its stage, or what its layer does."""
    if group.name:
        return group.elements[-1].stage
    if len(group.elements) > 1:
        return "block"
    first, *rest = group.elements[0].text.split(", ")
    strides = [part for part in rest if part.startswith("/")]
    return ", ".join((first.split(" ")[0] if first.startswith("fc ") else first, *strides))


def _middle(cluster: Sequence[_Solid]) -> float:
    return (cluster[0].left + cluster[-1].right) / 2


def _label_width(cluster: Sequence[_Solid]) -> float:
    return max(SPARE * text_width(line, TEXT) for line in cluster[0].lines)


def _row_heading(row: _Row) -> Iterator[Item]:
    y = row.axis - row.above - 10 - HEADING / 2
    yield Label(row.heading, MARGIN, y, HEADING, "start", bold=True)
    x = MARGIN + SPARE * text_width(row.heading, HEADING, bold=True) + 8
    yield Label(row.details, x, y + 0.6, DETAIL, "start", tone="muted")


def _row_items(row: _Row, shades: Shades, numbers: range) -> Iterator[Item]:
    """Some boxes of a row, what leads to the next ones, and their skip connections."""
    for number in range(numbers.start, min(numbers.stop, len(row.solids))):
        solid = row.solids[number]
        yield _box(row, solid, shades)
        if number + 1 < len(row.solids):
            yield Line(((solid.end, row.axis), (row.solids[number + 1].left, row.axis)), arrow=True)
        for skip in solid.group.skips:
            yield from _skip_items(row, solid, skip)
    for repeat in row.repeats:
        if repeat.first in numbers:
            yield from _brace_items(row, repeat.first, repeat.last, repeat.times)


def _box(row: _Row, solid: _Solid, shades: Shades) -> Box:
    rect = Rect(solid.left, row.axis - solid.height / 2, solid.width, solid.height)
    if solid.element.kind == "image":
        return Box(rect, column=row.index, border="dashed", radius=0)
    fill, value = shades.of(row.index, solid.element)
    return Box(
        rect, (), solid.element.names, row.index, solid.element.stage, fill, radius=0, extrusion=solid.extrusion,
        value=value,
    )  # fmt: skip


def _skip_items(row: _Row, solid: _Solid, skip: Skip) -> Iterator[Item]:
    start = solid.left - SPACE * (1 - LEAVES)
    end = solid.end + SPACE * ARRIVES
    reach = row.reach(solid, skip)
    edge = row.axis - reach + BULGE
    name = solid.group.name or (skip.names[0] if skip.names else "")
    points = _over(row.axis, edge, row.axis - reach, start, end)
    yield Arc(points, skip.changes_shape, name, skip.joint, row.index, names=skip.names)
    if skip.option:
        yield Label(skip.option, (start + end) / 2, row.axis - reach - 5, TEXT)


def _over(axis: float, edge: float, top: float, start: float, end: float) -> tuple[Point, ...]:
    """From the main path straight up between two boxes, over the box, and straight down to the main path."""
    third = (edge - axis) / 3
    turn = min(edge - top, (end - start) / 2)
    bend = 0.55 * turn
    return (
        (start, axis), (start, axis + third), (start, edge - third), (start, top + turn),
        (start, top + turn - bend), (start + turn - bend, top), (start + turn, top),
        (start + turn, top), (end - turn, top), (end - turn, top),
        (end - turn + bend, top), (end, top + turn - bend), (end, top + turn),
        (end, edge - third), (end, axis + third), (end, axis),
    )  # fmt: skip


def _brace_items(row: _Row, first: int, last: int, count: int) -> Iterator[Item]:
    left, right = row.solids[first].left, row.solids[last].right
    y = row.axis + row.brace_top(first, last)
    yield Brace((right, y), (left, y), BRACE, "muted")
    yield Label(f"×{count}", (left + right) / 2, y + BRACE + 4, TEXT)


def _labels(row: _Row) -> Iterator[Item]:
    for cluster in row.clusters:
        x, y = _middle(cluster), row.axis + row.label_top(cluster)
        what, shape = cluster[0].lines
        yield Label(what, x, y + LINE / 2, TEXT)
        yield Label(shape, x, y + 1.5 * LINE, TEXT, tone="muted")


def _drawing(rows: Sequence[_Row], shades: Shades, items: Sequence[Item], bottom: float) -> Drawing:
    """The figure with its legend; the labels name the stages already."""
    entries = [skip_entries(skip for row in rows for group in row.figure.groups for skip in group.skips)]
    if shades.coloring:
        entries.append(color_entries(shades.coloring, shades.largest, ()))
    widths = [row.right for row in rows] + [_heading_right(row) for row in rows]
    width = max([*widths, least_width(entries) + MARGIN]) + MARGIN
    below, height = legend(entries, MARGIN, bottom + 10, width - 2 * MARGIN)
    names = headings([row.architecture for row in rows])
    figures = [row.figure for row in rows]
    return Drawing(
        width, bottom + (10 + height if below else 0) + MARGIN, (*items, *below), ", ".join(names),
        description(names, figures), tuple(figure.folded for figure in figures),
    )  # fmt: skip


def _heading_right(row: _Row) -> float:
    heading = SPARE * text_width(row.heading, HEADING, bold=True)
    return MARGIN + heading + 8 + SPARE * text_width(row.details, DETAIL)
