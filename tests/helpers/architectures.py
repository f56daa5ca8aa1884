"""Random residual networks of every block family, and which presets stand for all."""

from __future__ import annotations

from typing import get_args

from hypothesis import strategies as st

from resnet_studio.networks.architecture import MOST_CHANNELS, Baseline, Residual, Stem
from resnet_studio.networks.families import FAMILIES, Family
from resnet_studio.networks.image_size import ImageSize
from resnet_studio.networks.presets import PRESETS

OWN_PRESETS = tuple(
    name for name, value in PRESETS.items() if isinstance(value, Residual) or name in ("vgg19", "alexnet")
)
"""The residual presets and two baselines: for what takes long for seventy baselines."""
ONE_OF_EACH_KIND = (
    "vgg11_bn", "squeezenet1_1", "googlenet", "inception_v3", "densenet121", "mobilenet_v2", "mobilenet_v3_small",
    "mnasnet0_5", "shufflenet_v2_x0_5", "efficientnet_b0", "efficientnet_v2_s", "regnet_x_400mf", "regnet_y_400mf",
    "convnext_tiny", "vit_b_32", "swin_t", "swin_v2_t", "maxvit_t",
)  # fmt: skip
"""A small baseline of every kind."""
SMALL_BASELINES = {
    name: Baseline(name, {"inception_v3": 80, "maxvit_t": 224}.get(name, 64), 10) for name in ONE_OF_EACH_KIND
}
"""The same for small images."""
LARGEST = {"groups": 4, "widen": 3}
"""Of the blocks' own numbers, so that networks stay small."""


@st.composite
def families(draw: st.DrawFn, width: int) -> Family:
    """Blocks of any family for networks of a width."""
    family = draw(st.sampled_from(FAMILIES))
    choices = {name: draw(st.sampled_from(values)) for name, values in family.choices().items()}
    least = {"width_per_group": -(-64 // width)}  # so that a group has a channel
    most = {name: min(value, MOST_CHANNELS // width) for name, value in LARGEST.items()}
    most["width_per_group"] = max(least["width_per_group"], min(200, 64 * MOST_CHANNELS // width // most["groups"]))
    numbers = {name: draw(st.integers(least.get(name, 1), most[name])) for name in family.ranges()}
    return family(**choices, **numbers)


def image_sizes(least: int, most: int) -> st.SearchStrategy[ImageSize]:
    """Squares and others, whose sides are in that range."""
    side = st.integers(least, most)
    return st.one_of(side, st.tuples(side, side))


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
        draw(image_sizes(1, image)),
        draw(st.integers(1, classes)),
        draw(st.sampled_from([0, 0, 1, 2, 16])),
        draw(st.integers(0, len(counts) - 1)),
    )
