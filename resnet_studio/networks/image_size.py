"""The size of a network's input: the side of a square, or height and width. Needs no torch."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias

from resnet_studio.formatting import dimensions

ImageSize: TypeAlias = int | tuple[int, int]
"""Side of a square in pixels, or height and width, which then differ."""
TIMES = re.compile("[xX×]")


def as_image_size(sides: Iterable[int]) -> ImageSize:
    """Height and width as a size: one number if they are equal."""
    height, width = sides
    return height if height == width else (height, width)


def height_width(size: ImageSize) -> tuple[int, int]:
    return size if isinstance(size, tuple) else (size, size)


def scaled(size: ImageSize, new: int, old: int) -> ImageSize:
    """A size whose sides are `new` where those of the given one are `old`, rounded to whole pixels."""
    return as_image_size(round(side * new / old) for side in height_width(size))


def image_text(size: ImageSize) -> str:
    """A size as it is written in a field: "224", or "224×320", height before width."""
    return dimensions(size) if isinstance(size, tuple) else str(size)


def read_image_size(text: str) -> ImageSize:
    """A size from text: "224", "224x320" or "224×320"; `ValueError` for anything else."""
    sides = [int(side) for side in TIMES.split(text)]
    if len(sides) > 2:
        raise ValueError(f"an image has two sides, not {len(sides)}")
    return as_image_size((sides[0], sides[-1]))
