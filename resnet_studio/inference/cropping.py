"""Which part of a photograph becomes the network's input. Only geometry, so the window can draw it at once.

Without transforms it follows torchvision (shorter side to `resize`, then center `crop`), or is the largest square.
"""

from __future__ import annotations

from dataclasses import replace

from resnet_studio.inference.transforms import IDENTITY, RANGES, ImageTransforms
from resnet_studio.inference.values import Frame, Preprocessing

MAX_RESIZED_PIXELS = 1 << 20
"""If resizing all of a very long photograph would make more pixels, only its middle is resized: twice as long as
wide, or longer if that stays below the limit."""


def frame(width: int, height: int, preprocessing: Preprocessing, transforms: ImageTransforms = IDENTITY) -> Frame:
    """Where the input lies on a photograph of that size."""
    left, top, crop_width, crop_height = crop_box(width, height, preprocessing)
    return Frame(
        left + crop_width / 2 + transforms.x * crop_width,
        top + crop_height / 2 + transforms.y * crop_height,
        crop_width / transforms.zoom,
        crop_height / transforms.zoom,
        transforms.rotation,
        transforms.flipped,
    )


def moved(transforms: ImageTransforms, across: float, down: float) -> ImageTransforms:
    """The crop moved by so many (unzoomed) crop sizes, clamped to the allowed range."""
    return replace(transforms, x=_clamped("x", transforms.x + across), y=_clamped("y", transforms.y + down))


def zoomed(transforms: ImageTransforms, factor: float) -> ImageTransforms:
    """Zoomed in by `factor`, clamped to the allowed range."""
    return replace(transforms, zoom=_clamped("zoom", transforms.zoom * factor))


def crop_box(width: int, height: int, preprocessing: Preprocessing) -> tuple[float, float, float, float]:
    """Where the input lies without transforms: left, top, width and height in the photograph's pixels."""
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
    """Left, top, width and height of the part to resize: all of a photograph, or the middle of a very long one."""
    longest = min(width, height) * max(2, MAX_RESIZED_PIXELS // resize**2)
    part_width, part_height = min(width, longest), min(height, longest)
    return (width - part_width) // 2, (height - part_height) // 2, part_width, part_height


def _clamped(name: str, value: float) -> float:
    low, high = RANGES[name]
    return min(max(value, low), high)
