"""Networks in columns from top to bottom, aligned by the size of their maps, as in Figure 3 of He et al. 2015.

Needs neither torch nor Qt.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

from resnet_studio.figures.coloring import Coloring
from resnet_studio.figures.drawing import Arc, Box, Brace, Drawing, Fill, Item, Label, Line, Point, Rect
from resnet_studio.figures.elements import Element, Figure, Group, Skip, figure_of
from resnet_studio.figures.legend import Entry, color_entries, least_width, legend, skip_entries
from resnet_studio.figures.options import FigureOptions, costs, headings, size_text
from resnet_studio.figures.text_metrics import SPARE, text_width
from resnet_studio.figures.values import Shades, description, shades_steps
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.baselines import PLAIN

MARGIN = 12.0
BOX, GAP = 13.0, 9.0
"""Height of a box, and the space to the next."""
BAND_GAP = 7.0
"""Additional space where the size of the maps changes."""
PADDING = 5.0
"""Left and right of a box's text."""
TEXT, HEADING, DETAIL = 7.0, 8.5, 6.2
"""Sizes of the texts."""
BULGE, WIDER = 13.0, 7.0
"""How far a skip connection leaves its column, and how much farther one around others."""
BRACE = 5.0
COLUMN_GAP = 18.0
LEAVES, ARRIVES = 0.57, 0.25
"""Where in the space between two boxes a skip connection leaves the main path, and where it joins it."""
MOST_STRETCH = 1.4
"""How much wider than its texts need a column becomes for the sake of equal widths."""
BOXES_A_STEP = 200


@dataclass(slots=True)
class _Column:
    """A network, and where its boxes are."""

    index: int
    architecture: Architecture
    figure: Figure
    heading: tuple[str, ...]
    details: tuple[str, ...]
    box_width: float
    left: float = 0.0
    """Left edge of its boxes."""
    tops: list[list[float]] = field(default_factory=list)
    """Top edge of every element of every group."""
    bands: dict[int, float] = field(default_factory=dict)
    """The height of its boxes at each level, with the spaces between them."""
    levels: list[list[int]] = field(default_factory=list)
    offsets: list[list[float]] = field(default_factory=list)

    @property
    def center(self) -> float:
        return self.left + self.box_width / 2

    @property
    def right(self) -> float:
        return self.left + self.box_width

    @property
    def brace_width(self) -> float:
        """The room on its left for braces and what they say."""
        texts = (f"×{one.times}" for one in self.figure.repeats)
        return max((BRACE + 8 + SPARE * text_width(text, TEXT) for text in texts), default=0.0)

    def elements(self) -> Iterator[tuple[int, Element]]:
        """Every element, with its level."""
        for group, levels in zip(self.figure.groups, self.levels, strict=True):
            yield from zip(levels, group.elements, strict=True)


def columns_steps(
    architectures: Sequence[Architecture], options: FigureOptions, coloring: Coloring | None = None
) -> Generator[None, None, Drawing]:
    """The drawing, with a yield now and then: a network may have thousands of boxes.

    `ValueError` where repeated blocks may not be folded and there are too many boxes for that.
    """
    fold = options.folds(architectures)
    columns = []
    for index, (architecture, heading) in enumerate(zip(architectures, headings(architectures), strict=True)):
        columns.append(_column(index, architecture, figure_of(architecture, fold=fold), heading, options))
        yield
    _equal_widths(columns)
    layout = _Layout(columns)
    figures = [column.figure for column in columns]
    shades = yield from shades_steps(coloring, figures, [list(figure.elements) for figure in figures])
    yield
    items: list[Item] = []
    for column in columns:
        items += layout.heading(column)
        for number in range(0, len(column.figure.groups), BOXES_A_STEP):
            items += _column_items(column, shades, range(number, number + BOXES_A_STEP))
            yield
    items = [*layout.size_labels(), *items]
    return layout.drawing(items, shades)


def _column(index: int, architecture: Architecture, figure: Figure, heading: str, options: FigureOptions) -> _Column:
    widest = max(SPARE * text_width(element.text, TEXT) for element in figure.elements)
    width = max(widest + 2 * PADDING, 56.0)
    column = _Column(index, architecture, figure, (), tuple(costs(architecture, options.unit)), width)
    column.heading = tuple(_wrapped(heading, width + BULGE))
    _place_in_bands(column)
    return column


def _equal_widths(columns: Sequence[_Column]) -> None:
    """Make columns equally wide, as in the paper, where that costs little."""
    widest = max(column.box_width for column in columns)
    if widest <= MOST_STRETCH * min(column.box_width for column in columns):
        for column in columns:
            column.box_width = widest


def _wrapped(text: str, width: float) -> Iterator[str]:
    """Lines of a heading, broken after its commas so that they are no wider than a column where that is possible."""
    line = ""
    for part in text.split(", "):
        longer = f"{line}, {part}" if line else part
        if line and SPARE * text_width(longer, HEADING, bold=True) > width:
            yield f"{line},"
            longer = part
        line = longer
    yield line


def _place_in_bands(column: _Column) -> None:
    """Where every element stands below the top of its level; levels never go back."""
    column.bands[0] = BOX
    level = 0
    for group in column.figure.groups:
        levels, offsets = [], []
        for element in group.elements:
            level = max(level, element.level)
            height = column.bands.get(level, -GAP)
            levels.append(level)
            offsets.append(height + GAP)
            column.bands[level] = height + GAP + BOX
        column.levels.append(levels)
        column.offsets.append(offsets)


class _Layout:
    """Where columns and levels are."""

    def __init__(self, columns: Sequence[_Column]) -> None:
        self._columns = columns
        self._shares_sizes = all(len(sizes) == 1 for sizes in _sizes_by_level(columns).values())
        self._heading_height = max(_heading_height(column) for column in columns)
        left = MARGIN + (SPARE * text_width("size: 0000", TEXT) + 14 if self._shares_sizes else 0)
        for column in columns:
            left = self._place(column, left)
        self._right = left - COLUMN_GAP + MARGIN
        self._levels = self._place_levels()
        for column in columns:
            column.tops = [
                [self._levels[level] + offset for level, offset in zip(*row, strict=True)]
                for row in zip(column.levels, column.offsets, strict=True)
            ]

    def _place(self, column: _Column, left: float) -> float:
        """Place a column to the right of what has been placed, and return where the next one may begin."""
        before, after = self._reserves(column)
        lines = [SPARE * text_width(line, HEADING, bold=True) for line in column.heading]
        lines += [SPARE * text_width(line, DETAIL) for line in column.details]
        half = max(max(lines) / 2, column.box_width / 2)
        before, after = (max(half - column.box_width / 2, reserve) for reserve in (before, after))
        column.left = left + before
        return column.right + after + COLUMN_GAP

    def _reserves(self, column: _Column) -> tuple[float, float]:
        """The space that braces and sizes need on the left, and skip connections with their letters on the right."""
        before = column.brace_width
        if not self._shares_sizes:
            texts = _sizes_of(column).values()
            before += max(SPARE * text_width(_sizes_text(sizes), TEXT) for sizes in texts) + 6
        after = 0.0
        for group in column.figure.groups:
            for skip in group.skips:
                letter = 4 + SPARE * text_width(skip.option, TEXT) if skip.option else 0
                after = max(after, _bulge(skip, group) + letter + 1)
        return before, after

    def _place_levels(self) -> dict[int, float]:
        y = MARGIN + self._heading_height + 6
        found = {}
        for level in sorted({level for column in self._columns for level in column.bands}):
            found[level] = y
            y += max(column.bands.get(level, 0.0) for column in self._columns) + GAP + BAND_GAP
        self._bottom = y - GAP - BAND_GAP
        return found

    def heading(self, column: _Column) -> Iterator[Item]:
        """The lines above a column, and the image that it begins with."""
        y = MARGIN + self._heading_height - _heading_height(column)
        for line in column.heading:
            yield Label(line, column.center, y + HEADING / 2, HEADING, bold=True)
            y += HEADING * 1.25
        for line in column.details:
            yield Label(line, column.center, y + DETAIL / 2 + 1, DETAIL, tone="muted")
            y += DETAIL * 1.3
        top = self._levels[0]
        if column.bands[0] == BOX:  # nothing else is as large: right above what follows
            top += max(one.bands[0] for one in self._columns) - BOX
        yield Box(Rect(column.left, top, column.box_width, BOX), ("image",), column=column.index, border="dashed")
        yield Line(((column.center, top + BOX), (column.center, column.tops[0][0])), arrow=True)

    def size_labels(self) -> Iterator[Item]:
        """The sizes at the side: of all networks at once, or of each where they differ."""
        for level, sizes in _sizes_by_level(self._columns).items() if self._shares_sizes else ():
            y = self._levels[level] + BOX / 2
            (size,) = sizes
            yield Label("output", MARGIN, y - 4.2, TEXT, "start", tone="muted")
            yield Label(f"size: {size_text(size)}", MARGIN, y + 4.2, TEXT, "start", tone="muted")
        for column in self._columns if not self._shares_sizes else ():
            for level, found in _sizes_of(column).items():
                top = self._levels[level] + BOX / 2
                if level == 0 and column.bands[0] == BOX:
                    top += max(one.bands[0] for one in self._columns) - BOX
                yield Label(_sizes_text(found), column.left - column.brace_width - 4, top, TEXT, "end", tone="muted")

    def drawing(self, items: Sequence[Item], shades: Shades) -> Drawing:
        """The figure with its legend."""
        skips = [skip for column in self._columns for group in column.figure.groups for skip in group.skips]
        stages = shades.stages if all(_has_stages(column.architecture) for column in self._columns) else ()
        notes = () if self._shares_sizes else (Entry("numbers at the left: output size", ""),)
        rows = [(*skip_entries(skips), *notes), color_entries(shades.coloring, shades.largest, stages)]
        width = max(self._right, least_width(rows) + 2 * MARGIN)
        below, height = legend(rows, MARGIN, self._bottom + 12, width - 2 * MARGIN)
        figures = [column.figure for column in self._columns]
        names = headings([column.architecture for column in self._columns])
        return Drawing(
            width, self._bottom + 12 + height + MARGIN, (*items, *below), ", ".join(names),
            description(names, figures), tuple(figure.folded for figure in figures),
        )  # fmt: skip


def _has_stages(architecture: Architecture) -> bool:
    """Whether its boxes are colored by stages of its own, which the legend can name."""
    return isinstance(architecture, Residual) or architecture.name in PLAIN


def _heading_height(column: _Column) -> float:
    return len(column.heading) * HEADING * 1.25 + len(column.details) * DETAIL * 1.3 + 2


def _sizes_of(column: _Column) -> dict[int, list[tuple[int, int]]]:
    """The sizes of the maps at each level, the image among them."""
    found = {0: [column.architecture.image_size]}
    for level, element in column.elements():
        sizes = found.setdefault(level, [])
        if element.size not in sizes:
            sizes.append(element.size)
    return found


def _sizes_by_level(columns: Sequence[_Column]) -> dict[int, set[tuple[int, int]]]:
    found: dict[int, set[tuple[int, int]]] = {}
    for column in columns:
        for level, sizes in _sizes_of(column).items():
            found.setdefault(level, set()).update(sizes)
    return found


def _sizes_text(sizes: Sequence[tuple[int, int]]) -> str:
    return ", ".join(map(size_text, sizes))


def _column_items(column: _Column, shades: Shades, numbers: range) -> Iterator[Item]:
    """The boxes of some groups with what leads to the next ones, their skip connections, and braces."""
    groups = column.figure.groups
    for number in range(numbers.start, min(numbers.stop, len(groups))):
        group, tops = groups[number], column.tops[number]
        after = column.tops[number + 1][0] if number + 1 < len(groups) else 0.0
        for element, top, following in zip(group.elements, tops, [*tops[1:], after], strict=True):
            fill, value = shades.of(column.index, element)
            yield _box(column, element, top, fill, value)
            if following:
                yield Line(((column.center, top + BOX), (column.center, following)), arrow=True)
        for skip in group.skips:
            yield from _skip_items(column, group, skip, tops)
    for repeat in column.figure.repeats:
        if repeat.first in numbers:
            bottom = column.tops[repeat.last][-1] + BOX
            yield from _brace_items(column, column.tops[repeat.first][0], bottom, repeat.times)


def _box(column: _Column, element: Element, top: float, fill: Fill, value: str) -> Box:
    rect = Rect(column.left, top, column.box_width, BOX)
    return Box(rect, (element.text,), element.names, column.index, element.stage, fill, size=TEXT, value=value)


def _bulge(skip: Skip, group: Group) -> float:
    """How far a skip connection leaves its column: farther than those that it goes around."""
    inside = sum(
        other != skip and skip.first <= other.first and other.last <= skip.last for other in group.skips
    )  # fmt: skip
    return BULGE + WIDER * inside


def _skip_items(column: _Column, group: Group, skip: Skip, tops: Sequence[float]) -> Iterator[Item]:
    start = tops[skip.first] - GAP * (1 - LEAVES)
    end = tops[skip.last] + BOX + GAP * ARRIVES
    bulge = _bulge(skip, group)
    points = _around(column.center, column.right, bulge, start, end)
    name = group.name or (skip.names[0] if skip.names else "")
    yield Arc(points, skip.changes_shape, name, skip.joint, column.index, names=skip.names)
    if skip.option:
        yield Label(skip.option, column.right + bulge + 3, (start + end) / 2, TEXT, "start")


def _around(center: float, edge: float, bulge: float, start: float, end: float) -> tuple[Point, ...]:
    """From the main path straight out between two boxes, around the boxes, and straight back to the main path."""
    third = (edge - center) / 3
    out = edge + bulge * 4 / 3
    return (
        (center, start), (center + third, start), (edge - third, start), (edge, start),
        (out, start), (out, end), (edge, end),
        (edge - third, end), (center + third, end), (center, end),
    )  # fmt: skip


def _brace_items(column: _Column, top: float, bottom: float, count: int) -> Iterator[Item]:
    x = column.left - 3
    yield Brace((x, bottom), (x, top), BRACE, "muted")
    yield Label(f"×{count}", x - BRACE - 3, (top + bottom) / 2, TEXT, "end")
