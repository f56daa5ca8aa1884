"""Places for the labels of points: none covers another, a point, or a line. Needs no Qt.

Coordinates are pixels, y downwards. Labels are placed one by one, the most important first, each at the first of a
few places around its point that is free; what finds none stays without a label.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Rect: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom."""
GAP = 3.0
"""Pixels between a point and its label."""
RINGS = (0.0, 12.0, 26.0, 44.0, 66.0, 92.0)
"""How much farther from its point an important label may be; a line then joins them."""
LEADER_STEP = 4.0
"""Pixels between the places of a leader line that no label may cover."""


@dataclass(frozen=True, slots=True)
class LabelRequest:
    """A label that wants a place."""

    index: int
    """Of its point."""
    width: float
    height: float
    important: bool = False
    """Whether it may be away from its point, with a line between them."""


@dataclass(frozen=True, slots=True)
class PlacedLabel:
    """A label with its place; `leader` is the line from its point, if it is away from it."""

    index: int
    rect: Rect
    leader: tuple[tuple[float, float], tuple[float, float]] | None = None


def place_labels(
    points: Sequence[tuple[float, float, float]], requests: Iterable[LabelRequest], area: Rect,
    blocked: Sequence[Rect] = (),
) -> list[PlacedLabel]:  # fmt: skip
    """Places for the requested labels within an area, in the order of the requests.

    A point is x, y and the radius of its marker; `blocked` are other rectangles that no label may cover.
    """
    taken, labels = _Taken([*(_around(*point) for point in points), *blocked]), _Taken([])
    placed = []
    for request in requests:
        candidates = [one for one in _candidates(points[request.index], request, area) if _is_free(one, area, taken)]
        label = next((one for one in candidates if not _is_crossed(one, taken)), None)
        if label is None:  # then its line may cross other points
            label = next((one for one in candidates if not _is_crossed(one, labels)), None)
        if label is not None:
            placed.append(label)
            for rect in (label.rect, *_leader_rects(label)):
                taken.add(rect)
                labels.add(rect)
    return placed


class _Taken:
    """Rectangles that are taken, as an array that grows."""

    def __init__(self, rects: Sequence[Rect]) -> None:
        self._count = len(rects)
        self._rects: NDArray[np.float64] = np.empty((max(64, 2 * len(rects)), 4))
        self._rects[: len(rects)] = np.array(rects, dtype=float).reshape(-1, 4)

    def add(self, rect: Rect) -> None:
        if self._count == len(self._rects):
            self._rects = np.vstack((self._rects, np.empty_like(self._rects)))
        self._rects[self._count] = rect
        self._count += 1

    def hits(self, rect: Rect) -> bool:
        """Whether a rectangle overlaps a taken one."""
        left, top, right, bottom = self._rects[: self._count].T
        return bool(np.any((left < rect[2]) & (right > rect[0]) & (top < rect[3]) & (bottom > rect[1])))


def _around(x: float, y: float, radius: float) -> Rect:
    return x - radius, y - radius, x + radius, y + radius


def _candidates(
    point: tuple[float, float, float], request: LabelRequest, area: Rect
) -> Iterator[PlacedLabel]:  # fmt: skip
    """The places around a point, the best first: to the right, to the left, above, below, and the corners. Above and
    below a label moves sideways where the area ends."""
    x, y, radius = point
    for extra in RINGS if request.important else RINGS[:1]:
        away = radius + GAP + extra
        slant = away / math.sqrt(2)
        for across, up in ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1)):
            distance = slant if across and up else away
            left = x + across * (distance + request.width / 2) - request.width / 2
            top = y + up * (distance + request.height / 2) - request.height / 2
            if not across:
                left = max(area[0], min(left, area[2] - request.width))
            rect = left, top, left + request.width, top + request.height
            leader = _leader(point, rect) if extra else None
            yield PlacedLabel(request.index, rect, leader)


def _leader(point: tuple[float, float, float], rect: Rect) -> tuple[tuple[float, float], tuple[float, float]]:
    """The line from a marker's edge to the nearest point of the label."""
    x, y, radius = point
    end = min(max(x, rect[0]), rect[2]), min(max(y, rect[1]), rect[3])
    length = math.hypot(end[0] - x, end[1] - y) or 1.0
    return (x + radius * (end[0] - x) / length, y + radius * (end[1] - y) / length), end


def _is_free(label: PlacedLabel, area: Rect, taken: _Taken) -> bool:
    left, top, right, bottom = label.rect
    inside = left >= area[0] and top >= area[1] and right <= area[2] and bottom <= area[3]
    return inside and not taken.hits(label.rect)


def _is_crossed(label: PlacedLabel, taken: _Taken) -> bool:
    """Whether the line to a label crosses something."""
    return any(map(taken.hits, _leader_rects(label)))


def _leader_rects(label: PlacedLabel) -> Iterator[Rect]:
    """Small squares along a leader line."""
    if label.leader is None:
        return
    (x, y), (end_x, end_y) = label.leader
    steps = max(1, int(math.hypot(end_x - x, end_y - y) / LEADER_STEP))
    for step in range(1, steps):  # not where it touches its point and its label
        share = step / steps
        yield _around(x + share * (end_x - x), y + share * (end_y - y), 1.0)
