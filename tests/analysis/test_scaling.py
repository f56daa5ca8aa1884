"""Compound scaling and what rounding costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_studio.analysis.layer_sums import totals
from resnet_studio.analysis.roundings import change, rounding
from resnet_studio.analysis.scaling import ALPHA, BETA, EFFICIENTNETS, GAMMA, nearest_multiple, scaled
from resnet_studio.networks.architecture import ArchitectureError, Baseline, Residual
from resnet_studio.networks.presets import preset

BASE = preset("resnet50")


def test_the_rule_doubles_the_flops() -> None:
    assert pytest.approx(2, rel=0.05) == ALPHA * BETA**2 * GAMMA**2  # Tan and Le 2019, equation 3


def test_nothing_changes_without_scaling() -> None:
    assert scaled(BASE, 0) == (BASE, ())


def test_depth_width_and_image_grow_together() -> None:
    built, roundings = scaled(BASE, 2)
    assert built.blocks == (5, 6, 9, 5)  # 3, 4, 6, 3 × 1.44, up
    assert built.width == 80  # 64 × 1.21 = 77.44
    assert built.image == 296  # 224 × 1.3225 = 296.24
    assert {one.field: one.formula for one in roundings} == pytest.approx({
        "blocks of conv2_x": 4.32, "blocks of conv3_x": 5.76, "blocks of conv4_x": 8.64, "blocks of conv5_x": 4.32,
        "width": 77.44, "image": 296.24,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("channels", "expected"),
    [(32 * 1.1, 32), (16 * 1.4, 24), (24 * 1.1, 24), (320 * 1.2, 384), (1280 * 1.1, 1408), (16 * 1.8, 32), (3, 8)],
)
def test_channels_are_rounded_as_in_efficientnet(channels: float, expected: int) -> None:
    """Those of EfficientNet-B2, -B3, -B4 and -B6 in torchvision: 32 and 24 stay in -B2, its last layer has 1,408."""
    assert nearest_multiple(channels, 8) == expected


def test_no_phi_of_the_rule_gives_a_published_network() -> None:
    for published in EFFICIENTNETS:
        rule = (ALPHA**published.number, BETA**published.number, 224 * GAMMA**published.number)
        assert rule != pytest.approx((published.depth, published.width, published.image), rel=0.03)
        assert f"(published {published.image})" in published.words


def test_a_rounding_says_what_it_costs() -> None:
    def with_width(width: int) -> Residual:
        assert isinstance(BASE, Residual)
        return replace(BASE, width=width)

    found = rounding("width", 76.8, "down to a multiple of 4", 76, with_width)
    low, high = totals(with_width(76)), totals(with_width(77))
    assert found.macs == pytest.approx(0.2 * low.macs + 0.8 * high.macs)
    assert found.macs_change == pytest.approx((76 / 76.8) ** 2 - 1, abs=0.002)  # FLOPs grow with the width's square
    assert found.words.startswith("width 76.8 → 76 (down to a multiple of 4): −2.")


def test_blocks_cost_in_proportion() -> None:
    _, roundings = scaled(replace(preset("resnet18"), blocks=(10,)), 1 / 4)
    (blocks, *_) = roundings
    assert blocks.field == "blocks of conv2_x"
    built = totals(replace(preset("resnet18"), blocks=(11,), width=64, image=232))
    assert blocks.built == 11
    assert blocks.built_macs == built.macs
    assert blocks.macs < built.macs


def test_only_residual_networks_are_scaled_and_only_so_far() -> None:
    with pytest.raises(ArchitectureError, match="residual"):
        scaled(Baseline("efficientnet_b0"), 1)
    with pytest.raises(ArchitectureError, match="φ must be"):
        scaled(BASE, -1)
    with pytest.raises(ArchitectureError, match="image"):
        scaled(replace(BASE, image=1000), 12)  # 5,350 pixels wide


@pytest.mark.parametrize(("share", "text"), [(0.0212, "+2.1 %"), (-0.0213, "−2.1 %"), (-0.0001, "0.0 %")])
def test_changes_have_signs(share: float, text: str) -> None:
    assert change(share) == text
