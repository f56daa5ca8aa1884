"""Where the parts of a drawing are, and which of them are in each other's way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from resnet_studio.figures.drawing import Arc, Box, Brace, Drawing, Label, Line
from resnet_studio.figures.text_metrics import SPARE

STEPS = np.linspace(0, 1, 25)[:, None]
WIDENING = {"start": (0.0, 1.0), "middle": (0.5, 0.5), "end": (1.0, 0.0)}
Rects = NDArray[np.float64]
"""N × 4: left, top, right, bottom."""


def text_rects(labels: Sequence[Label]) -> Rects:
    """The areas of texts in a font that is as wide as a drawing leaves room for."""
    found = []
    for label in labels:
        left, top, width, height = label.rect
        before, after = (share * width * (SPARE - 1) for share in WIDENING[label.anchor])
        found.append((left - before, top, left + width + after, top + height))
    return np.array(found)


def box_rect(box: Box) -> tuple[float, float, float, float]:
    return box.rect.x, box.rect.y, box.rect.right, box.rect.bottom


def curve(points: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """Points on cubic Bézier curves, from their formula."""
    parts = []
    for number in range(0, len(points) - 1, 3):
        p0, p1, p2, p3 = (np.array(points[number + offset]) for offset in range(4))
        t = STEPS
        parts.append((1 - t) ** 3 * p0 + 3 * (1 - t) ** 2 * t * p1 + 3 * (1 - t) * t**2 * p2 + t**3 * p3)
    return np.concatenate(parts)


def polyline(points: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    parts = [np.array(start) + STEPS * (np.array(end) - np.array(start)) for start, end in pairwise(points)]
    return np.concatenate(parts)


def crossings(drawing: Drawing) -> Iterator[str]:
    """Skip connections, braces and arrows that run through a text."""
    labels = list(drawing.labels())
    rects = text_rects(labels)
    for item in drawing.items:
        match item:
            case Arc() | Brace():
                points = curve(item.points)
            case Line():
                points = polyline(item.points)
            case _:
                continue
        x, y = points[:, :1], points[:, 1:]
        inside = (rects[:, 0] < x) & (x < rects[:, 2]) & (rects[:, 1] < y) & (y < rects[:, 3])
        for number in np.flatnonzero(inside.any(axis=0)):
            yield f"{type(item).__name__} {item.points[0]} … {item.points[-1]} crosses {labels[number].text!r}"


def overlaps(drawing: Drawing) -> Iterator[str]:
    """Texts that overlap each other, in order to tell which."""
    labels = list(drawing.labels())
    for first, second in overlapping(text_rects(labels)):
        yield f"{labels[first].text!r} and {labels[second].text!r} overlap"


def overlapping(rects: Rects, least: float = 0.01) -> list[tuple[int, int]]:
    """Pairs of rectangles that share more than an edge."""
    left = np.maximum(rects[:, None, :2], rects[None, :, :2])
    right = np.minimum(rects[:, None, 2:], rects[None, :, 2:])
    shared = ((right - left) > least).all(axis=2)
    return [(int(one), int(other)) for one, other in zip(*np.nonzero(np.triu(shared, 1)), strict=True)]


def box_overlaps(drawing: Drawing) -> Iterator[str]:
    """Boxes of layers that overlap each other."""
    boxes = [box for box in drawing.boxes if box.names]
    for first, second in overlapping(np.array([box_rect(box) for box in boxes])):
        yield f"{boxes[first].layer} and {boxes[second].layer} overlap"


def leaving(drawing: Drawing) -> Iterator[str]:
    """Texts that leave their box, and items that leave the drawing."""
    for box in drawing.boxes:
        left, top, right, bottom = box_rect(box)
        for label in box.labels():
            x0, y0, x1, y1 = text_rects([label])[0]
            if x0 < left or x1 > right or y0 < top - 0.01 or y1 > bottom + 0.01:
                yield f"{label.text!r} leaves its box"
    labels = list(drawing.labels())
    for label, (x0, y0, x1, y1) in zip(labels, text_rects(labels), strict=True):
        if x0 < 0 or y0 < 0 or x1 > drawing.width or y1 > drawing.height:
            yield f"{label.text!r} leaves the drawing"
    for item in drawing.items:
        if not isinstance(item, Label):
            x, y, width, height = item.bounds
            if x < -0.01 or y < -0.01 or x + width > drawing.width + 0.01 or y + height > drawing.height + 0.01:
                yield f"{item} leaves the drawing"


def faults(drawing: Drawing) -> list[str]:
    """Everything that is in the way of something else."""
    return [*crossings(drawing), *overlaps(drawing), *box_overlaps(drawing), *leaving(drawing)]
