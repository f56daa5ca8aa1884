"""Random residual networks of every block family."""

from __future__ import annotations

from itertools import product

from hypothesis import strategies as st

from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families import FAMILIES, Family

BLOCKS: tuple[Family, ...] = tuple(
    family(**dict(zip(family.choices(), values, strict=True)))
    for family in FAMILIES
    for values in product(*family.choices().values())
)
"""Every family with every combination of its own choices."""


@st.composite
def residuals(
    draw: st.DrawFn, *, stages: int = 6, blocks: int = 3, width: int = 8, image: int = 64, channels: int = 4,
    classes: int = 12,
) -> Residual:  # fmt: skip
    """Residual networks with at most these values."""
    block = draw(st.sampled_from(BLOCKS))
    return Residual(
        block,
        tuple(draw(st.lists(st.integers(1, blocks), min_size=1, max_size=stages))),
        draw(st.sampled_from(block.shortcuts)),
        draw(st.integers(1, width)),
        draw(st.sampled_from(["imagenet", "cifar"])),
        draw(st.integers(1, channels)),
        draw(st.integers(1, image)),
        draw(st.integers(1, classes)),
    )
