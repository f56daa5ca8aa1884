"""The color of each stage, the same in the whole program: in the window, and in the figures that are exported."""

from __future__ import annotations

import re

STAGE_COLORS = {
    "conv1": "#8792a6",
    "conv2_x": "#4a7fc1",
    "conv3_x": "#2f9f9a",
    "conv4_x": "#6aa64b",
    "conv5_x": "#d79f38",
    "conv6_x": "#cf7845",
    "conv7_x": "#b85f70",
    "fc": "#9670b4",
}
"""Legible on light and on dark."""


def color_of_stage(stage: str) -> str:
    """The color of a stage; of a part of a baseline that of the stage with its number, or the classifier's."""
    numbers = re.findall(r"\d+", stage)
    *convolutions, head = STAGE_COLORS.values()
    other = convolutions[int(numbers[-1]) % len(convolutions)] if numbers else head
    return STAGE_COLORS.get(stage, other)
