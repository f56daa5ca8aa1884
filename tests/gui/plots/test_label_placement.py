"""Labels of points: none covers another, a point or a line, and the important ones find a place first."""

from __future__ import annotations

import random
from itertools import combinations

from resnet_studio.gui.plots.label_placement import LabelRequest, PlacedLabel, Rect, place_labels

AREA = (0.0, 0.0, 800.0, 500.0)
RADIUS = 5.0


def overlap(one: Rect, other: Rect) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def around(point: tuple[float, float, float]) -> Rect:
    x, y, radius = point
    return x - radius, y - radius, x + radius, y + radius


def placed(
    points: list[tuple[float, float, float]], important: int = 0, blocked: tuple[Rect, ...] = ()
) -> list[PlacedLabel]:
    requests = [LabelRequest(at, 70, 14, at < important) for at in range(len(points))]
    return place_labels(points, requests, AREA, blocked)


def test_a_lonely_label_stands_to_the_right_of_its_point() -> None:
    (label,) = placed([(400, 250, RADIUS)])
    left, top, right, bottom = label.rect
    assert 400 + RADIUS < left < 400 + 3 * RADIUS
    assert (top + bottom) / 2 == 250
    assert right - left == 70
    assert label.leader is None


def test_at_the_right_edge_it_stands_to_the_left() -> None:
    (label,) = placed([(790, 250, RADIUS)])
    assert label.rect[2] < 790 - RADIUS


def test_nothing_overlaps_in_a_crowd() -> None:
    chance = random.Random(7)
    points = [(chance.uniform(0, 800), chance.uniform(0, 500), RADIUS) for _ in range(200)]
    lines = ((0.0, 249.0, 800.0, 251.0), (399.0, 0.0, 401.0, 500.0))
    labels = placed(points, 12, lines)
    assert 20 < len(labels) < 200  # in a crowd there is no place for all
    rects = [label.rect for label in labels]
    assert not any(overlap(one, other) for one, other in combinations(rects, 2))
    assert not any(overlap(rect, around(point)) for rect in rects for point in points)
    assert not any(overlap(rect, line) for rect in rects for line in lines)
    assert all(left >= 0 and top >= 0 and right <= 800 and bottom <= 500 for left, top, right, bottom in rects)


def test_important_labels_go_farther_away_and_a_line_leads_to_them() -> None:
    points = [(400 + 11 * column, 250 + 11 * row, RADIUS) for row in range(-2, 3) for column in range(-2, 3)]
    middle = points.index((400, 250, RADIUS))
    order = [middle, *(at for at in range(len(points)) if at != middle)]
    requests = [LabelRequest(at, 70, 14, important=at == middle) for at in order]
    labels = {label.index: label for label in place_labels(points, requests, AREA)}
    leader = labels[middle].leader
    assert leader is not None
    (x, y), end = leader
    assert abs(x - 400) <= RADIUS
    assert abs(y - 250) <= RADIUS
    left, top, right, bottom = labels[middle].rect
    assert left <= end[0] <= right
    assert top <= end[1] <= bottom
    others = [label.rect for label in labels.values() if label.index != middle]
    samples = [(x + part / 20 * (end[0] - x), y + part / 20 * (end[1] - y)) for part in range(21)]
    assert not any(overlap((a, b, a, b), rect) for a, b in samples for rect in others)


def test_who_asks_first_gets_the_place() -> None:
    points = [(400.0, 250.0, RADIUS), (404.0, 252.0, RADIUS)]
    first = place_labels(points, [LabelRequest(1, 700, 400), LabelRequest(0, 700, 400)], AREA)
    assert first == []  # too large for any place
    (only,) = place_labels(
        [(400, 10, RADIUS), (400, 30, RADIUS)], [LabelRequest(1, 380, 14), LabelRequest(0, 780, 14)], AREA
    )
    assert only.index == 1


def test_no_points_need_no_labels() -> None:
    assert place_labels([], [], AREA) == []
