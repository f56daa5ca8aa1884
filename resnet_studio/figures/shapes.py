"""The outlines of a drawing's items that no writer has a shape of its own for. Needs neither torch nor Qt."""

from __future__ import annotations

import math
from collections.abc import Sequence

from resnet_studio.figures.drawing import ARROW, Box, Point

HALF = 1.25
"""Half of an arrowhead's width."""
BACK = 0.7
"""How much of an extrusion goes to the right, and as much upwards."""


def arrowhead(points: Sequence[Point]) -> tuple[Point, Point, Point]:
    """The triangle at the end of a line: its tip, and its corners."""
    (x, y), (along_x, along_y) = points[-1], _direction(points)
    base_x, base_y = x - ARROW * along_x, y - ARROW * along_y
    return (
        (x, y), (base_x - HALF * along_y, base_y + HALF * along_x), (base_x + HALF * along_y, base_y - HALF * along_x)
    )  # fmt: skip


def shortened(points: Sequence[Point]) -> tuple[Point, ...]:
    """A line that ends within its arrowhead."""
    (x, y), (along_x, along_y) = points[-1], _direction(points)
    return (*points[:-1], (x - 0.8 * ARROW * along_x, y - 0.8 * ARROW * along_y))


def _direction(points: Sequence[Point]) -> Point:
    """In which direction a line ends."""
    x, y = points[-1]
    before = next(((px, py) for px, py in reversed(points[:-1]) if math.hypot(x - px, y - py) > 1e-6), (x, y - 1))
    length = math.hypot(x - before[0], y - before[1])
    return (x - before[0]) / length, (y - before[1]) / length


def top_face(box: Box) -> tuple[Point, ...]:
    """The top of an extruded box."""
    left, top, right, _ = _corners(box)
    back = BACK * box.extrusion
    return (left, top), (left + back, top - back), (right + back, top - back), (right, top)


def side_face(box: Box) -> tuple[Point, ...]:
    """The right side of an extruded box."""
    _, top, right, bottom = _corners(box)
    back = BACK * box.extrusion
    return (right, top), (right + back, top - back), (right + back, bottom - back), (right, bottom)


def _corners(box: Box) -> tuple[float, float, float, float]:
    return box.rect.x, box.rect.y, box.rect.right, box.rect.bottom


def rounded(corners: Sequence[Point], radius: float) -> tuple[Point, ...]:
    """A line through upright and level stretches as Bézier curves, with round corners."""
    points: list[Point] = [corners[0]]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        turn = min(radius, math.dist(before, corner) / 2, math.dist(corner, after) / 2)
        enters, leaves = _towards(corner, before, turn), _towards(corner, after, turn)
        points += _straight(points[-1], enters)
        points += (_towards(corner, before, 0.45 * turn), _towards(corner, after, 0.45 * turn), leaves)
    return (*points, *_straight(points[-1], corners[-1]))


def _straight(start: Point, end: Point) -> tuple[Point, Point, Point]:
    """A straight line as a Bézier curve, without its start."""
    return _part(start, end, 1 / 3), _part(start, end, 2 / 3), end


def _towards(start: Point, end: Point, distance: float) -> Point:
    length = math.dist(start, end)
    return _part(start, end, distance / length) if length else start


def _part(start: Point, end: Point, share: float) -> Point:
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])
