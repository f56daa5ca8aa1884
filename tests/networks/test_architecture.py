"""Architectures as values: what they accept, what they refuse and at which field, and their way through JSON."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from architectures import image_sizes, residuals
from resnet_studio.networks.architecture import (
    Architecture,
    ArchitectureError,
    Baseline,
    Residual,
    from_json,
    to_json,
    with_depth,
    with_text,
)
from resnet_studio.networks.families.article import ArticleBasic, ArticleBottleneck
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck

valid = residuals(blocks=1000, width=2048, image=4096, channels=1024, classes=1_000_000)
baselines = st.builds(
    Baseline, name=st.sampled_from(["vgg19", "alexnet"]), image=image_sizes(63, 4096), classes=st.integers(1, 1000)
)
architectures = st.one_of(valid, baselines)


@given(architectures)
def test_json_returns_an_equal_value(architecture: Architecture) -> None:
    text = json.dumps(to_json(architecture))
    assert from_json(text) == from_json(json.loads(text)) == architecture
    assert hash(from_json(text)) == hash(architecture)


@given(architectures)
def test_every_field_can_be_set_by_its_text(architecture: Architecture) -> None:
    """One after the other, the kind of block first: the others may belong to it."""
    values = architecture.values()
    made: Architecture = Residual() if isinstance(architecture, Residual) else Baseline()
    for field in sorted(values, key=lambda field: (field != "variant", field != "block")):
        value = values[field]
        text = ("x" if field == "image" else ",").join(map(str, value)) if isinstance(value, tuple) else str(value)
        made = with_text(made, field, f" {text} ")
        assert made.values()[field] == value
    assert made == architecture


def test_the_article_by_its_text_brings_what_its_blocks_need() -> None:
    assert with_text(Residual(shortcut="C"), "variant", "article") == Residual(ArticleBottleneck(), shortcut="B")


def test_another_kind_of_block_keeps_what_both_kinds_have() -> None:
    wide = Residual(Bottleneck("3x3"), (1, 2), "C", width=32, image=64)
    assert with_text(wide, "block", "basic") == replace(wide, block=Basic())
    assert with_text(with_text(wide, "variant", "article"), "variant", "paper") == replace(wide, shortcut="B")


def test_a_choice_that_the_blocks_lack_is_refused_with_the_reason() -> None:
    with pytest.raises(ArchitectureError, match=r"stride_on: A basic block halves the size with its first"):
        with_text(Residual(Basic()), "stride_on", "3x3")
    with pytest.raises(ArchitectureError, match=r"stride_on: must be one of 3x3, got '1x1'\. The article"):
        with_text(Residual(ArticleBasic()), "stride_on", "1x1")


def test_every_basic_block_of_0_1_has_a_stride_that_means_nothing() -> None:
    """Version 0.1 wrote and read the field for all blocks."""
    assert from_json({"block": "basic", "stride_on": "3x3"}) == from_json({"block": "basic"}) == Residual(Basic())
    assert to_json(Residual(Basic()))["stride_on"] == "1x1"
    assert to_json(Residual(ArticleBasic()))["stride_on"] == "3x3"


@pytest.mark.parametrize("field", ["width", "image", "classes", "channels"])
@pytest.mark.parametrize("value", [0, -1, 10**9, 2.0, "64", True, None, float("nan")])
def test_a_count_out_of_its_range_is_refused_at_its_field(field: str, value: object) -> None:
    with pytest.raises(ArchitectureError) as error:
        Residual(**{field: value})
    assert error.value.field == field
    assert str(error.value).startswith(f"{field}: ")


@pytest.mark.parametrize(
    "blocks", [(), (0,), (3, -1), (1,) * 7, (1001,), (2.0,), (True,), ("3",), "3,4", 3, None, {3: 4}]
)
def test_impossible_blocks_are_refused(blocks: object) -> None:
    with pytest.raises(ArchitectureError) as error:
        Residual(blocks=blocks)
    assert error.value.field == "blocks"


@pytest.mark.parametrize("field", ["block", "stride_on", "shortcut", "stem", "variant"])
@pytest.mark.parametrize("value", ["", "Basic", "b", 1, None, ["B"], {}])
def test_a_choice_that_does_not_exist_is_refused(field: str, value: object) -> None:
    with pytest.raises(ArchitectureError, match="must be one of") as error:
        from_json({field: value})
    assert error.value.field == field


@pytest.mark.parametrize(("field", "value"), [("shortcut", "A"), ("shortcut", "none"), ("stride_on", "1x1")])
@pytest.mark.parametrize("block", ["basic", "bottleneck"])
def test_the_articles_blocks_know_one_shortcut_and_one_stride(block: str, field: str, value: str) -> None:
    with pytest.raises(ArchitectureError) as error:
        from_json({"block": block, "variant": "article", field: value})
    assert error.value.field == field


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "architecture"),
        ("{", "architecture"),
        ("[]", "architecture"),
        ("NaN", "architecture"),
        ('"residual"', "architecture"),
        ("[" * 100_000, "architecture"),
        ('{"image": ' + "9" * 5000 + "}", "architecture"),
        ('{"kind": "transformer"}', "kind"),
        ('{"kind": ["residual"]}', "kind"),
        ('{"depth": 50}', "depth"),
        ('{"kind": "baseline", "width": 64}', "width"),
        ('{"kind": "baseline", "name": "vgg20"}', "name"),
        ('{"blocks": "3,4,6,3"}', "blocks"),
        ('{"blocks": [3, 4.0]}', "blocks"),
        ('{"image": 1e400}', "image"),
        ('{"image": null}', "image"),
    ],
)
def test_json_without_an_architecture_is_refused(text: str, field: str) -> None:
    with pytest.raises(ArchitectureError) as error:
        from_json(text)
    assert error.value.field == field


@pytest.mark.parametrize(
    ("field", "text"),
    [("width", "wide"), ("image", ""), ("image", "1.5"), ("blocks", "3,,4"), ("blocks", "3;4"), ("depth", "50")],
)
def test_text_that_is_no_value_is_refused(field: str, text: str) -> None:
    with pytest.raises(ArchitectureError) as error:
        with_text(Residual(), field, text)
    assert error.value.field == field


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_imagenet_depths_count_the_weighted_layers(depth: int) -> None:
    assert with_depth(Residual(), depth).depth == depth


@pytest.mark.parametrize("n", [3, 5, 7, 9, 18, 200])
def test_cifar_depths_are_6n_plus_2(n: int) -> None:
    deep = with_depth(Residual(stem="cifar", width=16, shortcut="A"), 6 * n + 2)
    assert (deep.block, deep.blocks, deep.depth) == (Basic(), (n, n, n), 6 * n + 2)
    assert (deep.stem, deep.width, deep.shortcut) == ("cifar", 16, "A")


@pytest.mark.parametrize(("stem", "depth"), [("imagenet", 20), ("cifar", 50), ("imagenet", 0)])
def test_a_depth_that_the_paper_does_not_have_is_refused(stem: str, depth: int) -> None:
    with pytest.raises(ArchitectureError) as error:
        with_depth(Residual(stem=stem), depth)
    assert error.value.field == "depth"


def test_an_error_crosses_a_process_border_whole() -> None:
    error = ArchitectureError("width", "must be: from 1")
    again = pickle.loads(pickle.dumps(error))
    assert (again.field, str(again)) == ("width", "width: must be: from 1")
