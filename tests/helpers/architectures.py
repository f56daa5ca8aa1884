"""Random residual networks of every block family."""

from __future__ import annotations

from typing import get_args

from hypothesis import strategies as st

from resnet_studio.networks.architecture import Residual, Stem
from resnet_studio.networks.families import FAMILIES, Family

LARGEST = {"groups": 4, "width_per_group": 200, "widen": 3}
"""Of the blocks' own numbers, so that networks stay small."""


@st.composite
def families(draw: st.DrawFn, width: int) -> Family:
    """Blocks of any family for networks of a width."""
    family = draw(st.sampled_from(FAMILIES))
    smallest = {"width_per_group": -(-64 // width)}  # so that a group has a channel
    choices = {name: draw(st.sampled_from(values)) for name, values in family.choices().items()}
    numbers = {
        name: draw(st.integers(smallest.get(name, least), max(smallest.get(name, least), LARGEST[name])))
        for name, (least, _) in family.ranges().items()
    }
    return family(**choices, **numbers)


@st.composite
def residuals(
    draw: st.DrawFn, *, stages: int = 6, blocks: int = 3, width: int = 8, image: int = 64, channels: int = 4,
    classes: int = 12,
) -> Residual:  # fmt: skip
    """Residual networks with at most these values."""
    wide = draw(st.integers(1, width))
    block = draw(families(wide))
    counts = tuple(draw(st.lists(st.integers(1, blocks), min_size=1, max_size=stages)))
    return Residual(
        block,
        counts,
        draw(st.sampled_from(block.shortcuts)),
        wide,
        draw(st.sampled_from(get_args(Stem))),
        draw(st.integers(1, channels)),
        draw(st.integers(1, image)),
        draw(st.integers(1, classes)),
        draw(st.sampled_from([0, 0, 1, 2, 16])),
        draw(st.integers(0, len(counts) - 1)),
    )
