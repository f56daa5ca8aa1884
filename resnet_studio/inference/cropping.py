"""Which part of a photograph becomes the network's input. Geometry alone, so the window draws it at once.

Without handles it is torchvision's rule (shorter side to `resize`, then the centre `crop`), or the largest square.
"""

from __future__ import annotations

from dataclasses import replace

from resnet_studio.inference.transforms import IDENTITY, RANGES, ImageTransforms
from resnet_studio.inference.values import Frame, Preprocessing

MOST_RESIZED = 1 << 20
"""Pixels. Of a photograph so long that resizing all of it would make more, only the middle is resized: twice as
long as wide, or longer if that stays below."""


def frame(width: int, height: int, preprocessing: Preprocessing, handles: ImageTransforms = IDENTITY) -> Frame:
    """Where the input lies on a photograph of that size."""
    left, top, crop_width, crop_height = crop_box(width, height, preprocessing)
    return Frame(
        left + crop_width / 2 + handles.x * crop_width,
        top + crop_height / 2 + handles.y * crop_height,
        crop_width / handles.zoom,
        crop_height / handles.zoom,
        handles.rotation,
        handles.flipped,
    )


def moved(handles: ImageTransforms, across: float, down: float) -> ImageTransforms:
    """The crop moved by so many (unzoomed) crops, within what the handles allow."""
    return replace(handles, x=_within("x", handles.x + across), y=_within("y", handles.y + down))


def zoomed(handles: ImageTransforms, factor: float) -> ImageTransforms:
    """Things `factor` times larger than before, within what the handles allow."""
    return replace(handles, zoom=_within("zoom", handles.zoom * factor))


def crop_box(width: int, height: int, preprocessing: Preprocessing) -> tuple[float, float, float, float]:
    """Where the untouched input lies in a photograph of that size: left, top, width and height in its pixels."""
    if preprocessing.middle:
        side = min(width, height)
        return (width - side) / 2, (height - side) / 2, side, side
    left, top, part_width, part_height = resized_part(width, height, preprocessing.resize)
    short = min(part_width, part_height)
    resized = [int(preprocessing.resize * side / short) for side in (part_width, part_height)]
    scale_x, scale_y = part_width / resized[0], part_height / resized[1]
    crop = preprocessing.crop
    return (
        left + round((resized[0] - crop) / 2) * scale_x,
        top + round((resized[1] - crop) / 2) * scale_y,
        crop * scale_x,
        crop * scale_y,
    )


def resized_part(width: int, height: int, resize: int) -> tuple[int, int, int, int]:
    """Left, top, width and height of what is resized: all of a photograph, or the middle of a very long one."""
    longest = min(width, height) * max(2, MOST_RESIZED // resize**2)
    part_width, part_height = min(width, longest), min(height, longest)
    return (width - part_width) // 2, (height - part_height) // 2, part_width, part_height


def _within(name: str, value: float) -> float:
    low, high = RANGES[name]
    return min(max(value, low), high)
