"""Which part of a photograph becomes the network's input. Only geometry, so the window can draw it at once.

Without transforms it follows torchvision (resized to cover `resize`, then center `crop`), or is the largest part of the
input's aspect ratio.
"""

from __future__ import annotations

from dataclasses import replace

from resnet_studio.inference.transforms import IDENTITY, RANGES, ImageTransforms
from resnet_studio.inference.values import Frame, Preprocessing
from resnet_studio.networks.image_size import ImageSize, height_width

MAX_RESIZED_PIXELS = 1 << 20
"""If resizing all of a very long photograph would make more pixels, only its middle is resized: twice as long as what
it has to cover, or longer if that stays below the limit."""


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
    crop_height, crop_width = preprocessing.crop_size
    if preprocessing.middle:
        across = min(width, height * crop_width / crop_height)
        down = min(height, width * crop_height / crop_width)
        return (width - across) / 2, (height - down) / 2, across, down
    left, top, part_width, part_height = resized_part(width, height, preprocessing.resize)
    new_height, new_width = resized_size(part_width, part_height, preprocessing.resize)
    scale_x, scale_y = part_width / new_width, part_height / new_height
    return (
        left + round((new_width - crop_width) / 2) * scale_x,
        top + round((new_height - crop_height) / 2) * scale_y,
        crop_width * scale_x,
        crop_height * scale_y,
    )


def resized_size(width: int, height: int, resize: ImageSize) -> tuple[int, int]:
    """Height and width to which an image is resized so that it covers a size, in its own aspect ratio: one of its sides
    fits exactly, the other is rounded down, as by torchvision's `Resize`."""
    covered_height, covered_width = height_width(resize)
    if width * covered_height > height * covered_width:
        return covered_height, int(covered_height * width / height)
    return int(covered_width * height / width), covered_width


def resized_part(width: int, height: int, resize: ImageSize) -> tuple[int, int, int, int]:
    """Left, top, width and height of the part to resize: all of a photograph, or the middle of a very long one."""
    covered_height, covered_width = height_width(resize)
    part_width = min(width, height * _largest_ratio(covered_width, covered_height))
    part_height = min(height, width * _largest_ratio(covered_height, covered_width))
    return (width - part_width) // 2, (height - part_height) // 2, part_width, part_height


def _largest_ratio(long: int, short: int) -> int:
    """How many times as long as wide a part may be that covers so many pixels along and across."""
    return max(-(-2 * long // short), MAX_RESIZED_PIXELS // short**2)


def _clamped(name: str, value: float) -> float:
    low, high = RANGES[name]
    return min(max(value, low), high)
