"""The choices that a kind of block has: their bounds, their way through JSON, and what excludes them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from resnet_studio.networks.architecture import (
    LIMITS,
    Architecture,
    ArchitectureError,
    Residual,
    differing,
    from_json,
    to_json,
    with_depth,
    with_text,
)
from resnet_studio.networks.families import FAMILIES, Family
from resnet_studio.networks.families.article import ArticleBottleneck
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.preactivation import PreActivationBasic, PreActivationBottleneck
from resnet_studio.networks.families.v2 import V2Basic, V2Bottleneck
from resnet_studio.networks.plan import blocks, layers_by_name, plan
from resnet_studio.networks.presets import title

NETWORK = Residual(Bottleneck("3x3"), (1, 1, 1, 1))
RESNEXT = replace(NETWORK, block=Bottleneck("3x3", 32, 4))


@pytest.mark.parametrize(
    ("architecture", "values"),
    [
        (RESNEXT, {"groups": 32, "width_per_group": 4}),
        (replace(NETWORK, block=Basic(10)), {"widen": 10}),
        (replace(NETWORK, se=16), {"se": 16}),
        (replace(NETWORK, dilated=2), {"dilated": 2}),
        (NETWORK, {}),
    ],
)
def test_json_has_what_version_0_1_lacks_only_where_it_is_used(
    architecture: Architecture, values: dict[str, int]
) -> None:
    written = to_json(architecture)
    later = {"groups", "width_per_group", "widen", "se", "dilated"}
    assert {name: value for name, value in written.items() if name in later} == values
    assert from_json(json.dumps(written)) == architecture


@pytest.mark.parametrize(
    ("block", "field", "values"),
    [
        (Bottleneck(), "groups", (1, 256)), (Bottleneck(), "width_per_group", (1, 512)), (Basic(), "widen", (1, 32)),
        (PreActivationBottleneck(), "groups", (1, 256)), (PreActivationBasic(), "widen", (1, 32)),
        (V2Bottleneck(), "width_per_group", (1, 512)), (V2Basic(), "widen", (1, 32)), (Basic(), "se", (0, 256)),
        (Basic(), "dilated", (0, 3)),
    ],
)  # fmt: skip
def test_a_number_is_accepted_up_to_its_bounds(block: object, field: str, values: tuple[int, int]) -> None:
    network = replace(NETWORK, block=block, width=64 if field == "width_per_group" else 32)
    for value in values:
        assert with_text(network, field, str(value)).values()[field] == value
    for value in (values[0] - 1, values[1] + 1):
        with pytest.raises(ArchitectureError, match="must be") as error:
            with_text(network, field, str(value))
        assert error.value.field == field


@pytest.mark.parametrize("value", [2.0, "2", True, None, [2]])
@pytest.mark.parametrize("field", ["groups", "se", "dilated"])
def test_what_is_no_integer_is_refused(field: str, value: object) -> None:
    with pytest.raises(ArchitectureError, match="must be an integer") as error:
        from_json({field: value})
    assert error.value.field == field


def test_every_number_has_its_limits() -> None:
    assert LIMITS.keys() == {
        "width", "channels", "image", "classes", "groups", "width_per_group", "widen", "se", "dilated",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("block", "field", "reason"),
    [
        (Basic(), "groups", "no groups"),
        (Bottleneck(), "widen", "width per group"),
        (ArticleBottleneck(), "groups", "no groups"),
        (PreActivationBasic(), "width_per_group", "no groups"),
        (V2Bottleneck(), "stride_on", "timm's code"),
    ],
)
def test_a_field_that_the_blocks_exclude_says_why(block: object, field: str, reason: str) -> None:
    with pytest.raises(ArchitectureError, match=reason):
        with_text(replace(NETWORK, block=block), field, "1x1" if field == "stride_on" else "2")


def test_a_group_needs_a_channel() -> None:
    with pytest.raises(ArchitectureError, match="at least 4 where the width is 16") as error:
        replace(NETWORK, block=Bottleneck(groups=32, width_per_group=3), width=16)
    assert error.value.field == "width_per_group"
    network = replace(NETWORK, block=Bottleneck(groups=32, width_per_group=4), width=16)
    assert layers_by_name(network)["layer1.0.conv2"].output[0] == 32


@pytest.mark.parametrize(
    ("block", "width", "field"), [(Bottleneck(groups=9), 1024, "groups"), (Basic(5), 2048, "widen")]
)
def test_a_stage_can_not_be_wider_than_the_widest_without_them(block: Family, width: int, field: str) -> None:
    with pytest.raises(ArchitectureError, match="channels, and may have 8,192") as error:
        replace(NETWORK, block=block, width=width)
    assert error.value.field == field


@pytest.mark.parametrize("dilated", [2, 3])
def test_the_first_stage_can_not_be_dilated(dilated: int) -> None:
    with pytest.raises(ArchitectureError, match="at most 1") as error:
        Residual(Basic(), (1, 1), dilated=dilated)
    assert error.value.field == "dilated"


def test_another_kind_of_block_keeps_the_numbers_that_both_have() -> None:
    pre_activation = with_text(RESNEXT, "variant", "preact")
    assert pre_activation == replace(RESNEXT, block=PreActivationBottleneck("3x3", 32, 4))
    assert with_text(pre_activation, "variant", "v2") == replace(RESNEXT, block=V2Bottleneck("3x3", 32, 4))
    assert with_text(RESNEXT, "block", "basic") == replace(RESNEXT, block=Basic())
    assert with_text(replace(RESNEXT, block=Basic(3)), "variant", "v2") == replace(RESNEXT, block=V2Basic(3))


def test_every_variant_has_both_kinds_of_block() -> None:
    found = {(family.block, family.variant) for family in FAMILIES}
    assert len(found) == len(FAMILIES) == 2 * len({variant for _, variant in found})


@pytest.mark.parametrize("stem", ["imagenet", "deep", "deep-tiered"])
def test_depths_are_the_papers_with_any_large_stem(stem: str) -> None:
    assert with_depth(replace(NETWORK, stem=stem), 101).blocks == (3, 4, 23, 3)


def test_fields_tell_networks_apart() -> None:
    assert differing(RESNEXT, NETWORK) == ["groups", "width_per_group"]
    text = title(replace(RESNEXT, se=8, shortcut="D", stem="deep-tiered", dilated=1))
    for part in ("groups 32", "width per group 4", "se 8", "shortcut D", "stem deep-tiered", "dilated 1"):
        assert part in text


def test_the_last_stages_dilate_instead_of_halving_the_size() -> None:
    """torchvision's replace_stride_with_dilation: the first 3×3 of a stage has the dilation of the one before."""
    network = Residual(Bottleneck("3x3"), (1, 1, 2, 2), image=64, dilated=2)
    layers = layers_by_name(network)
    middle = [layers[f"{block.name}.conv2"] for block in blocks(network)]
    assert [layer.dilation for layer in middle] == [1, 1, 1, 2, 2, 4]
    assert [layer.stride for layer in middle] == [1, 2, 1, 1, 1, 1]
    assert {layer.output[1] for layer in middle[1:]} == {8}
    usual = replace(network, dilated=0)
    assert [layer.parameters for layer in plan(network)] == [layer.parameters for layer in plan(usual)]


def test_shortcut_d_averages_only_where_the_size_is_halved() -> None:
    network = Residual(Bottleneck("3x3"), (1, 1), "D", image=66)
    layers = layers_by_name(network)
    assert "layer1.0.downsample.0" not in layers
    pool, projection = layers["layer2.0.downsample.0"], layers["layer2.0.downsample.1"]
    assert (pool.kind, pool.kernel, pool.stride, pool.input, pool.output) == (
        "average pool", 2, 2, (256, 17, 17), (256, 9, 9),
    )  # fmt: skip
    assert (projection.stride, projection.output) == (1, (512, 9, 9))
    assert [block.label for block in blocks(network)] == ["bottleneck, projection", "bottleneck, pooled projection"]


def test_a_gate_is_two_layers_of_weights_with_biases() -> None:
    """Hu et al. 2018: 2/r · C² weights a block, here with biases, too."""
    gated, plain = (Residual(Basic(), (1,), width=64, image=32, se=se) for se in (4, 0))
    more = sum(layer.parameters for layer in plan(gated)) - sum(layer.parameters for layer in plan(plain))
    assert more == 2 * 64 * 16 + 16 + 64
    assert [block.label for block in blocks(gated)] == ["SE basic, identity"]
    scale = layers_by_name(gated)["layer1.0.se.scale"]
    assert scale.inputs == ("layer1.0.bn2", "layer1.0.se.gate")
    assert scale.role == "residual"


def test_table_1_writes_groups_and_gates_as_their_papers_do() -> None:
    """Xie et al. 2017, Table 1, and Hu et al. 2018, Table 1."""
    network = replace(RESNEXT, se=16)
    first = [layer for layer in plan(network) if layer.block == "layer1.0"]
    assert network.block.lines(first) == ("1×1, 128", "3×3, 128, C=32", "1×1, 256", "fc, [16, 256]")
    dilated = [layer for layer in plan(replace(NETWORK, dilated=1)) if layer.block == "layer4.0"]
    assert NETWORK.block.lines(dilated) == ("1×1, 512", "3×3, 512", "1×1, 2048")


@pytest.mark.parametrize(
    ("architecture", "claims"),
    [
        (NETWORK, True), (replace(NETWORK, stem="cifar", shortcut="A"), True), (replace(NETWORK, shortcut="D"), False),
        (replace(NETWORK, stem="deep"), False), (replace(NETWORK, se=16), False), (RESNEXT, False),
        (replace(NETWORK, dilated=1), False), (replace(NETWORK, block=Basic(2)), False),
        (replace(NETWORK, block=V2Bottleneck()), False), (replace(NETWORK, block=ArticleBottleneck()), True),
    ],
)  # fmt: skip
def test_what_came_later_is_not_held_against_the_papers_figures(architecture: Residual, claims: bool) -> None:
    assert architecture.claims_paper_values is claims
